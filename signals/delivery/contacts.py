"""Customers as targets may know them, read anew for each attempt."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from customers import CustomerBook, IdentityKind
from kit.ids import CustomerId, WorkspaceId
from signals.connectors.connector import Contact


class Contacts(Protocol):
    """Knows how a target may know a customer."""

    async def contact(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> Contact:
        """The contact. Raises ``UnknownCustomer``."""
        ...


class CustomerContacts:
    """Contacts of the customers' own profiles and identities; of merged customers, the one who remains."""

    def __init__(self, book: CustomerBook) -> None:
        self._book = book

    async def contact(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> Contact:
        """The contact. Raises ``UnknownCustomer``."""
        known = await self._book.directory.get(connection, workspace, customer)
        return Contact(
            id=known.id,
            email=known.latest(IdentityKind.EMAIL),
            phone=known.latest(IdentityKind.PHONE),
            first_name=known.profile.first_name,
            last_name=known.profile.last_name,
            company=known.profile.company,
            crm_ids=known.crm_ids,
            attributes=known.profile.attributes,
        )
