"""Whether a customer may be told of, asked immediately before each attempt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from customers import ConsentChannel, CustomerBook, Purpose, may_contact
from customers.errors import UnknownCustomer
from kit.ids import CustomerId, WorkspaceId
from signals.signal import Team

# What a team uses a signal for. Whoever keeps customers sells to them too: customer success gets what sales
# may get, and no more.
PURPOSES: Mapping[Team, Purpose] = {
    Team.SALES: Purpose.SALES,
    Team.CUSTOMER_SUCCESS: Purpose.SALES,
    Team.MARKETING: Purpose.MARKETING,
}


class ConsentGate(Protocol):
    """Says whether a customer may be told of."""

    async def allows(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        purpose: Purpose,
        channel: ConsentChannel,
        *,
        at: datetime,
    ) -> str | None:
        """None where it may be; otherwise why not, as a code: ``withdrawn``, ``no_consent``, ..."""
        ...


class CustomerConsent:
    """The customers' own words. Do-not-sell stops everything, whatever it is for."""

    def __init__(self, book: CustomerBook) -> None:
        self._book = book

    async def allows(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        purpose: Purpose,
        channel: ConsentChannel,
        *,
        at: datetime,
    ) -> str | None:
        """None where it may be; otherwise why not. A customer that there is not does not consent."""
        try:
            known = await self._book.directory.get(connection, workspace, customer)
        except UnknownCustomer:
            return "unknown_customer"
        history = await self._book.consents.history(connection, workspace, known.id)
        if known.do_not_sell or history.do_not_sell(at):
            return "do_not_sell"
        decision = may_contact(history, purpose, channel, at=at)
        return None if decision.allowed else decision.reason.value
