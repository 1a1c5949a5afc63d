"""From which probability on each kind of signal is told, with all it ever was and why.

Every function takes the connection of a running transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.errors import InvalidInput
from kit.ids import WorkspaceId
from signals.policy import GREATEST_THRESHOLD, LEAST_THRESHOLD, POLICIES
from signals.signal import SignalKind
from store.tables import signal_thresholds as table


@dataclass(frozen=True, slots=True)
class ThresholdChange:
    """One change of a threshold, by whom (``outcomes``, or a person) and the numbers that led to it."""

    kind: SignalKind
    threshold: float
    previous: float
    who: str
    because: Mapping[str, Any]
    at: datetime


class ThresholdStore:
    """Reads thresholds and appends changes of them; nothing is overwritten."""

    async def current(self, connection: AsyncConnection, workspace: WorkspaceId) -> dict[SignalKind, float]:
        """The threshold of every kind: the last that was set, else the one that it begins with."""
        newest = select(func.max(table.c.id)).where(table.c.workspace_id == workspace).group_by(table.c.kind)
        rows = await connection.execute(select(table.c.kind, table.c.threshold).where(table.c.id.in_(newest)))
        begin = {kind: policy.threshold for kind, policy in POLICIES.items()}
        return {**begin, **{SignalKind(row.kind): row.threshold for row in rows}}

    async def change(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        kind: SignalKind,
        threshold: float,
        *,
        who: str,
        because: Mapping[str, Any],
        at: datetime,
    ) -> ThresholdChange:
        """Set the threshold of ``kind``. Raises ``InvalidInput`` beyond 0.5 and 0.95."""
        if not LEAST_THRESHOLD <= threshold <= GREATEST_THRESHOLD:
            raise InvalidInput(
                f"A threshold is between {LEAST_THRESHOLD:g} and {GREATEST_THRESHOLD:g}, not {threshold:g}."
            )
        previous = (await self.current(connection, workspace))[kind]
        await connection.execute(
            insert(table).values(
                workspace_id=workspace,
                kind=kind,
                threshold=threshold,
                previous=previous,
                who=who,
                because=dict(because),
                made_at=at,
            )
        )
        return ThresholdChange(kind, threshold, previous, who, because, at)

    async def history(
        self, connection: AsyncConnection, workspace: WorkspaceId, kind: SignalKind | None = None
    ) -> list[ThresholdChange]:
        """Every change, of ``kind`` or of all, the oldest first."""
        query = select(table).where(table.c.workspace_id == workspace)
        if kind is not None:
            query = query.where(table.c.kind == kind)
        return [_change(row) for row in await connection.execute(query.order_by(table.c.id))]


def _change(row: Row[Any]) -> ThresholdChange:
    return ThresholdChange(
        SignalKind(row.kind), row.threshold, row.previous, row.who, row.because, row.made_at
    )
