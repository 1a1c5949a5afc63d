"""A shop's customers: what the tests of this package share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from customers import (
    ConsentChannel,
    ConsentState,
    Customer,
    CustomerBook,
    Event,
    EventKind,
    Identity,
    IdentityKind,
    NewConsent,
    NewEvent,
    Purpose,
)
from customers.registry import Resolution
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE, CustomerId, WorkspaceId
from store.encryption import Cipher
from store.engine import Database

KEY = bytes(range(32))
BOOK = CustomerBook(Cipher(KEY), KEY, country_code="44")
ADA = Identity(IdentityKind.EMAIL, "ada@example.com")
ADAS_PHONE = Identity(IdentityKind.PHONE, "+44 20 7946 0000")
VISITOR = Identity(IdentityKind.VISITOR, "visitor_1")
BOB = Identity(IdentityKind.EMAIL, "bob@example.com")


@dataclass
class Shop:
    """A workspace whose clock moves on by a minute with everything that is done."""

    database: Database
    clock: ManualClock
    workspace: WorkspaceId = DEFAULT_WORKSPACE
    _count: int = field(default=0)

    async def resolve(self, *identities: Identity, **more: Any) -> Resolution:
        self.clock.advance(timedelta(minutes=1))
        async with self.database.write() as connection:
            return await BOOK.registry.resolve(
                connection, self.workspace, identities, now=self.clock.now(), **more
            )

    async def known(self, *identities: Identity) -> CustomerId:
        return (await self.resolve(*identities)).customer.id

    async def get(self, customer: CustomerId) -> Customer:
        async with self.database.read() as connection:
            return await BOOK.directory.get(connection, self.workspace, customer)

    async def happens(
        self,
        customer: CustomerId,
        kind: EventKind,
        name: str = "message",
        *,
        days_ago: float = 0,
        **more: Any,
    ) -> Event:
        self._count += 1
        self.clock.advance(timedelta(minutes=1))
        now = self.clock.now()
        event = NewEvent(kind, name, "test", str(self._count), now - timedelta(days=days_ago), **more)
        async with self.database.write() as connection:
            return (await BOOK.record(connection, self.workspace, customer, event, now=now))[0]

    async def says(
        self,
        customer: CustomerId,
        state: ConsentState,
        purpose: Purpose = Purpose.MARKETING,
        channel: ConsentChannel = ConsentChannel.EMAIL,
    ) -> None:
        self.clock.advance(timedelta(minutes=1))
        now = self.clock.now()
        async with self.database.write() as connection:
            said = NewConsent(purpose, channel, state, "form", now)
            await BOOK.consent(connection, self.workspace, customer, said, now=now)

    async def may_contact(
        self,
        customer: CustomerId,
        purpose: Purpose = Purpose.MARKETING,
        channel: ConsentChannel = ConsentChannel.EMAIL,
    ) -> bool:
        async with self.database.read() as connection:
            found = await BOOK.may_contact(
                connection, self.workspace, customer, purpose, channel, at=self.clock.now()
            )
        return found.allowed

    async def everything(self, customer: CustomerId) -> Any:
        async with self.database.read() as connection:
            return await BOOK.everything(connection, self.workspace, customer, at=self.clock.now())
