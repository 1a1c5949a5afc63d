"""Customers as targets may know them, with all they said of consent: read anew for each attempt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from customers import ConsentHistory, Customer, CustomerBook, IdentityKind
from kit.ids import CustomerId, WorkspaceId
from signals.connectors.connector import Contact


@dataclass(frozen=True, slots=True)
class Recipient:
    """A customer as a target may know them; ``flagged`` is the do-not-sell flag of their record."""

    contact: Contact
    consents: ConsentHistory
    flagged: bool


class Recipients(Protocol):
    """Knows how targets may know customers."""

    async def of(
        self, connection: AsyncConnection, workspace: WorkspaceId, customers: Collection[CustomerId]
    ) -> Mapping[CustomerId, Recipient]:
        """Those of ``customers`` whom we know, in a few queries for all of them."""
        ...


class BookRecipients:
    """The customers' own profiles, identities and words; of merged customers, the one who remains."""

    def __init__(self, book: CustomerBook) -> None:
        self._book = book

    async def of(
        self, connection: AsyncConnection, workspace: WorkspaceId, customers: Collection[CustomerId]
    ) -> Mapping[CustomerId, Recipient]:
        """Those of ``customers`` whom we know."""
        known = await self._book.directory.several(connection, workspace, customers)
        families = {one.id: (one.id, *one.absorbed) for one in known.values()}
        said = await self._book.consents.histories(connection, workspace, families)
        return {
            asked: Recipient(_contact(customer), said[customer.id], customer.do_not_sell)
            for asked, customer in known.items()
        }


def _contact(known: Customer) -> Contact:
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
