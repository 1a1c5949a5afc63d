"""What outcomes taught, in the database: a row for each change of a kind's model, the youngest in force.

Every function takes the connection of a running transaction.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import WorkspaceId
from signals.signal import SignalKind
from signals.worth.worth import WorthModel
from signals.worth.worth_learning import Live, Verdict
from store.tables import signal_worth_models as table

_KEPT = 256  # models in memory, of some kilobytes each


@dataclass(frozen=True, slots=True)
class WorthChange:
    """A change of what is in force for ``kind``, with the numbers that led to it."""

    kind: SignalKind
    live: Live
    because: dict[str, Any]
    at: datetime


class WorthStore:
    """Reads and appends models. One of another ``encoder`` is none: its weights are of other vectors."""

    def __init__(self, encoder: str) -> None:
        self._encoder = encoder
        self._models: OrderedDict[int, Live] = OrderedDict()

    async def live(
        self, connection: AsyncConnection, workspace: WorkspaceId, kinds: Iterable[SignalKind]
    ) -> dict[SignalKind, Live]:
        """What is in force, by kind; none of kinds that nothing was learnt of."""
        newest = (
            select(func.max(table.c.id))
            .where(
                table.c.workspace_id == workspace,
                table.c.kind.in_(list(kinds)),
                table.c.encoder == self._encoder,
            )
            .group_by(table.c.kind)
        )
        rows = (
            await connection.execute(select(table.c.id, table.c.kind).where(table.c.id.in_(newest)))
        ).all()
        unknown = [row.id for row in rows if row.id not in self._models]
        if unknown:
            for row in await connection.execute(select(table).where(table.c.id.in_(unknown))):
                model = None if row.model is None else WorthModel.of(row.model)
                self._models[row.id] = Live(model, row.cut, row.learnt_until)
        found = {SignalKind(row.kind): self._models[row.id] for row in rows}
        for row in rows:
            self._models.move_to_end(row.id)
        while len(self._models) > _KEPT:
            self._models.popitem(last=False)
        return found

    async def change(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        kind: SignalKind,
        verdict: Verdict,
        *,
        at: datetime,
    ) -> None:
        """Put what ``verdict`` came to in force; nothing where it leaves what is."""
        live = verdict.live
        if live is None:
            return
        await connection.execute(
            insert(table).values(
                workspace_id=workspace,
                kind=kind,
                model=None if live.model is None else live.model.record(),
                encoder=self._encoder,
                cut=live.cut,
                because=because(verdict),
                learnt_until=live.learnt_until,
                made_at=at,
            )
        )

    async def history(self, connection: AsyncConnection, workspace: WorkspaceId) -> list[WorthChange]:
        """Every change, the oldest first."""
        query = select(table).where(table.c.workspace_id == workspace).order_by(table.c.id)
        return [
            WorthChange(
                SignalKind(row.kind),
                Live(None if row.model is None else WorthModel.of(row.model), row.cut, row.learnt_until),
                row.because,
                row.made_at,
            )
            for row in await connection.execute(query)
        ]


async def learnt_kinds(connection: AsyncConnection, workspace: WorkspaceId) -> set[SignalKind]:
    """Kinds that a model is in force for, whoever's vectors it is of."""
    newest = select(func.max(table.c.id)).where(table.c.workspace_id == workspace).group_by(table.c.kind)
    rows = await connection.execute(select(table.c.kind, table.c.model).where(table.c.id.in_(newest)))
    return {SignalKind(row.kind) for row in rows if row.model is not None}


def because(verdict: Verdict) -> dict[str, Any]:
    """The numbers of ``verdict``, without the model."""
    return {name: value for name, value in asdict(verdict).items() if name != "live" and value is not None}
