"""From outcomes to what is told next: the intake, the stores and the night together."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import insert, select

from inference.embeddings import Vector
from inference.fakes import HashEncoder
from kit.ids import CustomerId, WorkspaceId
from signals.behaviour import BehaviourRules
from signals.connectors.connector import OutcomeKind
from signals.customer import KnownCustomer
from signals.detection import Heard
from signals.enrolments import Nurture
from signals.intake import SignalIntake
from signals.judgements import Judgements
from signals.nurture import NurtureCommand, read_nurture
from signals.outcomes import NewOutcome, OutcomeStore
from signals.policy import POLICIES
from signals.routing import read_rules
from signals.scoring import read_scoring
from signals.signal import Quote, Signal, SignalKind, SignalState
from signals.store import SignalFilter, SignalStore
from signals.upkeep import Upkeep
from signals.worth.circumstances import CircumstanceStore, quoted_sentences
from signals.worth.outcome_learning import OutcomeLearning
from signals.worth.worth_filter import WorthFilter, looks
from signals.worth.worth_learning import Aims
from signals.worth.worth_store import WorthStore
from store.encryption import Cipher
from store.engine import Database
from store.tables import nurture_enrolments, signal_circumstances, tickets
from tests.signals.conftest import add_customers
from tests.signals.making import NOW
from tests.signals.people import KnownPeople
from tests.triage.triaged import triaged
from triage.labels import Signal as Said

pytestmark = pytest.mark.anyio
DAY = timedelta(days=1)
CIPHER = Cipher(bytes(32))
FASTER = "I would like the faster plan."
SAID = triaged(signals={Said.UPSELL: 0.8})
NO_LOOKS = Aims(looks=0.0)


class Nobody:
    async def put(self, connection: object, command: NurtureCommand) -> None:
        """Nobody carries sequences out here."""


class Desk:
    """The parts that learn, over one database; students' signals are noise to sales."""

    def __init__(self, database: Database, workspace: WorkspaceId, *, aims: Aims = NO_LOOKS) -> None:
        self.database, self.workspace, self._encoder = database, workspace, HashEncoder()
        self.store, self.people = SignalStore(CIPHER), KnownPeople()
        self.nurture = Nurture(read_nurture(), Nobody())
        self.outcomes = OutcomeStore(CIPHER, self.store)
        self.judgements = Judgements(CIPHER, self.store, self.outcomes)
        self.models, self.circumstances = WorthStore(self._encoder.identity), CircumstanceStore(CIPHER)
        self.learning = OutcomeLearning(
            database, self.judgements, self.circumstances, self.models, self._encoder, aims=aims
        )
        self.intake = SignalIntake(
            self.store,
            self.people,
            rules=read_rules(),
            scoring=read_scoring(),
            behaviour=BehaviourRules(),
            worth=WorthFilter(self.models, self.circumstances, self._vector, facts=("plan",), aims=aims),
        )
        self._heard = 0

    async def hear(self, plan: str, *, day: float) -> list[Signal]:
        """A new customer with ``plan`` asks for a faster one."""
        self._heard += 1
        who, origin = CustomerId(f"cust_{self._heard}"), f"tkt_{self._heard}"
        await add_customers(self.database, [who], workspace=self.workspace)
        at = NOW + day * DAY
        async with self.database.write() as connection:
            await connection.execute(
                insert(tickets).values(
                    id=origin, workspace_id=self.workspace, source="t", external_id=origin, channel="email",
                    subject=CIPHER.encrypt(""), text=CIPHER.encrypt(FASTER), text_hash=origin, customer={},
                    labels={}, final_labels={}, created_at=at, updated_at=at,
                )
            )  # fmt: skip
            heard = Heard(origin, SAID, FASTER, ticket_id=origin)
            known = KnownCustomer(who, {"plan": plan, "name": "of nobody's business"})
            return await self.intake.take(connection, self.workspace, known, heard, at=at)

    async def settle(self, signal: Signal, outcome: OutcomeKind, *, day: float) -> None:
        at = NOW + day * DAY
        async with self.database.write() as connection:
            said = NewOutcome(outcome, "api", at)
            await self.outcomes.record(connection, self.workspace, signal.id, said, at=at)

    async def weeks(self, days: int, *, begin: int = 0) -> None:
        """Six signals a day, of students and others in turn, each settled on the next day."""
        for day in range(begin, begin + days):
            for number in range(6):
                plan = "student" if number % 2 else "home"
                for signal in await self.hear(plan, day=day + number / 10):
                    noise = OutcomeKind.NOISE if plan == "student" else OutcomeKind.LOST
                    await self.settle(signal, noise, day=day + 1)

    async def learn(self, day: float) -> str:
        (learnt,) = await self.learning.learn(self.workspace, at=NOW + day * DAY)
        return learnt.verdict.why

    async def threshold(self) -> float:
        async with self.database.read() as connection:
            found = await self.judgements.thresholds.current(connection, self.workspace)
        return found[SignalKind.UPSELL]

    async def _vector(self, text: str) -> Vector:
        return np.asarray(self._encoder.encode([text])[0])


@pytest.fixture
async def desk(database: Database, workspace: WorkspaceId) -> Desk:
    return Desk(database, workspace)


async def test_what_sales_calls_noise_is_told_no_more_and_the_rest_says_why(desk: Desk) -> None:
    await desk.weeks(15)
    assert "better" in await desk.learn(16)
    assert await desk.hear("student", day=17) == []
    (told,) = await desk.hear("home", day=17)
    assert told.probability > 0.85
    assert told.why[0].startswith("outcomes: 0.80 became ")
    assert "plan = home +" in told.why[0]


async def test_a_share_of_what_is_left_out_is_told_to_see_whether_it_is_noise_still(
    database: Database, workspace: WorkspaceId
) -> None:
    desk = Desk(database, workspace, aims=Aims(looks=0.3))
    await desk.weeks(15)
    await desk.learn(16)
    told = [signal for _ in range(40) for signal in await desk.hear("student", day=17)]
    expected = sum(looks(SignalKind.UPSELL, f"tkt_{number}", share=0.3) for number in range(91, 131))
    assert len(told) == expected > 0
    assert "told all the same" in told[0].why[1]


async def test_a_model_of_one_workspace_is_of_no_other(desk: Desk, other_workspace: WorkspaceId) -> None:
    await desk.weeks(15)
    await desk.learn(16)
    async with desk.database.read() as connection:
        assert await desk.models.live(connection, other_workspace, list(SignalKind)) == {}


async def test_thresholds_that_outcomes_raised_go_back_when_a_model_chooses(desk: Desk) -> None:
    async with desk.database.write() as connection:
        await desk.judgements.thresholds.change(
            connection, desk.workspace, SignalKind.UPSELL, 0.75, who="outcomes", because={}, at=NOW
        )
    await desk.weeks(15)
    await desk.learn(16)
    assert await desk.threshold() == POLICIES[SignalKind.UPSELL].threshold
    async with desk.database.write() as connection:
        tuned = await desk.judgements.tune(connection, desk.workspace, target=0.9, at=NOW + 17 * DAY)
    (of_upsell,) = [one for one in tuned if one.kind is SignalKind.UPSELL]
    assert (of_upsell.changed, of_upsell.why) == (False, "a model of outcomes chooses instead")


async def test_of_customers_only_named_facts_are_kept_and_encrypted(desk: Desk) -> None:
    (signal,) = await desk.hear("home", day=0)
    async with desk.database.read() as connection:
        found = await desk.circumstances.of_signals(connection, desk.workspace, [signal.id])
        (raw,) = (await connection.execute(select(signal_circumstances.c.seen))).scalars()
    assert found[signal.id].facts == {"plan": "home"}
    assert b"home" not in raw


async def test_a_night_ends_what_is_over_and_takes_out_who_consents_no_more(desk: Desk) -> None:
    (signal,) = await desk.hear("home", day=0)
    async with desk.database.write() as connection:
        row = {"id": "enr_1", "workspace_id": desk.workspace, "customer_id": signal.customer_id}
        more = {"signal_id": signal.id, "sequence": "plans", "target": "mailchimp", "journey": "j"}
        await connection.execute(insert(nurture_enrolments).values(**row, **more, enrolled_at=NOW))
    keeping = Upkeep(
        desk.database,
        desk.store,
        desk.judgements,
        desk.people,
        nurture=desk.nurture,
        learning=desk.learning,
        precision=0.7,
    )
    found = await keeping.see_to(desk.workspace, at=NOW + 31 * DAY)
    assert (found["expired"], found["left_sequences"]) == (1, 1)
    async with desk.database.read() as connection:
        (stored,) = await desk.store.page(connection, desk.workspace, matching=SignalFilter())
    assert stored.state is SignalState.EXPIRED
    assert (await keeping.see_to(desk.workspace, at=NOW + 32 * DAY))["expired"] == 0


def test_only_the_sentences_that_are_quoted_are_read() -> None:
    text = "Hello there. I want the faster plan! My hub is white."
    quote = Quote("faster plan", 24, 35, 1.0)
    assert quoted_sentences([quote], {None: text}) == "I want the faster plan!"
    assert quoted_sentences([], {None: text}) == ""


def test_of_a_thousand_messages_about_as_many_are_looked_at_as_asked() -> None:
    drawn = [looks(SignalKind.UPSELL, f"msg_{number}", share=0.1) for number in range(1000)]
    assert 70 < sum(drawn) < 130
