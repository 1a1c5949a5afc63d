"""What ``bench.delivery`` has to tell: customers who consent, their signals, and who will be refused."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bench.delivery_targets import REFUSED
from customers import (
    ConsentChannel,
    ConsentState,
    CustomerBook,
    Identity,
    IdentityKind,
    NewConsent,
    Purpose,
)
from kit.clock import SystemClock
from kit.ids import DEFAULT_WORKSPACE, CustomerId, SignalId
from signals.delivery.outbox import DeliveryOutbox
from signals.signal import Quote, Signal, SignalKind, Team
from signals.store import SignalStore, new_signal_id
from store.encryption import Cipher
from store.engine import Database
from store.tables import workspaces

KEY = bytes(range(32))
_OF_A_CUSTOMER = 5  # signals, of as many kinds
_IN_A_TRANSACTION = 50
_KIND_ORDER = list(SignalKind)


@dataclass
class Told:
    """What has to arrive: signals by customer, in their order, and who is refused."""

    orders: dict[CustomerId, list[SignalId]] = field(default_factory=dict)
    refused: set[SignalId] = field(default_factory=set)

    @property
    def signals(self) -> set[SignalId]:
        return {signal for order in self.orders.values() for signal in order}


class Teller:
    """Writes customers and queues their signals as a turn does it."""

    def __init__(self, names: Sequence[str]) -> None:
        self._clock, cipher = SystemClock(), Cipher(KEY)
        self._book, self._store = CustomerBook(cipher, KEY), SignalStore(cipher)
        self._outbox = DeliveryOutbox(cipher, self._clock, connectors=lambda _: names)
        self.told = Told()

    async def person(self, connection: AsyncConnection, number: int, *, signals: int, refused: bool) -> None:
        """Customer ``number``, who consents to sales, and ``signals`` of them."""
        address = f"{REFUSED if refused else 'person.'}{number}@example.com"
        who = [Identity(IdentityKind.EMAIL, address)]
        now = self._clock.now()
        found = await self._book.registry.resolve(connection, DEFAULT_WORKSPACE, who, now=now)
        customer = found.customer.id
        said = NewConsent(Purpose.SALES, ConsentChannel.ANY, ConsentState.GRANTED, "bench", now)
        await self._book.consent(connection, DEFAULT_WORKSPACE, customer, said, now=now)
        for kind in _KIND_ORDER[:signals]:
            origin = f"msg_{number}_{kind}"
            signal = await self._store.put(connection, _signal(customer, kind), origin=origin)
            await self._outbox.put(connection, signal)
            self.told.orders.setdefault(customer, []).append(signal.id)
            if refused:
                self.told.refused.add(signal.id)


async def fill(database: Database, names: Sequence[str], *, signals: int, refused: float, seed: int) -> Told:
    """``signals`` signals, queued for ``names``; ``refused`` is the share of customers who will be."""
    people = -(-signals // _OF_A_CUSTOMER)
    unlucky = set(random.Random(seed).sample(range(people), max(1, round(people * refused))))
    teller = Teller(names)
    async with database.write() as connection:
        await connection.execute(
            workspaces.insert().values(
                id=DEFAULT_WORKSPACE, name="bench", settings={}, created_at=SystemClock().now()
            )
        )
    for start in range(0, people, _IN_A_TRANSACTION):
        async with database.write() as connection:
            for number in range(start, min(start + _IN_A_TRANSACTION, people)):
                left = min(_OF_A_CUSTOMER, signals - number * _OF_A_CUSTOMER)
                await teller.person(connection, number, signals=left, refused=number in unlucky)
    return teller.told


def _signal(customer: CustomerId, kind: SignalKind) -> Signal:
    now = SystemClock().now()
    return Signal(
        id=new_signal_id(),
        workspace_id=DEFAULT_WORKSPACE,
        customer_id=customer,
        kind=kind,
        probability=0.9,
        evidence=(Quote("I will leave for a competitor", 0, 29, 1.0),),
        source="triage",
        model="bench",
        team=Team.SALES,
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(days=30),
        next_action="Call today",
        score=80.0,
    )
