"""What has to be seen to every night: what is over ends, and what became of signals is learnt from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import CustomerId, WorkspaceId
from signals.customer import Customers
from signals.enrolments import Nurture
from signals.judgements import Judgements
from signals.store import SignalStore
from signals.worth.outcome_learning import OutcomeLearning
from signals.worth.worth_store import because
from store.engine import Database
from store.tables import nurture_enrolments

DUTY = "upkeep"


class Upkeep:
    """Ends, takes out, learns and tunes, in this order. ``precision`` is what thresholds are tuned toward."""

    def __init__(
        self,
        database: Database,
        store: SignalStore,
        judgements: Judgements,
        customers: Customers,
        *,
        nurture: Nurture | None,
        learning: OutcomeLearning | None,
        precision: float,
    ) -> None:
        self._database = database
        self._store = store
        self._judgements = judgements
        self._customers = customers
        self._nurture = nurture
        self._learning = learning
        self._precision = precision

    async def see_to(self, workspace: WorkspaceId, *, at: datetime) -> dict[str, Any]:
        """Do all of it; how much there was of each, as JSON."""
        async with self._database.write() as connection:
            expired = await self._store.expire(connection, workspace, at=at)
            ended = await self._take_out(connection, workspace, at=at)
        learnt = [] if self._learning is None else await self._learning.learn(workspace, at=at)
        async with self._database.write() as connection:
            tuned = await self._judgements.tune(connection, workspace, target=self._precision, at=at)
        return {
            "expired": expired,
            "left_sequences": ended,
            "learnt": [{"kind": str(one.kind), **because(one.verdict)} for one in learnt],
            "thresholds": {str(one.kind): one.after for one in tuned if one.changed},
        }

    async def _take_out(self, connection: AsyncConnection, workspace: WorkspaceId, *, at: datetime) -> int:
        """Of sequences that are over, and of all where the consent they rest on is gone; how many."""
        if self._nurture is None:
            return 0
        left = len(await self._nurture.expire(connection, workspace, at=at))
        query = select(nurture_enrolments.c.customer_id).where(
            nurture_enrolments.c.workspace_id == workspace, nurture_enrolments.c.left_at.is_(None)
        )
        for customer in sorted({CustomerId(one) for (one,) in await connection.execute(query.distinct())}):
            known = await self._customers.get(connection, workspace, customer)
            if known is None or not known.may_be_nurtured:
                left += len(await self._nurture.consent_withdrawn(connection, workspace, customer, at=at))
        return left
