"""Second opinions in the database, beside the tickets that they are about.

Every function takes the connection of a running transaction. Reasons are encrypted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import WorkspaceId
from store.encryption import Cipher
from store.tables import second_opinions, tickets
from triage.corrections import LabelKind, TicketId
from triage.second_opinion import SecondOpinion

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class StoredOpinion:
    """An opinion, and when it was stored."""

    opinion: SecondOpinion
    at: datetime


class OpinionStore:
    """At most one opinion of each ticket; it goes with its ticket."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    async def add(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        ticket: TicketId,
        opinion: SecondOpinion,
        *,
        at: datetime,
    ) -> bool:
        """Store it, unless the ticket has one or is gone; whether it was stored."""
        upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        there = select(tickets.c.id).where(tickets.c.workspace_id == workspace, tickets.c.id == ticket)
        # Nobody erases the ticket before this transaction ends.
        if (await connection.execute(there.with_for_update(read=True, key_share=True))).one_or_none() is None:
            return False
        statement = upsert(second_opinions).values(
            ticket_id=ticket,
            workspace_id=workspace,
            classifier=opinion.classifier,
            candidates=list(opinion.candidates),
            label=opinion.label,
            agrees=opinion.agrees,
            reason=self._cipher.encrypt(opinion.reason),
            model=opinion.model,
            prompt=opinion.prompt,
            input_tokens=opinion.input_tokens,
            output_tokens=opinion.output_tokens,
            seconds=opinion.seconds,
            failure=opinion.failure,
            made_at=at,
        )
        stored = statement.on_conflict_do_nothing().returning(second_opinions.c.ticket_id)
        return (await connection.execute(stored)).one_or_none() is not None

    async def of_tickets(
        self, connection: AsyncConnection, workspace: WorkspaceId, ids: Collection[TicketId]
    ) -> dict[TicketId, StoredOpinion]:
        """The opinions of those tickets that have one."""
        query = select(second_opinions).where(
            second_opinions.c.workspace_id == workspace, second_opinions.c.ticket_id.in_(ids)
        )
        return {
            TicketId(row.ticket_id): StoredOpinion(
                _opinion(row, reason=self._cipher.decrypt(row.reason)), row.made_at
            )
            for row in await connection.execute(query)
        }

    async def settled(
        self, connection: AsyncConnection, workspace: WorkspaceId, *, since: datetime | None = None
    ) -> list[tuple[SecondOpinion, str | None]]:
        """Every opinion since then without its reason, and the intent that people gave its ticket, if any."""
        query = (
            select(second_opinions, tickets.c.final_labels)
            .join(tickets, tickets.c.id == second_opinions.c.ticket_id)
            .where(second_opinions.c.workspace_id == workspace)
            .order_by(second_opinions.c.ticket_id)
            .limit(_PAGE)
        )
        if since is not None:
            query = query.where(second_opinions.c.made_at >= since)
        found: list[tuple[SecondOpinion, str | None]] = []
        page = (await connection.execute(query)).all()
        while page:
            found += [(_opinion(row), row.final_labels.get(LabelKind.INTENT)) for row in page]
            await asyncio.sleep(0)  # SQLite runs on this thread: others have their turn between two pages
            further = query.where(second_opinions.c.ticket_id > page[-1].ticket_id)
            page = (await connection.execute(further)).all()
        return found


def _opinion(row: Row[Any], *, reason: str = "") -> SecondOpinion:
    return SecondOpinion(
        classifier=row.classifier,
        candidates=tuple(row.candidates),
        label=row.label,
        agrees=row.agrees,
        reason=reason,
        model=row.model,
        prompt=row.prompt,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        seconds=row.seconds,
        failure=row.failure,
    )
