"""Sequences carried out: in before out, with consent at each attempt, and out whatever was withdrawn."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers import ConsentChannel, ConsentState, Purpose
from kit.clock import ManualClock
from kit.ids import CustomerId
from signals.connectors.connector import DeliveryFailed, Dispatch, OutcomeKind, Receipt
from signals.customer import KnownCustomer
from signals.data_file import parse_data
from signals.delivery.delivery import Delivery, DeliveryState, Lane
from signals.delivery.nurturing import NurtureDeliveries
from signals.delivery.target import SameTargets, Target
from signals.enrolments import Nurture
from signals.nurture import NurtureRules
from signals.nurture_rounds import NurtureRounds
from signals.outcomes import NewOutcome, OutcomeStore
from signals.signal import Signal, SignalKind
from signals.store import SignalStore
from store.engine import Database, sqlite_url
from store.migrate import upgrade
from store.tables import workspaces
from tests.signals.delivery.histories import Drained, Word, permitted
from tests.signals.delivery.office import CIPHER, MemoryConnector, Office

pytestmark = pytest.mark.anyio
S = DeliveryState
RULES = """
cap: {at_once: 2, enrolments: 2, within_days: 90}
sequences:
  - name: speed
    target: news
    journey: Which speed
    when: {fact: kind, equals: upsell}
    days: 30
    leave_on: [won, lost]
    steps: [{after_days: 0, says: "How many things do you do at once?"}]
"""


@dataclass
class Newsletter(MemoryConnector):
    """A tool that carries sequences out, once for each command."""

    done: list[tuple[str, str]] = field(default_factory=list)
    whom: list[CustomerId] = field(default_factory=list)
    attributes: list[Mapping[str, object]] = field(default_factory=list)

    @property
    def consent_attribute(self) -> str:
        return "email_marketing"

    async def enrol(self, dispatch: Dispatch, journey: str) -> Receipt:
        return self._do("enrol", dispatch, journey)

    async def leave(self, dispatch: Dispatch, journey: str) -> Receipt:
        return self._do("leave", dispatch, journey)

    def _do(self, command: str, dispatch: Dispatch, journey: str) -> Receipt:
        self.attributes.append(dispatch.contact.attributes)
        if self.faults:
            raise self.faults.pop(0)
        self.done.append((command, journey))
        self.whom.append(dispatch.contact.id)
        return Receipt({"list": "17"})


class Desk(Office):
    """An office with a newsletter, and a sequence in it."""

    def __init__(self, database: Database, clock: ManualClock, tool: MemoryConnector | None = None) -> None:
        self.news = tool or Newsletter("news")
        super().__init__(database, clock, {"news": Target(self.news)})
        signals = SignalStore(CIPHER)
        self.nurture = Nurture(
            parse_data(RULES, NurtureRules, source="rules"), NurtureDeliveries(self.outbox, signals)
        )
        self.outcomes = OutcomeStore(CIPHER, signals, nurture=self.nurture)

    async def interest(self, customer: CustomerId) -> Signal:
        """A signal that enrols the customer, and is told to nobody else."""
        heard = await self.hear(customer, kind=SignalKind.UPSELL, targets=())
        known = KnownCustomer(customer, {}, may_be_nurtured=True)
        async with self.database.write() as connection:
            await self.nurture.heard(connection, known, heard, at=self.clock.now())
        return heard

    async def settle(self, signal: Signal, outcome: OutcomeKind) -> None:
        now = self.clock.now()
        async with self.database.write() as connection:
            said = NewOutcome(outcome, "api", now)
            await self.outcomes.record(connection, self.workspace, signal.id, said, at=now)

    async def withdraw(self, customer: CustomerId) -> None:
        await self.says(customer, Purpose.MARKETING, ConsentState.WITHDRAWN, ConsentChannel.EMAIL)
        async with self.database.write() as connection:
            await self.nurture.consent_withdrawn(connection, self.workspace, customer, at=self.clock.now())

    async def empty(self) -> list[Delivery]:
        """Deliver until nothing is due."""
        while await self.drain(Lane(self.workspace, "news")):
            pass
        return await self.all()


def ends(deliveries: list[Delivery]) -> list[tuple[str | None, DeliveryState, str | None]]:
    return [(one.command, one.state, one.error_code) for one in deliveries]


async def test_who_shows_interest_is_let_in_and_taken_out_once_it_is_settled(
    each_database: Database, clock: ManualClock
) -> None:
    desk = Desk(each_database, clock)
    signal = await desk.interest(await desk.customer())
    assert ends(await desk.empty()) == [("enrol", S.DELIVERED, None)]
    await desk.settle(signal, OutcomeKind.IN_PROGRESS)
    await desk.settle(signal, OutcomeKind.WON)
    done = await desk.empty()
    assert ends(done) == [("enrol", S.DELIVERED, None), ("leave", S.DELIVERED, None)]
    assert done[0].receipt == {"list": "17"}
    assert isinstance(desk.news, Newsletter)
    assert desk.news.done == [("enrol", "Which speed"), ("leave", "Which speed")]
    assert desk.news.attributes[0]["email_marketing"] is True


async def test_a_command_waits_for_the_tool_and_is_not_lost(database: Database, clock: ManualClock) -> None:
    desk = Desk(database, clock)
    desk.news.faults = [DeliveryFailed("It is away."), TimeoutError()]
    await desk.interest(await desk.customer())
    for _ in range(3):
        await desk.empty()
        desk.later(minutes=5)
    (one,) = await desk.all()
    assert (one.state, one.attempts) == (S.DELIVERED, 3)


async def test_consent_that_is_withdrawn_stops_what_is_queued_and_takes_out_who_is_in(
    each_database: Database, clock: ManualClock
) -> None:
    desk = Desk(each_database, clock)
    queued, inside = await desk.customer("ada"), await desk.customer("bob")
    await desk.interest(inside)
    await desk.empty()
    await desk.interest(queued)
    for customer in (queued, inside):
        desk.later(seconds=1)
        await desk.withdraw(customer)
    await desk.empty()
    found = {who: ends(await desk.all(customer=who)) for who in (queued, inside)}
    assert found[queued] == [("enrol", S.STOPPED, "left"), ("leave", S.STOPPED, "never_enrolled")]
    assert found[inside] == [("enrol", S.DELIVERED, None), ("leave", S.DELIVERED, None)]
    assert isinstance(desk.news, Newsletter)
    assert desk.news.attributes[-1]["email_marketing"] is False


async def test_consent_is_asked_at_the_attempt_whoever_withdrew_it(
    database: Database, clock: ManualClock
) -> None:
    desk = Desk(database, clock)
    ada = await desk.customer()
    await desk.interest(ada)
    desk.later(seconds=1)
    await desk.says(ada, Purpose.MARKETING, ConsentState.WITHDRAWN, ConsentChannel.EMAIL)
    assert ends(await desk.empty()) == [("enrol", S.STOPPED, "withdrawn")]


async def test_who_may_have_been_let_in_is_taken_out(database: Database, clock: ManualClock) -> None:
    desk = Desk(database, clock)
    ada = await desk.customer()
    desk.news.faults = [DeliveryFailed("No answer.")]
    signal = await desk.interest(ada)
    await desk.empty()
    await desk.settle(signal, OutcomeKind.LOST)
    desk.later(minutes=5)
    assert ends(await desk.empty()) == [("enrol", S.STOPPED, "left"), ("leave", S.DELIVERED, None)]


async def test_a_tool_that_knows_no_sequences_makes_a_dead_letter(
    database: Database, clock: ManualClock
) -> None:
    desk = Desk(database, clock, MemoryConnector("news"))
    await desk.interest(await desk.customer())
    (one,) = await desk.empty()
    assert (one.state, one.error) == (S.DEAD, "news carries out no sequences.")


async def test_a_sequence_that_is_over_is_left(database: Database, clock: ManualClock) -> None:
    desk = Desk(database, clock)
    await desk.interest(await desk.customer())
    await desk.empty()

    async def workspaces() -> list[str]:
        return [desk.workspace]

    rounds = NurtureRounds(database, desk.nurture, clock, workspaces=workspaces)  # type: ignore[arg-type]  # a list of them
    assert await rounds.go_round() == 0
    clock.advance(timedelta(days=30))
    assert await rounds.go_round() == 1
    assert ends(await desk.empty())[-1] == ("leave", S.DELIVERED, None)


async def test_a_tool_that_asks_is_told_whether_the_customer_agrees_to_marketing(
    database: Database, clock: ManualClock
) -> None:
    desk = Desk(database, clock)
    ada = await desk.customer()
    await desk.hear(ada)
    await desk.empty()
    desk.later(seconds=1)
    await desk.says(ada, Purpose.MARKETING, ConsentState.WITHDRAWN, ConsentChannel.EMAIL)
    await desk.hear(ada, kind=SignalKind.UPSELL)
    await desk.empty()
    assert [told.contact.attributes["email_marketing"] for told in desk.news.told] == [True, False]


async def test_a_repeated_command_is_queued_once(database: Database, clock: ManualClock) -> None:
    desk = Desk(database, clock)
    signal = await desk.interest(await desk.customer())
    async with database.write() as connection:
        (one,) = await desk.nurture.of_customer(connection, desk.workspace, signal.customer_id)
    assert one.left_at is None
    await desk.settle(signal, OutcomeKind.WON)
    await desk.settle(signal, OutcomeKind.WON)
    assert len(await desk.all()) == 2


@dataclass(frozen=True)
class Interested:
    """A customer shows interest that a sequence is for."""

    customer: int


people = st.integers(0, 1)
histories = st.lists(
    st.one_of(
        st.builds(
            Word,
            people,
            st.sampled_from([Purpose.MARKETING, Purpose.DATA_SALE]),
            st.sampled_from([ConsentChannel.ANY, ConsentChannel.EMAIL]),
            st.sampled_from([ConsentState.GRANTED, ConsentState.GRANTED, ConsentState.WITHDRAWN]),
        ),
        st.builds(Interested, people),
        st.just(Drained()),
    ),
    min_size=3,
    max_size=14,
)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a migrated database."""
    file = tmp_path_factory.mktemp("errands") / "empty.db"
    upgrade(sqlite_url(file))
    return file


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories)
def test_nobody_is_let_in_without_consent_whatever_they_said_before(
    history: list[Word | Interested | Drained], empty_database: Path, tmp_path: Path
) -> None:
    for leftover in tmp_path.glob("careloop.db*"):
        leftover.unlink()
    file = tmp_path / "careloop.db"
    shutil.copyfile(empty_database, file)
    asyncio.run(live_through([*history, Drained()], file))


async def live_through(history: Sequence[Word | Interested | Drained], file: Path) -> None:
    """Nothing here takes anybody out when consent is withdrawn: the attempt itself has to ask."""
    clock, database = ManualClock(), Database(sqlite_url(file))
    desk, news = Desk(database, clock), Newsletter("news")
    desk.targets = SameTargets({"news": Target(news)})
    async with database.write() as connection:
        await connection.execute(
            workspaces.insert().values(id=desk.workspace, name="x", settings={}, created_at=clock.now())
        )
    customers = [await desk.customer(f"person{n}", consents=False) for n in range(2)]
    said: list[Word] = []
    for event in history:
        desk.later(minutes=1)
        match event:
            case Word(customer, purpose, channel, state):
                await desk.says(customers[customer], purpose, state, channel)
                said.append(event)
            case Interested(customer):
                await desk.interest(customers[customer])
            case Drained():
                news.done.clear()
                news.whom.clear()
                await desk.empty()
                for whom, (command, _) in zip(news.whom, news.done, strict=True):
                    number = customers.index(whom)
                    assert command == "leave" or permitted(said, number, "marketing", ConsentChannel.EMAIL)
    await database.close()
