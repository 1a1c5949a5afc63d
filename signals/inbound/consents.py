"""A change of consent that a marketing tool tells becomes a word of the customer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from customers import (
    ConsentChannel,
    ConsentState,
    CustomerBook,
    EventKind,
    Identity,
    IdentityKind,
    NewConsent,
    NewEvent,
    Purpose,
)
from customers.errors import CustomerErased, UnknownCustomer
from kit.errors import Conflict, InvalidInput
from kit.ids import CustomerId, WorkspaceId, new_id
from signals.connectors.inbound import ConsentChange, InboundConsent
from signals.enrolments import Nurture
from signals.inbound.news import NewsResult
from signals.inbound.store import Verdict


class InboundConsents:
    """Records consents of marketing by e-mail, in the running transaction.

    A refusal of somebody whom nobody knows yet makes a customer of them: else an import with an older
    consent would let them be written to. Whoever was erased is not brought back, and nothing of it is kept.
    """

    def __init__(self, book: CustomerBook, nurture: Nurture | None = None) -> None:
        self._book = book
        self._nurture = nurture

    async def knows(self, connection: AsyncConnection, workspace: WorkspaceId, news: InboundConsent) -> bool:
        """Whether the workspace has a customer of that address."""
        try:
            await self._resolve(connection, workspace, news, at=news.at, create=False)
        except (UnknownCustomer, InvalidInput):
            return False
        return True

    async def take(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        connector: str,
        news: InboundConsent,
        *,
        at: datetime,
    ) -> Verdict:
        """What came of ``news``."""
        says = news.change in {ConsentChange.WITHDRAWN, ConsentChange.GRANTED}
        try:
            customer = await self._resolve(connection, workspace, news, at=at, create=says)
            if says:
                await self._say(connection, workspace, customer, news, source=connector, at=at)
            elif news.change is ConsentChange.ADDRESS_CHANGED:
                await self._move(connection, workspace, customer, news, at=at)
            else:
                await self._note_bounce(connection, workspace, customer, news, source=connector, at=at)
        except UnknownCustomer:
            return Verdict(NewsResult.UNMATCHED, UnknownCustomer.code, "Nobody is known by that address.")
        except CustomerErased:
            return Verdict(NewsResult.IGNORED)
        except (InvalidInput, Conflict) as error:
            return Verdict(NewsResult.REFUSED, error.code, error.detail)
        return Verdict(NewsResult.TAKEN, customer=customer)

    async def _resolve(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        news: InboundConsent,
        *,
        at: datetime,
        create: bool,
    ) -> CustomerId:
        email = [Identity(IdentityKind.EMAIL, news.email)]
        found = await self._book.registry.resolve(
            connection, workspace, email, now=at, create=create, imported=True
        )
        return found.customer.id

    async def _say(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        news: InboundConsent,
        *,
        source: str,
        at: datetime,
    ) -> None:
        withdrawn = news.change is ConsentChange.WITHDRAWN
        state = ConsentState.WITHDRAWN if withdrawn else ConsentState.GRANTED
        said = NewConsent(Purpose.MARKETING, ConsentChannel.EMAIL, state, source, news.at)
        await self._book.consent(connection, workspace, customer, said, now=at)
        if withdrawn and self._nurture is not None:
            await self._nurture.consent_withdrawn(connection, workspace, customer, at=at)

    async def _move(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        news: InboundConsent,
        *,
        at: datetime,
    ) -> None:
        """Let the customer have the new address as well; the old one, and what was said of it, stay."""
        new = Identity(IdentityKind.EMAIL, news.new_email or "")
        await self._book.registry.attach(connection, workspace, customer, new, now=at)

    async def _note_bounce(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        news: InboundConsent,
        *,
        source: str,
        at: datetime,
    ) -> None:
        """A line of the timeline: an address that bounces withdraws nothing."""
        payload = {} if news.reason is None else {"reason": news.reason[:200]}
        event = NewEvent(EventKind.CRM, "email_unreachable", source, new_id("ext"), news.at, payload=payload)
        await self._book.record(connection, workspace, customer, event, now=at)
