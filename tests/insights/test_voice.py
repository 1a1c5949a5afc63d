from __future__ import annotations

from datetime import timedelta

import pytest

from customers import CustomerBook, EventKind, Identity, IdentityKind
from customers.event import NewEvent
from insights.digest import Voice
from insights.history import Counts
from insights.quotes import Quoter
from insights.voice import surveys_of, voice
from insights.week import Period
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from signals.policy import POLICIES
from store.encryption import Cipher
from store.engine import Database
from tests.insights.said import contact, turn

pytestmark = pytest.mark.anyio
THRESHOLDS = {kind: policy.threshold for kind, policy in POLICIES.items()}
QUOTER = Quoter("https://care.example")


def _voice(sentiments: list[float | None], before: list[Counts]) -> Voice:
    contacts = [
        contact(turn(f"It is so and so, number {k}", sentiment=score), name=f"c{k}")
        for k, score in enumerate(sentiments)
    ]
    return voice(contacts, before, (), thresholds=THRESHOLDS, quoter=QUOTER)


def test_the_unhappy_are_compared_with_the_weeks_before() -> None:
    found = _voice([-0.8] * 20 + [0.1] * 20 + [None], [Counts(triaged=100, unhappy=10)])
    assert found.unhappy is not None
    assert found.unhappy.share == 0.5
    assert found.change is not None
    assert (found.change.value, found.change.is_sure) == (0.4, True)
    alone = _voice([-0.8] * 20, [])
    assert (alone.change, _voice([None], []).unhappy) == (None, None)


def test_praise_begins_with_recommendations_and_complaints_with_the_worst() -> None:
    contacts = [
        contact(turn("Thanks, great!", sentiment=0.9), name="a"),
        contact(turn("That was a very good answer, thanks", sentiment=0.7), name="b"),
        contact(
            turn("I tell all my friends about you", sentiment=0.5, signals={"advocacy": (0.97, ((0, 6),))}),
            name="c",
        ),
        contact(turn("This is not good enough for me", sentiment=-0.5), name="d"),
        contact(turn("This is an outrage and a scandal", sentiment=-0.9), name="e"),
    ]
    found = voice(contacts, [], (), thresholds=THRESHOLDS, quoter=QUOTER)
    assert [one.contact for one in found.praise] == ["c", "b"]
    assert [one.contact for one in found.complaints] == ["e", "d"]


async def test_surveys_and_reviews_of_the_week_are_summed_up(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    book = CustomerBook(Cipher(bytes(32)), bytes(32))
    now = clock.now()
    told = [
        ("csat", 4.0),
        ("csat", 5.0),
        ("nps", 10.0),
        ("nps", 9.0),
        ("nps", 7.0),
        ("nps", 2.0),
        ("mood", 1.0),
    ]
    async with each_database.write() as connection:
        who = [Identity(IdentityKind.EMAIL, "jo@example.org")]
        customer = (await book.registry.resolve(connection, workspace, who, now=now)).customer.id
        for number, (name, score) in enumerate(told):
            event = NewEvent(EventKind.SURVEY, name, "test", str(number), now, score=score)
            await book.record(connection, workspace, customer, event, now=now)
        late = NewEvent(EventKind.SURVEY, "csat", "test", "late", now - timedelta(days=8), score=1.0)
        await book.record(connection, workspace, customer, late, now=now)
    period = Period(now - timedelta(days=7), now + timedelta(seconds=1))
    async with each_database.read() as connection:
        found = await surveys_of(connection, DEFAULT_WORKSPACE, period)
        assert await surveys_of(connection, WorkspaceId("other"), period) == ()
    assert [(one.name, one.answers, one.mean, one.nps) for one in found] == [
        ("csat", 2, 4.5, None),
        ("nps", 4, 7.0, 25.0),
    ]
