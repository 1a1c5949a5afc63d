"""Customers as targets may know them, read anew for each attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Protocol, runtime_checkable

from sqlalchemy.ext.asyncio import AsyncConnection

from customers import ConsentChannel, CustomerBook, IdentityKind, Purpose
from kit.ids import CustomerId, WorkspaceId
from signals.connectors.connector import Contact
from signals.delivery.consent import ConsentGate
from signals.delivery.delivery import Delivery
from signals.delivery.target import Target


@runtime_checkable
class AsksConsent(Protocol):
    """A connector that has to know whether a customer agrees to marketing by e-mail."""

    @property
    def consent_attribute(self) -> str:
        """The attribute of a contact that says so where it is true."""
        ...


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
            email=known.first(IdentityKind.EMAIL),
            phone=known.first(IdentityKind.PHONE),
            first_name=known.profile.first_name,
            last_name=known.profile.last_name,
            company=known.profile.company,
            crm_ids=known.crm_ids,
            attributes=known.profile.attributes,
        )


async def with_consent(
    contact: Contact,
    target: Target,
    gate: ConsentGate,
    connection: AsyncConnection,
    row: Delivery,
    *,
    at: datetime,
) -> Contact:
    """``contact`` with the word of the customer's own consents, for a connector that has to know it.

    What an attribute of the profile says does not count: consents have a history and can be withdrawn.
    """
    if not isinstance(target.connector, AsksConsent):
        return contact
    refused = await gate.allows(
        connection, row.workspace_id, row.customer_id, Purpose.MARKETING, ConsentChannel.EMAIL, at=at
    )
    said = {target.connector.consent_attribute: refused is None}
    return replace(contact, attributes={**contact.attributes, **said})
