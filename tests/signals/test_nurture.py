"""Sequences: entered by a signal, left on its outcome, and never too many."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import yaml
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import CustomerId, WorkspaceId
from signals.behaviour import BehaviourRules
from signals.connectors.connector import OutcomeKind
from signals.customer import KnownCustomer
from signals.data_file import parse_data
from signals.detection import Heard
from signals.enrolments import Nurture
from signals.errors import SignalDataInvalid
from signals.intake import SignalIntake
from signals.nurture import SHIPPED, Enrolment, NurtureCommand, NurtureRules, read_nurture
from signals.outcomes import NewOutcome, OutcomeStore
from signals.routing import read_rules
from signals.scoring import read_scoring
from signals.signal import SignalKind
from signals.store import SignalStore
from store.encryption import Cipher
from store.engine import Database
from store.tables import customers
from tests.signals.making import ANN, BOB, NOW, signal
from tests.signals.people import KnownPeople
from tests.triage.triaged import triaged
from triage.labels import Signal as Said

pytestmark = pytest.mark.anyio
CIPHER = Cipher(bytes(32))
STORE = SignalStore(CIPHER)
CONSENTING = KnownCustomer(ANN, {}, may_be_nurtured=True)
K = SignalKind


@dataclass
class Told:
    """What the marketing tool would have to do."""

    commands: list[NurtureCommand] = field(default_factory=list)

    async def put(self, connection: AsyncConnection, command: NurtureCommand) -> None:
        await connection.execute(text("SELECT 1"))
        self.commands.append(command)

    @property
    def words(self) -> list[str]:
        return [f"{one.kind} {one.enrolment.journey}" for one in self.commands]


class Desk:
    def __init__(self, database: Database, workspace: WorkspaceId) -> None:
        self.told, self.database, self.workspace = Told(), database, workspace
        self.nurture = Nurture(read_nurture(), self.told)
        self.outcomes = OutcomeStore(CIPHER, STORE, nurture=self.nurture)
        self.intake = SignalIntake(
            STORE,
            KnownPeople(),
            rules=read_rules(),
            scoring=read_scoring(),
            behaviour=BehaviourRules(),
            nurture=self.nurture,
        )

    async def hear(
        self, said: Said, *, days: float = 0, customer: KnownCustomer = CONSENTING, probability: float = 0.7
    ) -> str:
        origin = f"msg_{said}_{days}"
        heard = Heard(origin, triaged(signals={said: probability}), "I would like that")
        async with self.database.write() as connection:
            (found,) = await self.intake.take(
                connection, self.workspace, customer, heard, at=NOW + timedelta(days=days)
            )
        return found.id

    async def settle(self, name: str, outcome: OutcomeKind, *, days: float) -> None:
        at = NOW + timedelta(days=days)
        async with self.database.write() as connection:
            found = next(
                one
                for one in (await STORE.open_kinds(connection, self.workspace, ANN, at=NOW)).values()
                if one.id == name
            )
            await self.outcomes.record(
                connection, self.workspace, found.id, NewOutcome(outcome, "api", at), at=at
            )

    async def enrolments(self, customer: CustomerId = ANN) -> list[Enrolment]:
        async with self.database.read() as connection:
            return await self.nurture.of_customer(connection, self.workspace, customer)


@pytest.fixture
def desk(database: Database, workspace: WorkspaceId) -> Desk:
    return Desk(database, workspace)


async def test_a_signal_enrols_and_its_outcome_takes_out(
    each_database: Database, workspace: WorkspaceId
) -> None:
    desk = Desk(each_database, workspace)
    name = await desk.hear(Said.UPSELL)
    await desk.settle(name, OutcomeKind.IN_PROGRESS, days=1)
    assert desk.told.words == ["enrol Which speed"]
    await desk.settle(name, OutcomeKind.WON, days=2)
    assert desk.told.words == ["enrol Which speed", "leave Which speed"]
    (found,) = await desk.enrolments()
    assert (found.signal_id, found.left_because, found.target) == (name, "won", "mailchimp")
    assert [one.key for one in desk.told.commands] == [f"{found.id}:enrol", f"{found.id}:leave"]


def test_sequences_of_tools_that_are_off_are_left_out() -> None:
    rules = read_nurture()
    assert rules.of_targets({"mailchimp": object()}) == rules
    assert rules.of_targets({"crm"}).sequences == ()


async def test_without_consent_nobody_is_enrolled(desk: Desk) -> None:
    await desk.hear(Said.UPSELL, customer=KnownCustomer(ANN))
    assert await desk.enrolments() == []


async def test_who_is_in_one_enters_no_other_and_nobody_enters_too_often(desk: Desk) -> None:
    first = await desk.hear(Said.UPSELL)
    second = await desk.hear(Said.ADVOCACY, days=1)
    assert desk.told.words == ["enrol Which speed"]
    await desk.settle(first, OutcomeKind.LOST, days=2)
    await desk.hear(Said.ADVOCACY, days=3)
    assert desk.told.words[2:] == ["enrol Refer a friend"]
    await desk.settle(second, OutcomeKind.NOISE, days=4)
    await desk.hear(Said.RENEWAL, days=5)
    assert len(desk.told.commands) == 4
    await desk.hear(Said.RENEWAL, days=100)
    assert desk.told.words[4:] == ["enrol Contract end"]


async def test_what_is_over_is_left_and_so_is_all_without_consent(
    desk: Desk, other_workspace: WorkspaceId
) -> None:
    await desk.hear(Said.UPSELL)
    async with desk.database.write() as connection:
        assert await desk.nurture.expire(connection, desk.workspace, at=NOW + timedelta(days=29)) == []
        assert await desk.nurture.expire(connection, other_workspace, at=NOW + timedelta(days=99)) == []
        (left,) = await desk.nurture.expire(connection, desk.workspace, at=NOW + timedelta(days=30))
        assert left.left_because == "expired"
    await desk.hear(Said.ADVOCACY, days=31)
    async with desk.database.write() as connection:
        later = NOW + timedelta(days=32)
        assert await desk.nurture.consent_withdrawn(connection, other_workspace, ANN, at=later) == []
        (left,) = await desk.nurture.consent_withdrawn(connection, desk.workspace, ANN, at=later)
    assert (left.left_because, desk.told.words[-1]) == ("no_consent", "leave Refer a friend")


async def test_who_was_merged_is_counted_with_and_taken_out_with_the_survivor(desk: Desk) -> None:
    await desk.hear(Said.UPSELL, customer=KnownCustomer(BOB, {}, may_be_nurtured=True))
    async with desk.database.write() as connection:
        await connection.execute(update(customers).where(customers.c.id == BOB).values(survivor_id=ANN))
    await desk.hear(Said.ADVOCACY, days=1)
    assert desk.told.words == ["enrol Which speed"]
    assert [one.customer_id for one in await desk.enrolments()] == [BOB]
    async with desk.database.write() as connection:
        (left,) = await desk.nurture.consent_withdrawn(connection, desk.workspace, ANN, at=NOW)
    assert (left.customer_id, left.left_because) == (BOB, "no_consent")


async def test_leads_for_sales_are_left_to_sales(desk: Desk) -> None:
    async with desk.database.write() as connection:
        ready = signal(K.UPSELL, qualification="qualified")
        assert await desk.nurture.heard(connection, CONSENTING, ready, at=NOW) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"days": 5}, "after its end"),
        ({"steps": []}, "steps"),
        ({"name": "recommend us"}, "there twice"),
        ({"leave_on": ["sold"]}, "leave_on"),
    ],
)
def test_sequences_that_cannot_be_are_refused(change: dict[str, Any], problem: str) -> None:
    data = yaml.safe_load(SHIPPED.read_text())
    data["sequences"][0] |= change
    with pytest.raises(SignalDataInvalid, match=problem):
        parse_data(yaml.safe_dump(data), NurtureRules, source="test.yaml")
