"""Signals of tickets, stored in the transaction that stores what models say of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from signals.customer import Customers
from signals.detection import Heard
from signals.intake import SignalIntake
from triage.labels import Triage
from triage.tickets import Ticket


class TicketSignals:
    """A ``triage.tickets.TicketReader``; of a ticket whose customer nobody knows there are no signals.

    ``base_url`` is the address of this server, to which signals link.
    """

    def __init__(self, intake: SignalIntake, customers: Customers, *, base_url: str) -> None:
        self._intake = intake
        self._customers = customers
        self._base_url = base_url.rstrip("/")

    async def labelled(
        self, connection: AsyncConnection, ticket: Ticket, triage: Triage, *, at: datetime
    ) -> None:
        """See ``TicketReader``."""
        customer = await self._customers.of_ticket(connection, ticket.workspace_id, ticket.id)
        if customer is None:
            return
        heard = Heard(
            origin=ticket.id,
            triage=triage,
            text=ticket.text,
            ticket_id=ticket.id,
            link=f"{self._base_url}/v1/tickets/{ticket.id}",
        )
        await self._intake.take(connection, ticket.workspace_id, customer, heard, at=at)
