"""Corrections in the database. Every function takes the connection of a running transaction.

Texts are encrypted on the way in and decrypted on the way out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import WorkspaceId
from store.encryption import Cipher
from store.tables import corrections
from triage.corrections import (
    Correction,
    CorrectionId,
    CorrectionSource,
    LabelKind,
    TicketId,
    check_correction,
    in_order_of_time,
)
from triage.errors import UnknownCorrection
from triage.text_hash import TextHash

_PAGE = 1000


class CorrectionStore:
    """Appends and reads corrections; what is withdrawn stays, what is erased is gone."""

    def __init__(self, cipher: Cipher, text_hash: TextHash) -> None:
        self._cipher = cipher
        self._hash = text_hash

    async def append(
        self, connection: AsyncConnection, workspace: WorkspaceId, correction: Correction
    ) -> Correction:
        """Store a correction; gives it with its id. Raises ``CorrectionsInvalid``."""
        check_correction(correction)
        result = await connection.execute(
            corrections.insert()
            .values(
                workspace_id=workspace,
                ticket_id=correction.ticket,
                text=self._cipher.encrypt(correction.text),
                text_hash=self._hash.of(correction.text),
                kind=correction.kind,
                was=correction.was,
                became=correction.became,
                who=correction.who,
                source=correction.source,
                made_at=correction.at,
            )
            .returning(corrections.c.id)
        )
        return replace(correction, id=CorrectionId(int(result.scalar_one())))

    async def get(
        self, connection: AsyncConnection, workspace: WorkspaceId, correction: CorrectionId
    ) -> Correction:
        """The correction. Raises ``UnknownCorrection``."""
        query = select(corrections).where(
            corrections.c.workspace_id == workspace, corrections.c.id == correction
        )
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise UnknownCorrection(f"There is no correction {correction}.")
        return self._correction(row)

    async def of_kind(
        self, connection: AsyncConnection, workspace: WorkspaceId, kind: LabelKind
    ) -> list[Correction]:
        """Every correction of ``kind`` that was not withdrawn, the oldest first."""
        query = (
            select(corrections)
            .where(
                corrections.c.workspace_id == workspace,
                corrections.c.kind == kind,
                corrections.c.withdrawn_at.is_(None),
            )
            .order_by(corrections.c.id)
            .limit(_PAGE)
        )
        found: list[Correction] = []
        page = (await connection.execute(query)).all()
        while page:
            found += [self._correction(row) for row in page]
            await asyncio.sleep(0)  # SQLite runs on this thread: others have their turn between two pages
            page = (await connection.execute(query.where(corrections.c.id > page[-1].id))).all()
        return in_order_of_time(found)

    async def counting(
        self, connection: AsyncConnection, workspace: WorkspaceId, kind: LabelKind
    ) -> dict[int, bool]:
        """The id of every correction of ``kind`` that was not erased, and whether it counts still."""
        query = select(corrections.c.id, corrections.c.withdrawn_at).where(
            corrections.c.workspace_id == workspace, corrections.c.kind == kind
        )
        return {int(row.id): row.withdrawn_at is None for row in await connection.execute(query)}

    async def labels(
        self, connection: AsyncConnection, workspace: WorkspaceId, kind: LabelKind
    ) -> frozenset[str]:
        """Every label that a correction of ``kind`` gave and that counts still."""
        query = (
            select(corrections.c.became)
            .distinct()
            .where(
                corrections.c.workspace_id == workspace,
                corrections.c.kind == kind,
                corrections.c.withdrawn_at.is_(None),
                corrections.c.became.is_not(None),
            )
        )
        return frozenset(row.became for row in await connection.execute(query))

    async def of_ticket(
        self, connection: AsyncConnection, workspace: WorkspaceId, ticket: TicketId
    ) -> list[Correction]:
        """Every correction of the ticket's labels, the withdrawn among them, the oldest first."""
        query = select(corrections).where(
            corrections.c.workspace_id == workspace, corrections.c.ticket_id == ticket
        )
        rows = await connection.execute(query.order_by(corrections.c.made_at, corrections.c.id))
        return [self._correction(row) for row in rows]

    async def withdraw(
        self, connection: AsyncConnection, workspace: WorkspaceId, correction: CorrectionId, *, at: datetime
    ) -> Correction:
        """Let a correction count for nothing from now on; twice is once. Raises ``UnknownCorrection``."""
        await connection.execute(
            update(corrections)
            .where(
                corrections.c.workspace_id == workspace,
                corrections.c.id == correction,
                corrections.c.withdrawn_at.is_(None),
            )
            .values(withdrawn_at=at)
        )
        return await self.get(connection, workspace, correction)

    async def erase(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        *,
        texts: Collection[str],
        ticket: TicketId | None = None,
    ) -> int:
        """Delete every correction of any of ``texts``, and of ``ticket``; gives how many there were."""
        of_text = corrections.c.text_hash.in_([self._hash.of(text) for text in texts])
        is_theirs = of_text if ticket is None else or_(of_text, corrections.c.ticket_id == ticket)
        result = await connection.execute(
            delete(corrections).where(corrections.c.workspace_id == workspace, is_theirs)
        )
        return int(result.rowcount)

    def _correction(self, row: Row[Any]) -> Correction:
        return Correction(
            text=self._cipher.decrypt(row.text),
            kind=LabelKind(row.kind),
            became=row.became,
            was=row.was,
            who=row.who,
            source=CorrectionSource(row.source),
            at=row.made_at,
            ticket=None if row.ticket_id is None else TicketId(row.ticket_id),
            id=CorrectionId(row.id),
            withdrawn_at=row.withdrawn_at,
        )
