"""Customers and an outbox in memory, for tests of what is done with signals."""
# ruff: noqa: ARG002 (ports have arguments that need no answer here)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.errors import Unavailable
from kit.ids import ConversationId, CustomerId, WorkspaceId
from signals.customer import Contact, KnownCustomer, Moment, MomentKind
from signals.signal import Signal


@dataclass
class KnownPeople:
    """Customers of one workspace, whose conversations and tickets are given."""

    people: dict[CustomerId, KnownCustomer] = field(default_factory=dict)
    conversations: dict[str, CustomerId] = field(default_factory=dict)
    tickets: dict[str, CustomerId] = field(default_factory=dict)
    happened: dict[CustomerId, list[Moment]] = field(default_factory=dict)

    async def get(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> KnownCustomer | None:
        return self.people.get(customer)

    async def of_conversation(
        self, connection: AsyncConnection, workspace: WorkspaceId, conversation: ConversationId
    ) -> KnownCustomer | None:
        return self.people.get(self.conversations.get(conversation, CustomerId("")))

    async def of_ticket(
        self, connection: AsyncConnection, workspace: WorkspaceId, ticket: str
    ) -> KnownCustomer | None:
        return self.people.get(self.tickets.get(ticket, CustomerId("")))

    async def writer(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        *,
        conversation: ConversationId | None,
        ticket: str | None,
    ) -> CustomerId | None:
        return self.conversations.get(conversation or "") or self.tickets.get(ticket or "")

    async def moments(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, *, since: datetime
    ) -> Sequence[Moment]:
        return [moment for moment in self.happened.get(customer, []) if moment.at >= since]

    async def wrote(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, contact: Contact
    ) -> None:
        known = self.happened.setdefault(customer, [])
        place = contact.conversation_id or contact.id
        ended = next((moment.resolved for moment in known if moment.id == place), None)
        known[:] = [moment for moment in known if moment.id != place]
        known.append(
            Moment(place, MomentKind.CONTACT, contact.at, sentiment=contact.sentiment, resolved=ended)
        )

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
        known = self.happened.setdefault(customer, [])
        known[:] = [replace(one, resolved=solved) if one.id == conversation else one for one in known]


@dataclass
class Tray:
    """Keeps what it is given; ``broken`` it takes nothing. It uses the connection, as a real one does."""

    taken: list[Signal] = field(default_factory=list)
    broken: bool = False

    async def put(self, connection: AsyncConnection, signal: Signal) -> None:
        await connection.execute(text("SELECT 1"))
        if self.broken:
            raise Unavailable("The outbox is broken.")
        self.taken.append(signal)
