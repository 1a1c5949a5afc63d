"""Customers as signals see them, from the one view of customers that there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers import (
    ConsentChannel,
    ConsentHistory,
    Customer,
    CustomerBook,
    Event,
    EventKind,
    Identity,
    IdentityKind,
    NewEvent,
    Purpose,
    may_contact,
)
from customers.errors import IdentityInvalid, UnknownCustomer
from customers.event import CONTACT_REOPENED, CONTACT_RESOLVED, CONTACTS
from kit.clock import Clock
from kit.ids import ConversationId, CustomerId, WorkspaceId
from signals.customer import Contact, KnownCustomer, Moment, MomentKind
from store.tables import conversations, customer_events, tickets

_OFFERS = (Purpose.SALES, Purpose.MARKETING)
_PAYMENT_FAILED = "payment_failed"
_SOURCE = "careloop"  # of events that happen here
# Facts of a ticket that say who wrote it, the surest first.
_NAMED_BY = {
    "customer_number": IdentityKind.EXTERNAL,
    "email": IdentityKind.EMAIL,
    "phone": IdentityKind.PHONE,
}


class KnownCustomers:
    """A ``signals.customer.Customers`` over the customer book.

    A conversation or ticket is whose timeline has it; else whose the visitor of the conversation is, or whom
    the facts of the ticket name: ``customer_number``, ``email`` or ``phone``. Nobody is made here.
    """

    def __init__(self, book: CustomerBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock

    async def get(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> KnownCustomer | None:
        """See ``Customers``. Whoever was merged into another is that other."""
        try:
            found = await self._book.directory.get(connection, workspace, customer)
        except UnknownCustomer:
            return None
        history = await self._book.consents.history(connection, workspace, found.id)
        at = self._clock.now()
        ways = offer_ways(history, at=at)
        return KnownCustomer(
            found.id,
            facts(found),
            may_be_offered=bool(ways),
            may_be_nurtured=may_contact(history, Purpose.MARKETING, ConsentChannel.EMAIL, at=at).allowed,
            absorbed=found.absorbed,
            offer_ways=ways,
        )

    async def of_conversation(
        self, connection: AsyncConnection, workspace: WorkspaceId, conversation: ConversationId
    ) -> KnownCustomer | None:
        """See ``Customers``."""
        known = await self._by_timeline(connection, workspace, conversation)
        if known is not None:
            return known
        named = await self._visitor(connection, workspace, conversation)
        return await self._by_identity(connection, workspace, named)

    async def of_ticket(
        self, connection: AsyncConnection, workspace: WorkspaceId, ticket: str
    ) -> KnownCustomer | None:
        """See ``Customers``."""
        known = await self._by_timeline(connection, workspace, ticket)
        if known is not None:
            return known
        return await self._by_identity(
            connection, workspace, await self._named(connection, workspace, ticket)
        )

    async def writer(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        *,
        conversation: ConversationId | None,
        ticket: str | None,
    ) -> CustomerId | None:
        """See ``Customers``."""
        named: list[Identity] = []
        if conversation is not None:
            named += await self._visitor(connection, workspace, conversation)
        if ticket is not None:
            named += await self._named(connection, workspace, ticket)
        known = await self._by_identity(connection, workspace, named)
        return None if known is None else known.id

    async def moments(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, *, since: datetime
    ) -> Sequence[Moment]:
        """See ``Customers``. Of several events of one conversation or ticket the last says how it stands."""
        events = await self._book.timeline.since(connection, workspace, customer, since)
        return moments(events)

    async def wrote(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, contact: Contact
    ) -> None:
        """See ``Customers``: an event of the timeline, which may move the customer along its journey."""
        chat = contact.conversation_id is not None
        event = NewEvent(
            EventKind.CHAT if chat else EventKind.TICKET,
            "turn" if chat else "ticket",
            _SOURCE,
            contact.id,
            contact.at,
            score=contact.sentiment,
            payload={"conversation_id": contact.conversation_id} if chat else {},
        )
        await self._book.record(connection, workspace, customer, event, now=self._clock.now())

    async def _visitor(
        self, connection: AsyncConnection, workspace: WorkspaceId, conversation: ConversationId
    ) -> list[Identity]:
        query = select(conversations.c.visitor_id).where(
            conversations.c.workspace_id == workspace, conversations.c.id == conversation
        )
        visitor = (await connection.execute(query)).scalar_one_or_none()
        return [] if visitor is None else [Identity(IdentityKind.VISITOR, visitor)]

    async def _named(
        self, connection: AsyncConnection, workspace: WorkspaceId, ticket: str
    ) -> list[Identity]:
        query = select(tickets.c.customer).where(tickets.c.workspace_id == workspace, tickets.c.id == ticket)
        said = (await connection.execute(query)).scalar_one_or_none() or {}
        return [Identity(kind, str(said[name])) for name, kind in _NAMED_BY.items() if said.get(name)]

    async def ended(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        conversation: ConversationId,
        *,
        solved: bool,
        at: datetime,
    ) -> None:
        """See ``Customers``: an event of the timeline, which is no contact of its own."""
        name = CONTACT_RESOLVED if solved else CONTACT_REOPENED
        event = NewEvent(
            EventKind.CHAT,
            name,
            _SOURCE,
            f"{conversation} {name} {at.isoformat()}",
            at,
            payload={"conversation_id": conversation, "resolved": solved},
        )
        await self._book.record(connection, workspace, customer, event, now=self._clock.now())

    async def _by_timeline(
        self, connection: AsyncConnection, workspace: WorkspaceId, external_id: str
    ) -> KnownCustomer | None:
        query = select(customer_events.c.customer_id).where(
            customer_events.c.workspace_id == workspace,
            customer_events.c.external_id == external_id,
            customer_events.c.kind.in_(CONTACTS),
        )
        found = (await connection.execute(query.limit(1))).scalar_one_or_none()
        return None if found is None else await self.get(connection, workspace, CustomerId(found))

    async def _by_identity(
        self, connection: AsyncConnection, workspace: WorkspaceId, named: Iterable[Identity]
    ) -> KnownCustomer | None:
        for identity in named:
            try:
                found = await self._book.registry.resolve(
                    connection, workspace, [identity], create=False, now=self._clock.now()
                )
            except (UnknownCustomer, IdentityInvalid):
                continue
            return await self.get(connection, workspace, found.customer.id)
        return None


def offer_ways(history: ConsentHistory, *, at: datetime) -> tuple[str, ...]:
    """In which ways an offer may be made: such as ``sales`` where on any channel, ``marketing by email``."""
    found = []
    for purpose in _OFFERS:
        channels = [one for one in ConsentChannel if may_contact(history, purpose, one, at=at).allowed]
        named = [f"{purpose} by {one}" for one in channels if one is not ConsentChannel.ANY]
        found += [str(purpose)] if len(channels) == len(ConsentChannel) else named
    return tuple(found)


def facts(customer: Customer) -> dict[str, object]:
    """What rules may ask of a customer: its attributes, and by name ``value``, ``stage`` and ``company``."""
    profile = customer.profile
    known = {
        "value": None if profile.value is None else profile.value.amount,
        "stage": str(customer.stage),
        "company": profile.company,
    }
    return {**profile.attributes, **{name: value for name, value in known.items() if value is not None}}


def moments(events: Iterable[Event]) -> list[Moment]:
    """``events``, the first first, as rules of behaviour read them; what they do not ask for is left out."""
    found: dict[str, Moment] = {}
    for event in events:
        moment = _moment(event)
        if moment is not None:
            before = found.pop(moment.id, None)
            found[moment.id] = moment if before is None else _later(before, moment)
    return list(found.values())


def _moment(event: Event) -> Moment | None:
    if event.kind in CONTACTS:
        contact = event.payload.get("conversation_id") or event.external_id
        resolved = event.payload.get("resolved")
        return Moment(
            str(contact),
            MomentKind.CONTACT,
            event.occurred_at,
            sentiment=event.score,
            resolved=resolved if isinstance(resolved, bool) else None,
        )
    if event.kind is EventKind.USAGE:
        return Moment(event.id, MomentKind.USAGE, event.occurred_at, amount=event.score)
    if event.kind is EventKind.PAYMENT and event.name == _PAYMENT_FAILED:
        return Moment(event.id, MomentKind.PAYMENT_FAILED, event.occurred_at)
    return None


def _later(before: Moment, after: Moment) -> Moment:
    return Moment(
        after.id,
        after.kind,
        after.at,
        before.sentiment if after.sentiment is None else after.sentiment,
        before.resolved if after.resolved is None else after.resolved,
    )
