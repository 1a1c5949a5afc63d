"""Who may leave, learnt every night from who did: by customers' own history as it was some time ago."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from customers import Customer, CustomerBook, Event, Stage
from customers.stages import StoredMove
from kit.ids import CustomerId, WorkspaceId
from signals.duties import Duties
from signals.predictions.churn import LEAST_EACH, ChurnModel, ChurnRow, ChurnScore, fit_churn
from signals.predictions.churn_features import churn_features
from signals.predictions.churn_storage import churn_of, churn_record
from store.engine import Database

DUTY = "churn"
HORIZON = timedelta(days=60)  # what the probability is of: leaving within so long
_MOST = 5000  # customers to learn from, the youngest; a model has some dozens of weights
_PAGE = 200


@dataclass(frozen=True, slots=True)
class TooFewLeft:
    """There is no model: of ``left`` and ``stayed`` either is less than ``needed``."""

    left: int
    stayed: int
    needed: int = LEAST_EACH


@dataclass(frozen=True, slots=True)
class ChurnOutlook:
    """The ``score`` of a customer by the model of ``fitted_at``; none of who has left."""

    score: ChurnScore | None
    fitted_at: datetime
    trained_on: int


class ChurnWatch:
    """Fits a workspace's model, and scores its customers by it."""

    def __init__(self, database: Database, book: CustomerBook, duties: Duties) -> None:
        self._database = database
        self._book = book
        self._duties = duties
        self._models: dict[WorkspaceId, tuple[datetime, ChurnModel]] = {}

    async def fit(self, workspace: WorkspaceId, *, at: datetime) -> dict[str, Any]:
        """The model as JSON; or how many left and stayed, where they are too few."""
        rows = await self._rows(workspace, at=at)
        left = sum(row.left for row in rows)
        if min(left, len(rows) - left) < LEAST_EACH:
            return {"left": left, "stayed": len(rows) - left, "needed": LEAST_EACH}
        return {"model": churn_record(await asyncio.to_thread(fit_churn, rows))}

    async def outlook(
        self, workspace: WorkspaceId, customer: Customer, *, at: datetime
    ) -> ChurnOutlook | TooFewLeft | None:
        """How probable it is that ``customer`` leaves; none before the first night."""
        done = await self._duties.last(workspace, DUTY)
        if done is None or done.result is None:
            return None
        if "model" not in done.result:
            return TooFewLeft(done.result["left"], done.result["stayed"], done.result["needed"])
        kept = self._models.get(workspace)
        if kept is None or kept[0] != done.finished_at:
            kept = done.finished_at, churn_of(done.result["model"], where=f"the duty {DUTY}")
            self._models[workspace] = kept
        fitted_at, model = kept
        if customer.stage is Stage.LOST:
            return ChurnOutlook(None, fitted_at, model.trained_on)
        async with self._database.read() as connection:
            events = await self._book.timeline.since(connection, workspace, customer.id)
        return ChurnOutlook(model.score(churn_features(customer, events, at=at)), fitted_at, model.trained_on)

    async def _rows(self, workspace: WorkspaceId, *, at: datetime) -> list[ChurnRow]:
        rows: list[ChurnRow] = []
        before: CustomerId | None = None
        for _ in range(_MOST // _PAGE):
            async with self._database.read() as connection:
                page = await self._book.directory.page(
                    connection, workspace, stage=None, before=before, limit=_PAGE
                )
                found = [await self._row(connection, workspace, customer, at=at) for customer in page]
            rows += [row for row in found if row is not None]
            if len(page) < _PAGE:
                break
            before = page[-1].id
        return rows

    async def _row(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: Customer, *, at: datetime
    ) -> ChurnRow | None:
        events = await self._book.timeline.since(connection, workspace, customer.id)
        moves = await self._book.stages.history(connection, workspace, customer.id)
        return churn_row(customer, events, moves, at=at)


def churn_row(
    customer: Customer, events: Sequence[Event], moves: Sequence[StoredMove], *, at: datetime
) -> ChurnRow | None:
    """The customer as they were ``HORIZON`` before ``at``, and whether they have left since.

    None of who was not known then, or was lost already.
    """
    then = at - HORIZON
    known = min([customer.created_at, *(event.occurred_at for event in events)])
    before = [move for move in moves if move.at <= then]
    if known > then or (before and before[-1].became is Stage.LOST):
        return None
    left = any(move.became is Stage.LOST for move in moves if then < move.at <= at)
    return ChurnRow(churn_features(customer, events, at=then), left)
