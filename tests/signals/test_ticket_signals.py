"""A ticket and its signals: stored together, or not at all, and erased together."""

from __future__ import annotations

import pytest

from kit.errors import Unavailable
from kit.ids import WorkspaceId
from signals.behaviour import BehaviourRules
from signals.customer import KnownCustomer
from signals.intake import SignalIntake
from signals.routing import read_rules
from signals.scoring import read_scoring
from signals.signal import Signal
from signals.store import SignalFilter, SignalStore
from signals.ticket_signals import TicketSignals
from store.encryption import Cipher
from store.engine import Database
from tests.signals.making import ANN, NOW
from tests.signals.people import KnownPeople, Tray
from tests.triage.triaged import triaged
from triage.labels import Signal as Said
from triage.text_hash import TextHash
from triage.tickets import NewTicket, Ticket, TicketFilter, TicketStore

pytestmark = pytest.mark.anyio
CIPHER = Cipher(bytes(32))
STORE = SignalStore(CIPHER)
LEAVING = triaged(signals={Said.CHURN_RISK: 0.9})


class Desk:
    """Tickets of one workspace, which are Ann's unless they are from nobody."""

    def __init__(self, database: Database, workspace: WorkspaceId) -> None:
        self.people, self.tray = KnownPeople({ANN: KnownCustomer(ANN)}), Tray()
        self.database, self.workspace = database, workspace
        intake = SignalIntake(
            STORE,
            self.people,
            rules=read_rules(),
            scoring=read_scoring(),
            behaviour=BehaviourRules(),
            outbox=self.tray,
        )
        reader = TicketSignals(intake, self.people, base_url="https://care.example")
        self.tickets = TicketStore(CIPHER, TextHash(bytes(32)), reader=reader)

    async def take_in(self, external_id: str = "1", *, known: bool = True) -> Ticket:
        async with self.database.write() as connection:
            new = NewTicket("test", external_id, "I leave you")
            ticket, _ = await self.tickets.create_or_get(connection, self.workspace, new, at=NOW)
            if known:
                self.people.tickets[ticket.id] = ANN
            return await self.tickets.set_labels(
                connection, self.workspace, ticket.id, triage=LEAVING, at=NOW
            )

    async def stored(self) -> list[Signal]:
        async with self.database.read() as connection:
            return await STORE.page(connection, self.workspace, matching=SignalFilter())


@pytest.fixture
def desk(database: Database, workspace: WorkspaceId) -> Desk:
    return Desk(database, workspace)


async def test_a_ticket_of_a_known_customer_is_a_signal_and_labelled_again_is_none(desk: Desk) -> None:
    ticket = await desk.take_in()
    (found,) = await desk.stored()
    assert (found.ticket_id, found.link) == (ticket.id, f"https://care.example/v1/tickets/{ticket.id}")
    assert found.evidence[0].message_id is None
    await desk.take_in()
    assert await desk.stored() == [found] == desk.tray.taken
    async with desk.database.write() as connection:
        await desk.tickets.erase(connection, desk.workspace, ticket.id)
    assert await desk.stored() == []


async def test_of_a_ticket_from_nobody_there_is_none(desk: Desk) -> None:
    await desk.take_in(known=False)
    assert await desk.stored() == []


async def test_where_signals_cannot_be_stored_the_ticket_is_not_either(desk: Desk) -> None:
    desk.tray.broken = True
    with pytest.raises(Unavailable):
        await desk.take_in()
    assert await desk.stored() == []
    async with desk.database.read() as connection:
        assert await desk.tickets.page(connection, desk.workspace, matching=TicketFilter()) == []
