"""Tickets in the database. Every function takes the connection of a running transaction.

Texts are encrypted on the way in and decrypted on the way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import WorkspaceId, new_id
from store.encryption import Cipher
from store.tables import tickets
from triage.correction_store import CorrectionStore
from triage.corrections import SEVERAL, Correction, CorrectionId, CorrectionSource, LabelKind, TicketId
from triage.errors import UnknownCorrection, UnknownTicket
from triage.examples import OUT_OF_SCOPE
from triage.label_record import ROUTING, label_record, with_routing
from triage.labels import Certainty, Triage
from triage.reading import read_message
from triage.routing import Routing
from triage.text_hash import TextHash

_RULED = frozenset({LabelKind.QUEUE, LabelKind.PRIORITY})  # which label the rules have a say in


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A ticket as it comes in. ``source`` says whose ``external_id`` it is."""

    source: str
    external_id: str
    text: str
    subject: str = ""
    channel: str = "api"
    customer: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A message with what the models and the rules said of it (``labels``) and what people said.

    ``labels`` are a ``label_record`` ``with_routing``, by version ``model``. ``final_labels`` has people's
    label of each kind they spoke of; of signals and urgency, whether each that they named holds. ``intent``,
    ``queue`` and ``certainty`` are what people said, else the rules, else the models.
    """

    id: TicketId
    workspace_id: WorkspaceId
    source: str
    external_id: str
    channel: str
    subject: str
    text: str
    customer: Mapping[str, Any]
    labels: Mapping[str, Any]
    model: str | None
    final_labels: Mapping[str, Any]
    intent: str | None
    queue: str | None
    certainty: Certainty | None
    created_at: datetime
    updated_at: datetime

    @property
    def read(self) -> str:
        """What the model reads of it; what its corrections teach about."""
        return _read(self.text, self.subject)

    @property
    def routing(self) -> Mapping[str, Any] | None:
        """Where the rules sent it and why, as ``with_routing`` keeps it; none without rules."""
        return self.labels.get(ROUTING)


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """Which tickets a list has; none asks for all. ``since`` is the earliest time of creation."""

    queue: str | None = None
    intent: str | None = None
    certainty: Certainty | None = None
    since: datetime | None = None


class TicketReader(Protocol):
    """Hears of a ticket's labels in the transaction that stores them; what it raises takes them back."""

    async def labelled(
        self, connection: AsyncConnection, ticket: Ticket, triage: Triage, *, at: datetime
    ) -> None:
        """``triage`` is what the models said of ``ticket``, as it is stored with them."""
        ...


class TicketStore:
    """Reads and writes tickets with their corrections; knows no models.

    ``reader`` is told of what models say of a ticket when it comes in; of what a backfill changes it is not.
    """

    def __init__(self, cipher: Cipher, text_hash: TextHash, *, reader: TicketReader | None = None) -> None:
        self._cipher = cipher
        self._reader = reader
        self._hash = text_hash
        self.corrections = CorrectionStore(cipher, text_hash)

    async def create_or_get(
        self, connection: AsyncConnection, workspace: WorkspaceId, ticket: NewTicket, *, at: datetime
    ) -> tuple[Ticket, bool]:
        """The ticket with this source and external id, and whether it was made just now.

        One that is there already stays as it is, whatever ``ticket`` says.
        """
        upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        statement = upsert(tickets).values(
            id=new_id("tkt"),
            workspace_id=workspace,
            source=ticket.source,
            external_id=ticket.external_id,
            channel=ticket.channel,
            subject=self._cipher.encrypt(ticket.subject),
            text=self._cipher.encrypt(ticket.text),
            text_hash=self._hash.of(_read(ticket.text, ticket.subject)),
            customer=dict(ticket.customer or {}),
            labels={},
            final_labels={},
            created_at=at,
            updated_at=at,
        )
        made = (await connection.execute(statement.on_conflict_do_nothing().returning(tickets.c.id))).scalar()
        query = select(tickets).where(
            tickets.c.workspace_id == workspace,
            tickets.c.source == ticket.source,
            tickets.c.external_id == ticket.external_id,
        )
        return self._ticket((await connection.execute(query)).one()), made is not None

    async def get(
        self, connection: AsyncConnection, workspace: WorkspaceId, ticket: TicketId, *, lock: bool = False
    ) -> Ticket:
        """The ticket; with ``lock`` nobody else changes it until the transaction ends.

        Raises ``UnknownTicket``.
        """
        query = select(tickets).where(tickets.c.workspace_id == workspace, tickets.c.id == ticket)
        row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            raise UnknownTicket(f"There is no ticket {ticket}.")
        return self._ticket(row)

    async def page(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        *,
        matching: TicketFilter,
        before: TicketId | None = None,
        limit: int = 50,
    ) -> list[Ticket]:
        """Tickets that match, newest first, before ``before``: the last one's id asks for the next page."""
        query = select(tickets).where(tickets.c.workspace_id == workspace)
        for name in ("queue", "intent", "certainty"):
            value = getattr(matching, name)
            if value is not None:
                query = query.where(tickets.c[name] == value)
        if matching.since is not None:
            query = query.where(tickets.c.created_at >= matching.since)
        if before is not None:
            query = query.where(tickets.c.id < before)
        rows = await connection.execute(query.order_by(tickets.c.id.desc()).limit(limit))
        return [self._ticket(row) for row in rows]

    async def set_labels(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        ticket: TicketId,
        *,
        triage: Triage,
        routing: Routing | None = None,
        at: datetime,
    ) -> Ticket:
        """Store what the models and the rules say; what people said stays. Raises ``UnknownTicket``."""
        record = with_routing(label_record(triage), routing)
        labelled = await self.put_labels(
            connection, workspace, ticket, labels=record, model=triage.model, at=at
        )
        if self._reader is not None:
            await self._reader.labelled(connection, labelled, triage, at=at)
        return labelled

    async def put_labels(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        ticket: TicketId,
        *,
        labels: Mapping[str, Any],
        model: str | None,
        at: datetime,
    ) -> Ticket:
        """As ``set_labels``, with labels as a ticket has them: those of a backfill, or those before it."""
        before = await self.get(connection, workspace, ticket, lock=True)
        labelled = replace(before, labels=dict(labels), model=model, updated_at=at)
        return await self._write_labels(connection, labelled)

    async def correct(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        ticket: TicketId,
        *,
        kind: LabelKind,
        became: str | None,
        was: str | None = None,
        who: str,
        source: CorrectionSource,
        at: datetime,
    ) -> tuple[Ticket, Correction]:
        """Store what a person says of one label. ``was`` is by default what the ticket said so far.

        Of signals and urgency, ``became`` adds one, and ``was`` without it takes one away. Raises
        ``UnknownTicket`` and ``CorrectionsInvalid``.
        """
        before = await self.get(connection, workspace, ticket, lock=True)
        said = was if was is not None or kind in SEVERAL else _said(before, kind)
        correction = await self.corrections.append(
            connection,
            workspace,
            Correction(before.read, kind, became, said, who, source, at, ticket=ticket),
        )
        return await self._settle(connection, before, at=at), correction

    async def withdraw(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        correction: CorrectionId,
        *,
        ticket: TicketId | None = None,
        at: datetime,
    ) -> Correction:
        """Let a correction count for nothing; its ticket goes back to the word before it, if any.

        With ``ticket`` it must be one of its. Raises ``UnknownCorrection``.
        """
        if ticket is not None:
            found = await self.corrections.get(connection, workspace, correction)
            if found.ticket != ticket:
                raise UnknownCorrection(f"There is no correction {correction} of the ticket {ticket}.")
        withdrawn = await self.corrections.withdraw(connection, workspace, correction, at=at)
        if withdrawn.ticket is not None:
            before = await self.get(connection, workspace, withdrawn.ticket, lock=True)
            await self._settle(connection, before, at=at)
        return withdrawn

    async def erase(self, connection: AsyncConnection, workspace: WorkspaceId, ticket: TicketId) -> int:
        """Delete the ticket and every correction of its text, also those made without the ticket.

        Gives how many corrections went. Models that learned from them are made anew by the next
        ``Learner.learn``, which finds them gone. Raises ``UnknownTicket``.
        """
        found = await self.get(connection, workspace, ticket, lock=True)
        erased = await self.corrections.erase(
            connection, workspace, texts=(found.read, found.text), ticket=ticket
        )
        await connection.execute(
            delete(tickets).where(tickets.c.workspace_id == workspace, tickets.c.id == ticket)
        )
        return erased

    async def _settle(self, connection: AsyncConnection, ticket: Ticket, *, at: datetime) -> Ticket:
        """What people say of the ticket, from all they said that still counts."""
        said = await self.corrections.of_ticket(connection, ticket.workspace_id, ticket.id)
        settled = replace(ticket, final_labels=final_labels(said), updated_at=at)
        return await self._write_labels(connection, settled)

    async def _write_labels(self, connection: AsyncConnection, ticket: Ticket) -> Ticket:
        intent = _said(ticket, LabelKind.INTENT)
        certainty = ticket.labels.get("certainty")
        if LabelKind.INTENT in ticket.final_labels:
            certainty = Certainty.OUT_OF_SCOPE if intent == OUT_OF_SCOPE else Certainty.SURE
        written = replace(
            ticket,
            intent=intent,
            queue=_said(ticket, LabelKind.QUEUE),
            certainty=None if certainty is None else Certainty(certainty),
        )
        names = ("labels", "model", "final_labels", "intent", "queue", "certainty", "updated_at")
        await connection.execute(
            update(tickets)
            .where(tickets.c.workspace_id == ticket.workspace_id, tickets.c.id == ticket.id)
            .values({name: getattr(written, name) for name in names})
        )
        return written

    def _ticket(self, row: Row[Any]) -> Ticket:
        return Ticket(
            id=TicketId(row.id),
            workspace_id=WorkspaceId(row.workspace_id),
            source=row.source,
            external_id=row.external_id,
            channel=row.channel,
            subject=self._cipher.decrypt(row.subject),
            text=self._cipher.decrypt(row.text),
            customer=row.customer,
            labels=row.labels,
            model=row.model,
            final_labels=row.final_labels,
            intent=row.intent,
            queue=row.queue,
            certainty=None if row.certainty is None else Certainty(row.certainty),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


def final_labels(corrections: Iterable[Correction]) -> dict[str, Any]:
    """People's label by kind; of signals and urgency, whether each that was named holds. Oldest first."""
    final: dict[str, Any] = {}
    for correction in corrections:
        if correction.withdrawn_at is not None:
            continue
        if correction.kind in SEVERAL:
            held = final.setdefault(str(correction.kind), {})
            held.update({name: False for name in (correction.was,) if name})
            held.update({name: True for name in (correction.became,) if name})
        else:
            final[str(correction.kind)] = correction.became
    return final


def _said(ticket: Ticket, kind: LabelKind) -> str | None:
    """The ticket's one label of ``kind``: people's, else the rules', else the models'."""
    if kind in ticket.final_labels:
        return str(ticket.final_labels[kind])
    if ticket.routing is not None and kind in _RULED:
        return str(ticket.routing[kind])
    said = ticket.labels.get(kind)
    return None if said is None else str(said["name"])


def _read(text: str, subject: str) -> str:
    return read_message(text, subject=subject).text or text
