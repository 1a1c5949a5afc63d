"""The parts of signals, together, as routes and commands call them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import SignalId, WorkspaceId
from signals.catalogue import Catalogue
from signals.circumstances import CircumstanceStore
from signals.customer import Customers, KnownCustomer
from signals.enrolments import Nurture
from signals.intake import SignalIntake
from signals.judgements import Judgements
from signals.next_action import Recommendation, Situation, recommend
from signals.outcomes import OutcomeStore
from signals.store import SignalStore
from signals.worth_store import WorthStore


@dataclass(frozen=True, slots=True)
class SignalParts:
    """Everything about signals. ``precision_target`` in (0, 1) is what thresholds are tuned toward."""

    store: SignalStore
    outcomes: OutcomeStore
    judgements: Judgements
    intake: SignalIntake
    customers: Customers
    catalogue: Catalogue
    precision_target: float
    nurture: Nurture | None = None
    worth: WorthStore | None = None  # none where no encoder is there to learn from outcomes with
    circumstances: CircumstanceStore | None = None

    async def next_action(
        self, connection: AsyncConnection, workspace: WorkspaceId, signal: SignalId, *, at: datetime
    ) -> Recommendation:
        """What to do about the customer of ``signal``, all that is open of them considered.

        Whom nobody knows any more has consented to nothing. Raises ``UnknownSignal``.
        """
        asked = await self.store.get(connection, workspace, signal)
        known = await self.customers.get(connection, workspace, asked.customer_id)
        customer = known or KnownCustomer(asked.customer_id)
        heard = await self.store.open_kinds(connection, workspace, asked.customer_id, at=at)
        refused = await self.outcomes.last_refusal(connection, workspace, asked.customer_id)
        return recommend(self.catalogue, Situation(customer, heard, refused), at=at)
