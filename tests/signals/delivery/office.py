"""A workspace with customers who consent, connectors in memory and everything between them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from customers import (
    ConsentChannel,
    ConsentState,
    CustomerBook,
    Identity,
    IdentityKind,
    NewConsent,
    Purpose,
)
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE, CustomerId, WorkspaceId
from signals.connectors.connector import (
    Dispatch,
    Health,
    OutcomePage,
    PreparedRequest,
    Receipt,
)
from signals.delivery.courier import Courier
from signals.delivery.delivery import Delivery, DeliveryFilter, DeliveryState, Lane
from signals.delivery.drain import Drain
from signals.delivery.outbox import DeliveryOutbox
from signals.delivery.recipients import BookRecipients
from signals.delivery.retry import RetryPolicy
from signals.delivery.states import ConnectorStates
from signals.delivery.store import DeliveryStore
from signals.delivery.target import SameTargets, Target
from signals.signal import Signal
from signals.store import SignalStore
from store.encryption import Cipher
from store.engine import Database
from tests.signals.making import signal

KEY = bytes(range(32))
CIPHER = Cipher(KEY)


@dataclass
class MemoryConnector:
    """A target that keeps what it is told, once for each key. ``faults`` are raised first, one a call.

    A fault of ``after`` is raised once the target has taken the dispatch: an answer that got lost.
    """

    name: str = "crm"
    told: list[Dispatch] = field(default_factory=list)
    calls: int = 0
    faults: list[Exception] = field(default_factory=list)
    after: list[Exception] = field(default_factory=list)

    async def deliver(self, dispatch: Dispatch) -> Receipt:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        repeated = dispatch.key in {one.key for one in self.told}
        if not repeated:
            self.told.append(dispatch)
        if self.after:
            raise self.after.pop(0)
        return Receipt({"task": f"task of {dispatch.key}"}, repeated=repeated)

    def preview(self, dispatch: Dispatch) -> Sequence[PreparedRequest]:
        return [PreparedRequest("POST", "memory:", {"key": dispatch.key})]

    async def health(self) -> Health:
        return Health(ok=True, detail="It is here.")

    async def poll(self, cursor: str | None) -> OutcomePage:
        return OutcomePage((), cursor)

    async def close(self) -> None:
        return None


@dataclass
class SlowConnector(MemoryConnector):
    """A target that does not answer until it may."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, dispatch: Dispatch) -> Receipt:
        self.begun.set()
        await self.may_end.wait()
        return await super().deliver(dispatch)


class Office:
    """Everything that delivers, on a clock that is moved by hand; jitter is always half of the longest."""

    def __init__(
        self,
        database: Database,
        clock: ManualClock,
        targets: Mapping[str, Target] | None = None,
        *,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.database = database
        self.clock = clock
        self.workspace: WorkspaceId = DEFAULT_WORKSPACE
        self.crm = MemoryConnector()
        self.targets = SameTargets(targets or {"crm": Target(self.crm)})
        self.book = CustomerBook(CIPHER, KEY)
        self.store = DeliveryStore()
        self.states = ConnectorStates()
        self.outbox = DeliveryOutbox(CIPHER, clock, connectors=lambda space: self.targets.of(space).keys())
        self.courier = Courier(
            database,
            CIPHER,
            clock,
            recipients=BookRecipients(self.book),
            retry=retry,
            chance=lambda: 0.5,
        )
        self.runs = 0

    @property
    def lane(self) -> Lane:
        return Lane(self.workspace, "crm")

    async def customer(self, name: str = "ada", *, consents: bool = True) -> CustomerId:
        """Somebody who consents to sales and marketing."""
        email = Identity(IdentityKind.EMAIL, f"{name}@example.com")
        async with self.database.write() as connection:
            found = await self.book.registry.resolve(
                connection, self.workspace, [email], now=self.clock.now()
            )
        if consents:
            await self.says(found.customer.id, Purpose.SALES, ConsentState.GRANTED)
            await self.says(found.customer.id, Purpose.MARKETING, ConsentState.GRANTED)
        return found.customer.id

    async def says(
        self,
        customer: CustomerId,
        purpose: Purpose,
        state: ConsentState,
        channel: ConsentChannel = ConsentChannel.ANY,
    ) -> None:
        now = self.clock.now()
        async with self.database.write() as connection:
            said = NewConsent(purpose, channel, state, "form", now)
            await self.book.consent(connection, self.workspace, customer, said, now=now)

    async def hear(self, customer: CustomerId, **changes: Any) -> Signal:
        """A signal, stored and queued in one transaction."""
        made = replace(signal(), customer_id=customer, updated_at=self.clock.now(), **changes)
        async with self.database.write() as connection:
            stored = await SignalStore(CIPHER).put(connection, made, origin=f"msg of {made.id}")
            await self.outbox.put(connection, stored)
        return stored

    async def drain(self, lane: Lane | None = None, *, claim: str | None = None) -> int:
        self.runs += 1
        return await self.new_drain().run(lane or self.lane, claim or f"run {self.runs}")

    def new_drain(self) -> Drain:
        return Drain(self.database, self.store, self.courier, self.clock, targets=self.targets, sit_out=0.0)

    async def all(self, **matching: Any) -> list[Delivery]:
        """Every delivery, the eldest first."""
        async with self.database.read() as connection:
            found = await self.store.page(
                connection, self.workspace, matching=DeliveryFilter(**matching), limit=1000
            )
        return sorted(found, key=lambda one: (one.connector, one.customer_id, one.order_number))

    async def ends(self) -> list[DeliveryState]:
        return [one.state for one in await self.all()]

    def later(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))
