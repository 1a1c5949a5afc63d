"""From a triaged message of a known customer to signals, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.errors import Unavailable
from kit.ids import MessageId, WorkspaceId
from signals.behaviour import read_behaviour
from signals.customer import KnownCustomer, Moment, MomentKind
from signals.detection import Heard, Part
from signals.intake import SignalIntake
from signals.routing import read_rules
from signals.scoring import read_scoring
from signals.signal import Qualification, Quote, Signal, SignalKind, Team
from signals.store import SignalFilter, SignalStore
from signals.thresholds import ThresholdStore
from store.encryption import Cipher
from store.engine import Database
from tests.signals.making import ANN, NOW
from tests.signals.people import KnownPeople, Tray
from tests.triage.triaged import triaged
from triage.entities import EntityFinder
from triage.labels import Label, Origin, Triage
from triage.labels import Signal as Said

pytestmark = pytest.mark.anyio
STORE = SignalStore(Cipher(bytes(32)))
PERSON = KnownCustomer(ANN, {"plan": "Fibre 100", "value": 348, "account_manager": "maya"})
LEAVE = "I am cancelling, your rivals are cheaper"


class Desk:
    """An intake over a database, with the shipped rules."""

    def __init__(self, database: Database, workspace: WorkspaceId) -> None:
        self.people = KnownPeople({ANN: PERSON})
        self.tray = Tray()
        self._database = database
        self._workspace = workspace
        self._intake = SignalIntake(
            STORE,
            self.people,
            rules=read_rules(),
            scoring=read_scoring(),
            behaviour=read_behaviour(),
            outbox=self.tray,
        )

    async def take(
        self, said: Triage, *, origin: str = "msg_1", text: str = LEAVE, days: float = 0
    ) -> list[Signal]:
        heard = Heard(origin, said, text, (Part(MessageId(origin), 0, len(text)),), link="https://care/1")
        async with self._database.write() as connection:
            return await self._intake.take(
                connection, self._workspace, PERSON, heard, at=NOW + timedelta(days=days)
            )

    async def stored(self) -> Sequence[Signal]:
        async with self._database.read() as connection:
            return await STORE.page(connection, self._workspace, matching=SignalFilter())

    async def set_threshold(self, kind: SignalKind, threshold: float) -> None:
        async with self._database.write() as connection:
            await ThresholdStore().change(
                connection, self._workspace, kind, threshold, who="maya", because={}, at=NOW
            )


@pytest.fixture
def desk(each_database: Database, workspace: WorkspaceId) -> Desk:
    return Desk(each_database, workspace)


@pytest.fixture
def laptop(database: Database, workspace: WorkspaceId) -> Desk:
    return Desk(database, workspace)


async def test_a_message_becomes_signals_with_evidence_and_a_route(desk: Desk) -> None:
    said = triaged(signals={Said.CHURN_RISK: 0.9, Said.COMPETITOR: 0.7})
    churn, competitor = await desk.take(said)
    assert (churn.kind, competitor.kind) == (SignalKind.CHURN_RISK, SignalKind.COMPETITOR)
    assert churn.evidence == (Quote(LEAVE[:12], 0, 12, 1.0, MessageId("msg_1")),)
    assert (churn.source, churn.model, churn.link) == ("triage", "test", "https://care/1")
    assert (churn.team, churn.priority) == (Team.CUSTOMER_SUCCESS, "P2")
    assert churn.next_action == "Call within two days and offer what the catalogue allows."
    assert any("kind is churn_risk" in line for line in churn.why)
    assert set(await desk.stored()) == {competitor, churn}
    assert desk.tray.taken == [churn, competitor]


async def test_the_same_message_twice_is_one_hearing_and_told_once(desk: Desk) -> None:
    said = triaged(signals={Said.CHURN_RISK: 0.9})
    first = await desk.take(said)
    assert await desk.take(triaged(signals={Said.CHURN_RISK: 0.99})) == []
    assert list(await desk.stored()) == first
    (second,) = await desk.take(said, origin="msg_2", days=1)
    assert (second.id, second.occurrences, second.revision) == (first[0].id, 2, 2)
    assert second.expires_at == first[0].expires_at + timedelta(days=1)
    assert [told.revision for told in desk.tray.taken] == [1, 2]


async def test_an_outbox_that_fails_takes_everything_back(desk: Desk) -> None:
    desk.tray.broken = True
    with pytest.raises(Unavailable):
        await desk.take(triaged(signals={Said.CHURN_RISK: 0.9}))
    assert await desk.stored() == []
    desk.tray.broken = False
    assert len(await desk.take(triaged(signals={Said.CHURN_RISK: 0.9}))) == 1


async def test_what_is_too_unlikely_is_not_told(laptop: Desk) -> None:
    assert await laptop.take(triaged(signals={Said.UPSELL: 0.64})) == []
    await laptop.set_threshold(SignalKind.UPSELL, 0.6)
    assert len(await laptop.take(triaged(signals={Said.UPSELL: 0.64}))) == 1
    await laptop.set_threshold(SignalKind.UPSELL, 0.9)
    assert await laptop.take(triaged(signals={Said.UPSELL: 0.89}), origin="msg_2") == []


async def test_a_machine_s_message_says_nothing_of_a_customer(laptop: Desk) -> None:
    said = triaged(signals={Said.CHURN_RISK: 0.9}, origin=Label(Origin.AUTO_REPLY, 0.8))
    assert await laptop.take(said) == []


async def test_a_lead_is_scored_by_what_was_said_and_goes_to_sales(laptop: Desk) -> None:
    text = "We need more speed this week. We can spend up to £60 a month. I'm the office manager."
    said = triaged(signals={Said.PURCHASE_INTENT: 0.95}, entities=EntityFinder().find(text))
    (lead,) = await laptop.take(said, text=text)
    assert lead.qualification is Qualification.QUALIFIED
    assert lead.score is not None
    assert 62 <= lead.score <= 100
    assert (lead.team, lead.owner, lead.priority) == (Team.SALES, "maya", "P2")
    assert {one.field: one.value for one in lead.stated} == {
        "budget": "GBP 60.00",
        "authority": "decides",
        "need": "We need more speed this week",
        "timing": "now",
    }
    for one in lead.stated:
        assert text[one.start : one.end] == one.text
    assert lead.why[0].startswith("lead score ")
    assert [line.split()[0] for line in lead.why[1:4]] == ["fit", "intent", "timing"]


async def test_what_is_said_later_adds_to_what_was_said_before(laptop: Desk) -> None:
    first = "We need a second line"
    (lead,) = await laptop.take(triaged(signals={Said.UPSELL: 0.8}), text=first)
    second = "My boss has to approve it, no rush"
    (again,) = await laptop.take(triaged(signals={Said.UPSELL: 0.7}), text=second, origin="msg_2")
    assert [one.field for one in again.stated] == ["need", "authority", "timing"]
    assert again.score is not None
    assert lead.score is not None
    assert again.score < lead.score
    assert again.qualification is Qualification.NURTURE
    assert again.team is Team.MARKETING


async def test_a_lead_of_no_use_is_kept_and_told_to_nobody(laptop: Desk) -> None:
    said = triaged(signals={Said.RENEWAL: 0.6})
    poor = replace(PERSON, facts={"plan": "Basics", "stage": "lost", "value": 90})
    heard = Heard("msg_1", said, "maybe next year")
    async with laptop._database.write() as connection:
        (lead,) = await laptop._intake.take(connection, laptop._workspace, poor, heard, at=NOW)
    assert lead.qualification is Qualification.NOT_QUALIFIED
    assert lead.targets == ()


async def test_contacts_that_pile_up_are_a_signal_of_their_own_once_for_each(laptop: Desk) -> None:
    laptop.people.happened[ANN] = [Moment("conv_0", MomentKind.CONTACT, NOW)]
    assert await laptop.take(triaged(), days=1) == []
    (first,) = await laptop.take(triaged(), days=2, origin="msg_2")
    assert (first.kind, first.probability) == (SignalKind.REPEATED_CONTACT, 0.7)
    assert first.source == "three contacts in a fortnight"
    assert first.why[0] == "three contacts in a fortnight: 3 contacts in 14 days"
    assert first.evidence == ()
    assert await laptop.take(triaged(), days=2, origin="msg_2") == []
    (again,) = await laptop.take(triaged(), days=3, origin="msg_3")
    assert (again.id, again.occurrences, again.why[0]) == (
        first.id,
        2,
        "three contacts in a fortnight: 4 contacts in 14 days",
    )
