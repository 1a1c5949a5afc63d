"""The parts of signals, together, as routes and commands call them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import SignalId, WorkspaceId
from signals.brand.brands import Brands, against, texts_of_offer
from signals.catalogue import Catalogue, Offer
from signals.customer import Customers, KnownCustomer
from signals.enrolments import Nurture
from signals.intake import SignalIntake
from signals.judgements import Judgements
from signals.next_action import Recommendation, Situation, recommend
from signals.outcomes import OutcomeStore
from signals.signal import Signal, SignalKind
from signals.store import SignalStore
from signals.worth.circumstances import CircumstanceStore
from signals.worth.worth_store import WorthStore


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
    nurture: Nurture | None = None  # none where nobody is enrolled in sequences
    brands: Brands = field(default_factory=Brands)
    worth: WorthStore | None = None  # none where no encoder is there to learn from outcomes with
    circumstances: CircumstanceStore | None = None

    async def next_action(
        self, connection: AsyncConnection, workspace: WorkspaceId, signal: SignalId, *, at: datetime
    ) -> Recommendation:
        """What to do about the customer of ``signal``, all that is open of them considered.

        That includes what is open of those who were merged into them: their complaints are the customer's.
        Whom nobody knows any more has consented to nothing. Raises ``UnknownSignal``.
        """
        asked = await self.store.get(connection, workspace, signal)
        known = await self.customers.get(connection, workspace, asked.customer_id)
        customer = known or KnownCustomer(asked.customer_id)
        heard: dict[SignalKind, Signal] = {}
        refused: datetime | None = None
        for one in dict.fromkeys((asked.customer_id, customer.id, *customer.absorbed)):
            for kind, found in (await self.store.open_kinds(connection, workspace, one, at=at)).items():
                if kind not in heard or found.probability > heard[kind].probability:
                    heard[kind] = found
            last = await self.outcomes.last_refusal(connection, workspace, one)
            refused = max(filter(None, (refused, last)), default=None)

        def objections(offer: Offer) -> list[str]:
            said = texts_of_offer(offer, self.catalogue.currency)
            return against([f for one in said for f in self.brands.check(workspace, one.text, at=at)])

        return recommend(self.catalogue, Situation(customer, heard, refused), at=at, objections=objections)
