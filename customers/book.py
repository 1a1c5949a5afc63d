"""All there is of customers, under one roof: what routes, commands and conversations call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from customers.consent import (
    ConsentChannel,
    ConsentHistory,
    ConsentRecord,
    ConsentState,
    ContactDecision,
    Purpose,
    may_contact,
)
from customers.consents import Consents, NewConsent
from customers.customer import Customer
from customers.directory import Directory
from customers.event import Event, NewEvent
from customers.health import Health, HealthWeights, health
from customers.identities import Identities
from customers.identity import IdentityHash
from customers.journey import Journey, Stage
from customers.merges import Merge, Merges
from customers.registry import Registry
from customers.rows import living
from customers.stages import Stages, StoredMove
from customers.timeline import Timeline
from kit.ids import CustomerId, WorkspaceId
from store.encryption import Cipher


@dataclass(frozen=True, slots=True)
class Everything:
    """All that is stored of one customer."""

    customer: Customer
    events: Sequence[Event]
    consents: ConsentHistory
    journey: Sequence[StoredMove]
    merges: Sequence[Merge]
    health: Health


class CustomerBook:
    """The parts, and what takes several of them. Functions take the connection of a running transaction.

    A customer who was merged into another is that other one to all of them.
    """

    def __init__(
        self,
        cipher: Cipher,
        key: bytes,
        *,
        journey: Journey | None = None,
        weights: HealthWeights | None = None,
        country_code: str | None = None,
    ) -> None:
        """``key`` is what keyed hashes are derived from; ``country_code`` completes national numbers."""
        chosen = journey or Journey.load()
        self.weights = weights or HealthWeights.load()
        self.timeline = Timeline(cipher)
        self.stages = Stages(chosen, self.timeline)
        self.consents = Consents()
        self.merges = Merges(self.consents, self.stages)
        identities = Identities(cipher, IdentityHash(key), country_code=country_code)
        self.directory = Directory(cipher, identities)
        self.registry = Registry(self.directory, identities, self.merges, start=chosen.start)

    async def record(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        event: NewEvent,
        *,
        now: datetime,
    ) -> tuple[Event, bool]:
        """Append to the timeline and move the customer along its journey; see ``Timeline.append``.

        Raises ``UnknownCustomer`` as well.
        """
        row = await living(connection, workspace, customer, lock=True)
        found = CustomerId(row.id)
        stored, made = await self.timeline.append(connection, workspace, found, event, now=now)
        if made:
            await self.stages.advance(connection, workspace, stored, stage=Stage(row.stage))
        return stored, made

    async def consent(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        consent: NewConsent,
        *,
        now: datetime,
    ) -> ConsentRecord:
        """Record what the customer said. Raises ``UnknownCustomer``."""
        row = await living(connection, workspace, customer, lock=True)
        return await self.consents.append(connection, workspace, CustomerId(row.id), consent, now=now)

    async def set_do_not_sell(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        *,
        value: bool,
        source: str,
        now: datetime,
    ) -> Customer:
        """Record that the customer forbids, or permits again, that data about them is passed on.

        Raises ``UnknownCustomer``.
        """
        state = ConsentState.WITHDRAWN if value else ConsentState.GRANTED
        said = NewConsent(Purpose.DATA_SALE, ConsentChannel.ANY, state, source, now)
        await self.consent(connection, workspace, customer, said, now=now)
        return await self.directory.get(connection, workspace, customer)

    async def may_contact(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        purpose: Purpose,
        channel: ConsentChannel,
        *,
        at: datetime,
    ) -> ContactDecision:
        """Whether the customer may be contacted at the moment ``at``. Raises ``UnknownCustomer``."""
        row = await living(connection, workspace, customer)
        history = await self.consents.history(connection, workspace, CustomerId(row.id))
        return may_contact(history, purpose, channel, at=at)

    async def health(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, *, at: datetime
    ) -> Health:
        """How well the customer is at the moment ``at``. Raises ``UnknownCustomer``."""
        row = await living(connection, workspace, customer)
        events = await self.timeline.since(connection, workspace, CustomerId(row.id))
        return health(events, since=row.created_at, at=at, weights=self.weights)

    async def everything(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, *, at: datetime
    ) -> Everything:
        """All that is stored of the customer. Raises ``UnknownCustomer``."""
        found = await self.directory.get(connection, workspace, customer)
        return Everything(
            found,
            await self.timeline.since(connection, workspace, found.id),
            await self.consents.history(connection, workspace, found.id),
            await self.stages.history(connection, workspace, found.id),
            await self.merges.of_customer(connection, workspace, found.id),
            await self.health(connection, workspace, found.id, at=at),
        )
