"""Who wrote, so that a digest can leave it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from customers import CustomerBook, IdentityKind
from customers.customer import Customer
from customers.errors import UnknownCustomer
from insights.contact import ContactKind
from kit.clock import Clock
from kit.ids import ConversationId, CustomerId, WorkspaceId
from signals.customer import KnownCustomer
from signals.known_customers import KnownCustomers

_WRITTEN = frozenset({IdentityKind.EMAIL, IdentityKind.PHONE, IdentityKind.EXTERNAL})


class Persons:
    """What is known of the customers of contacts, by the one view of customers that there is."""

    def __init__(self, book: CustomerBook, clock: Clock) -> None:
        self._book = book
        self._known = KnownCustomers(book, clock)

    async def personal(
        self, connection: AsyncConnection, workspace: WorkspaceId, kind: ContactKind, contact: str
    ) -> Mapping[str, str]:
        """Names and addresses of whoever wrote ``contact``, each with its kind; nothing of strangers."""
        found = await self._customer(connection, workspace, kind, contact)
        return {} if found is None else await self.of_customer(connection, workspace, found.id)

    async def of_customer(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer_id: CustomerId
    ) -> Mapping[str, str]:
        """The same of a customer."""
        try:
            customer = await self._book.directory.get(connection, workspace, customer_id)
        except UnknownCustomer:
            return {}
        return dict(_values(customer))

    async def _customer(
        self, connection: AsyncConnection, workspace: WorkspaceId, kind: ContactKind, contact: str
    ) -> KnownCustomer | None:
        match kind:
            case ContactKind.CONVERSATION:
                return await self._known.of_conversation(connection, workspace, ConversationId(contact))
            case ContactKind.TICKET:
                return await self._known.of_ticket(connection, workspace, contact)


def _values(customer: Customer) -> Iterator[tuple[str, str]]:
    profile = customer.profile
    for name in (profile.first_name, profile.last_name):
        if name:
            yield name, "name"
    if profile.company:
        yield profile.company, "company"
    for stored in customer.identities:
        identity = stored.identity
        if identity.kind in _WRITTEN:
            yield identity.value, "account" if identity.kind is IdentityKind.EXTERNAL else str(identity.kind)
