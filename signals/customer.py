"""What signals need to know of a customer, and the port that whoever knows customers fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import ConversationId, CustomerId, WorkspaceId

_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class KnownCustomer:
    """A customer as rules see them.

    ``facts`` are what is known by name: plan, value (a year), stage, segment, account_manager,
    contract_ends_in_days, any other key. ``may_be_offered`` says that they consented to sales or marketing
    on some channel and did not object to the sale of their data, ``offer_ways`` to what and how;
    ``may_be_nurtured`` that they consented to marketing by e-mail. ``absorbed`` are those who were merged
    into them, whose signals stay under their own ids.
    """

    id: CustomerId
    facts: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    may_be_offered: bool = False
    absorbed: tuple[CustomerId, ...] = ()
    may_be_nurtured: bool = False
    offer_ways: tuple[str, ...] = ()


class MomentKind(StrEnum):
    """What happened to a customer."""

    CONTACT = "contact"  # one conversation or ticket
    USAGE = "usage"  # how much they used in a day, in whatever unit the company counts
    PAYMENT_FAILED = "payment_failed"


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, ``id`` its own: of a contact that of the conversation or ticket.

    Of contacts, ``sentiment`` in [-1, 1] is how they felt last and ``resolved`` how it ended, none while it
    has not or nobody knows. ``amount`` is of usage alone.
    """

    id: str
    kind: MomentKind
    at: datetime
    sentiment: float | None = None
    resolved: bool | None = None
    amount: float | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer wrote: ``id`` is that of the message or ticket, ``sentiment`` in [-1, 1].

    ``conversation_id`` is none of a ticket.
    """

    id: str
    at: datetime
    sentiment: float
    conversation_id: ConversationId | None = None


class Customers(Protocol):
    """Knows customers; every function takes the connection of a running transaction."""

    async def get(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> KnownCustomer | None:
        """The customer; none where there is no such."""
        ...

    async def of_conversation(
        self, connection: AsyncConnection, workspace: WorkspaceId, conversation: ConversationId
    ) -> KnownCustomer | None:
        """Whose conversation it is; none while nobody knows."""
        ...

    async def of_ticket(
        self, connection: AsyncConnection, workspace: WorkspaceId, ticket: str
    ) -> KnownCustomer | None:
        """Whose ticket it is; none while nobody knows."""
        ...

    async def writer(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        *,
        conversation: ConversationId | None,
        ticket: str | None,
    ) -> CustomerId | None:
        """Who wrote a conversation or ticket, by the names it was written under; none while nobody knows.

        Timelines are not asked: of customers who were one for a while the elder's has it.
        """
        ...

    async def moments(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, *, since: datetime
    ) -> Sequence[Moment]:
        """What happened since, oldest first, what is in this transaction included."""
        ...

    async def wrote(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, contact: Contact
    ) -> None:
        """Remember that the customer wrote, once however often it is said."""
        ...

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
        """Remember that the conversation was resolved, or that it was not after all."""
        ...
