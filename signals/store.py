"""Signals in the database. Every function takes the connection of a running transaction.

Quotes are encrypted on the way in and decrypted on the way out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import ConversationId, CustomerId, MessageId, SignalId, WorkspaceId, new_id
from signals.errors import UnknownSignal
from signals.signal import (
    Qualification,
    Quote,
    Signal,
    SignalKind,
    SignalState,
    Stated,
    StatedField,
    Team,
)
from store.encryption import Cipher
from store.tables import customers, signal_sightings, signals

# What a hearing that is surer than all before it brings with it.
_OF_HEARING = ("probability", "evidence", "source", "model", "conversation_id", "ticket_id", "link")
_ATTEMPTS = 3  # to open a signal while others open and close the same


def _as_it_is(signal: Signal) -> Signal:
    return signal


@dataclass(frozen=True, slots=True)
class SignalFilter:
    """Which signals a list has; none asks for all. ``customer`` has those of who was merged into them, too.

    ``at_least`` is a probability, ``since`` of creation.
    """

    kind: SignalKind | None = None
    team: Team | None = None
    state: SignalState | None = None
    customer: CustomerId | None = None
    conversation: ConversationId | None = None
    owner: str | None = None
    at_least: float | None = None
    since: datetime | None = None


class SignalStore:
    """Reads and writes signals; knows no rules. At most one of a customer and kind is open."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    async def claim(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        kind: SignalKind,
        origin: str,
        *,
        probability: float,
        at: datetime,
    ) -> bool:
        """Whether ``kind`` is heard for the first time in ``origin`` (a message, a ticket, an event).

        Whoever was told so has to ``put`` the signal in the same transaction.
        """
        statement = _upsert(connection)(signal_sightings).values(
            workspace_id=workspace, kind=kind, origin=origin, probability=probability, seen_at=at
        )
        made = statement.on_conflict_do_nothing().returning(signal_sightings.c.id)
        return (await connection.execute(made)).scalar() is not None

    async def open_of(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, kind: SignalKind
    ) -> Signal | None:
        """The open signal of the customer and kind, locked until the transaction ends; none without one."""
        query = _of_workspace(workspace).where(
            signals.c.customer_id == customer, signals.c.kind == kind, signals.c.state == SignalState.OPEN
        )
        row = (await connection.execute(query.with_for_update())).one_or_none()
        return None if row is None else self._signal(row)

    async def put(
        self,
        connection: AsyncConnection,
        heard: Signal,
        *,
        origin: str,
        finish: Callable[[Signal], Signal] = _as_it_is,
    ) -> Signal:
        """Store a signal that was heard in ``origin``: a new one, or one more hearing of the open one.

        Of customers who became one, what is open of any of them is heard again: one contact, one task.
        What a hearing is worth against those before it: see ``Signal``. ``finish`` routes what will be
        stored. Gives it as it stands then.
        """
        stored = None
        for _ in range(_ATTEMPTS):
            stored = await self._put(connection, heard, finish)
            if stored is not None:
                break
        assert stored is not None  # somebody opened and closed one of its kind, each time in between
        await connection.execute(
            update(signal_sightings)
            .where(
                signal_sightings.c.workspace_id == stored.workspace_id,
                signal_sightings.c.kind == stored.kind,
                signal_sightings.c.origin == origin,
            )
            .values(signal_id=stored.id)
        )
        return stored

    async def get(
        self, connection: AsyncConnection, workspace: WorkspaceId, signal: SignalId, *, lock: bool = False
    ) -> Signal:
        """The signal; with ``lock`` nobody else changes it until the transaction ends.

        Raises ``UnknownSignal``.
        """
        query = _of_workspace(workspace).where(signals.c.id == signal)
        row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            raise UnknownSignal(f"There is no signal {signal}.")
        return self._signal(row)

    async def page(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        *,
        matching: SignalFilter,
        before: SignalId | None = None,
        limit: int = 50,
    ) -> list[Signal]:
        """Signals that match, newest first, before ``before``: the last one's id asks for the next page."""
        query = _of_workspace(workspace)
        equal = {
            "kind": matching.kind,
            "team": matching.team,
            "state": matching.state,
            "conversation_id": matching.conversation,
            "owner": matching.owner,
        }
        for name, value in equal.items():
            if value is not None:
                query = query.where(signals.c[name] == value)
        if matching.customer is not None:
            query = query.where(signals.c.customer_id.in_(_family(workspace, matching.customer)))
        if matching.at_least is not None:
            query = query.where(signals.c.probability >= matching.at_least)
        if matching.since is not None:
            query = query.where(signals.c.created_at >= matching.since)
        if before is not None:
            query = query.where(signals.c.id < before)
        rows = await connection.execute(query.order_by(signals.c.id.desc()).limit(limit))
        return [self._signal(row) for row in rows]

    async def all_of(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> list[Signal]:
        """Every signal of the customer and of those who were merged into it, the oldest first."""
        theirs = signals.c.customer_id.in_(_family(workspace, customer))
        query = _of_workspace(workspace).where(theirs).order_by(signals.c.id)
        return [self._signal(row) for row in await connection.execute(query)]

    async def set_state(
        self, connection: AsyncConnection, signal: Signal, state: SignalState, *, at: datetime
    ) -> Signal:
        """``signal`` in another state, one revision on; the same where it is in it already."""
        if signal.state is state:
            return signal
        changed = replace(signal, state=state, revision=signal.revision + 1, updated_at=at)
        await self.change(connection, changed)
        return changed

    async def change(self, connection: AsyncConnection, signal: Signal) -> None:
        """Write ``signal`` over what is stored of it; whoever does has it locked."""
        await connection.execute(
            update(signals)
            .where(signals.c.workspace_id == signal.workspace_id, signals.c.id == signal.id)
            .values({name: value for name, value in self._values(signal).items() if name != "id"})
        )

    async def add(self, connection: AsyncConnection, signal: Signal) -> bool:
        """Store a new signal as it is; not where it is open, and another of its customer and kind is."""
        insert = _upsert(connection)(signals).values(self._values(signal)).on_conflict_do_nothing()
        return (await connection.execute(insert.returning(signals.c.id))).scalar() is not None

    async def expire(self, connection: AsyncConnection, workspace: WorkspaceId, *, at: datetime) -> int:
        """End every open signal whose time is over; how many there were."""
        over = and_(
            signals.c.workspace_id == workspace,
            signals.c.state == SignalState.OPEN,
            signals.c.expires_at <= at,
        )
        ended = update(signals).where(over)
        result = await connection.execute(
            ended.values(state=SignalState.EXPIRED, revision=signals.c.revision + 1, updated_at=at)
        )
        return int(result.rowcount)

    async def erase(self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId) -> int:
        """Delete every signal of the customer with its hearings and outcomes; how many signals there were."""
        of_customer = and_(signals.c.workspace_id == workspace, signals.c.customer_id == customer)
        return int((await connection.execute(delete(signals).where(of_customer))).rowcount)

    async def of_message(
        self, connection: AsyncConnection, workspace: WorkspaceId, origin: str
    ) -> list[Signal]:
        """Every signal that was heard in ``origin``, likeliest first."""
        heard = select(signal_sightings.c.signal_id).where(
            signal_sightings.c.workspace_id == workspace, signal_sightings.c.origin == origin
        )
        query = _of_workspace(workspace).where(signals.c.id.in_(heard))
        rows = await connection.execute(query.order_by(signals.c.probability.desc(), signals.c.id))
        return [self._signal(row) for row in rows]

    async def open_kinds(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, *, at: datetime
    ) -> dict[SignalKind, Signal]:
        """The customer's open signals whose time is not over, by kind."""
        query = _of_workspace(workspace).where(
            signals.c.customer_id == customer,
            signals.c.state == SignalState.OPEN,
            signals.c.expires_at > at,
        )
        found = [self._signal(row) for row in await connection.execute(query.order_by(signals.c.id))]
        return {signal.kind: signal for signal in found}

    async def _put(
        self, connection: AsyncConnection, heard: Signal, finish: Callable[[Signal], Signal]
    ) -> Signal | None:
        for known in await self._open_of_family(connection, heard):
            if known.expires_at > heard.updated_at:
                merged = finish(again(known, heard))
                await self.change(connection, merged)
                return merged
            await self.set_state(connection, known, SignalState.EXPIRED, at=heard.updated_at)
        new = finish(heard)
        return new if await self.add(connection, new) else None

    async def _open_of_family(self, connection: AsyncConnection, heard: Signal) -> list[Signal]:
        """What is open of the kind of the customer, its own first, and of those in it; all of it locked."""
        query = _of_workspace(heard.workspace_id).where(
            signals.c.customer_id.in_(_family(heard.workspace_id, heard.customer_id)),
            signals.c.kind == heard.kind,
            signals.c.state == SignalState.OPEN,
        )
        rows = await connection.execute(query.order_by(signals.c.id).with_for_update())
        found = [self._signal(row) for row in rows]
        return sorted(found, key=lambda one: (one.customer_id != heard.customer_id, one.id))

    def _values(self, signal: Signal) -> dict[str, Any]:
        plain = {column.name: getattr(signal, column.name) for column in signals.c}
        return {
            **plain,
            "evidence": self._encrypted(signal.evidence),
            "stated": self._encrypted(signal.stated),
            "targets": None if signal.targets is None else list(signal.targets),
            "why": list(signal.why),
        }

    def _encrypted(self, words: Sequence[Quote | Stated]) -> bytes:
        return self._cipher.encrypt(json.dumps([asdict(one) for one in words]))

    def _signal(self, row: Row[Any]) -> Signal:
        return Signal(
            id=SignalId(row.id),
            workspace_id=WorkspaceId(row.workspace_id),
            customer_id=CustomerId(row.customer_id),
            kind=SignalKind(row.kind),
            probability=row.probability,
            evidence=tuple(_quote(one) for one in json.loads(self._cipher.decrypt(row.evidence))),
            source=row.source,
            model=row.model,
            team=Team(row.team),
            created_at=row.created_at,
            updated_at=row.updated_at,
            expires_at=row.expires_at,
            conversation_id=None if row.conversation_id is None else ConversationId(row.conversation_id),
            ticket_id=row.ticket_id,
            link=row.link,
            next_action=row.next_action,
            owner=row.owner,
            score=row.score,
            occurrences=row.occurrences,
            revision=row.revision,
            targets=None if row.targets is None else tuple(row.targets),
            state=SignalState(row.state),
            priority=row.priority,
            why=tuple(row.why),
            stated=tuple(_stated(one) for one in json.loads(self._cipher.decrypt(row.stated))),
            qualification=None if row.qualification is None else Qualification(row.qualification),
        )


def again(known: Signal, heard: Signal) -> Signal:
    """``known`` after one more hearing: the evidence of the surest stays, of two the same the older."""
    said = {one.field: one for one in (*known.stated, *heard.stated)}
    taken = _OF_HEARING if heard.probability > known.probability else ()
    return replace(
        known,
        **{name: getattr(heard, name) for name in taken},
        stated=tuple(said.values()),
        occurrences=known.occurrences + 1,
        revision=known.revision + 1,
        updated_at=heard.updated_at,
        expires_at=max(known.expires_at, heard.expires_at),
    )


def new_signal_id() -> SignalId:
    """An id for a signal that is heard of for the first time."""
    return SignalId(new_id("sig"))


def _quote(record: dict[str, Any]) -> Quote:
    message = record.pop("message_id")
    return Quote(**record, message_id=None if message is None else MessageId(message))


def _stated(record: dict[str, Any]) -> Stated:
    message = record.pop("message_id")
    field = StatedField(record.pop("field"))
    return Stated(field, **record, message_id=None if message is None else MessageId(message))


def _of_workspace(workspace: WorkspaceId) -> Select[Any]:
    return select(signals).where(signals.c.workspace_id == workspace)


def _family(workspace: WorkspaceId, customer: CustomerId) -> Select[Any]:
    """The ids of a customer and of those who were merged into it."""
    return select(customers.c.id).where(
        customers.c.workspace_id == workspace,
        or_(customers.c.id == customer, customers.c.survivor_id == customer),
    )


def _upsert(connection: AsyncConnection) -> Any:  # noqa: ANN401 (the two dialects share no type for it)
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
