"""All contacts of a workspace in a period, from wherever they are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from itertools import chain

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers import CustomerBook
from insights.contact import Contact
from insights.conversations import ConversationReader
from insights.persons import Persons
from insights.tickets import TicketReader
from insights.week import Period
from kit.clock import Clock
from kit.ids import CustomerId, WorkspaceId
from store.encryption import Cipher
from store.engine import Database
from store.tables import messages, tickets


class Contacts:
    """Reads contacts; ``book`` knows who wrote them."""

    def __init__(self, database: Database, cipher: Cipher, book: CustomerBook, clock: Clock) -> None:
        self._database = database
        self._cipher = cipher
        self._persons = Persons(book, clock)

    async def of(self, workspace: WorkspaceId, period: Period) -> list[Contact]:
        """Every contact of ``period``, with all that may not be quoted of it; the oldest first."""
        pages = [page async for page in self._pages(workspace, period, self._persons)]
        return sorted(chain.from_iterable(pages), key=lambda contact: (contact.at, contact.id))

    async def counted(self, workspace: WorkspaceId, period: Period) -> AsyncIterator[list[Contact]]:
        """The same page by page, for counting only: who wrote is not asked."""
        async for page in self._pages(workspace, period, None):
            yield page

    async def personal(self, workspace: WorkspaceId, contact: Contact) -> Mapping[str, str]:
        """All that may not be quoted of a contact that was read for counting."""
        async with self._database.read() as connection:
            found = await self._persons.personal(connection, workspace, contact.kind, contact.id)
        return {**contact.personal, **found}

    async def of_customer(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> Mapping[str, str]:
        """All that may not be said of a customer; nothing is known of whom nobody knows any more."""
        return await self._persons.of_customer(connection, workspace, customer)

    async def began(self, workspace: WorkspaceId) -> Period | None:
        """From the first to the last thing that anybody wrote; none before the first."""
        spans = []
        async with self._database.read() as connection:
            for table in (messages, tickets):
                moments = select(func.min(table.c.created_at), func.max(table.c.created_at)).where(
                    table.c.workspace_id == workspace
                )
                spans.append((await connection.execute(moments)).one())
        known = [(first, last) for first, last in spans if first is not None]
        if not known:
            return None
        return Period(min(first for first, _ in known), max(last for _, last in known))

    async def _pages(
        self, workspace: WorkspaceId, period: Period, persons: Persons | None
    ) -> AsyncIterator[list[Contact]]:
        for reader in (
            ConversationReader(self._database, self._cipher, persons),
            TicketReader(self._database, self._cipher, persons),
        ):
            async for page in reader.pages(workspace, period):
                yield page
