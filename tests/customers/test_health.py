from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers import Event, EventId, EventKind
from customers.errors import RulesUnreadable
from customers.health import Health, HealthPart, HealthWeights, health
from kit.ids import CustomerId
from tests.customers.shop import ADA, BOOK, Shop

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WEIGHTS = HealthWeights.load()
NOBODY = CustomerId("cus_1")


def event(days_ago: float, kind: EventKind, name: str = "message", score: float | None = None) -> Event:
    at = NOW - timedelta(days=days_ago)
    return Event(EventId("evt_1"), NOBODY, NOBODY, kind, name, "test", "1", score, {}, at, at)


def used(days_ago: float, amount: float) -> Event:
    return event(days_ago, EventKind.USAGE, "minutes", amount)


def health_of(*events: Event, since_days: float = 365, weights: HealthWeights = WEIGHTS) -> Health:
    return health(events, since=NOW - timedelta(days=since_days), at=NOW, weights=weights)


@dataclass(frozen=True)
class Case:
    part: HealthPart
    events: tuple[Event, ...]
    score: float
    words: str


CASES = [
    Case(HealthPart.USAGE, (used(40, 100), used(10, 25)),
         25, "25%"),
    Case(HealthPart.USAGE, (used(40, 100), used(10, 300)),
         100, "300%"),
    Case(HealthPart.PAYMENTS, tuple(event(d, EventKind.PAYMENT, "payment_succeeded") for d in (1, 31, 61)),
         100, "0 of 3"),
    Case(HealthPart.PAYMENTS, (event(1, EventKind.PAYMENT, "payment_failed"),
                               *(event(d, EventKind.PAYMENT, "payment_succeeded") for d in (31, 61, 91))),
         50, "1 of 4"),
    Case(HealthPart.SENTIMENT, (event(3, EventKind.CHAT, score=-0.5), event(4, EventKind.EMAIL, score=-0.1)),
         35, "-0.30"),
    Case(HealthPart.CONTACTS, tuple(event(d, EventKind.TICKET) for d in (1, 2, 3)), 60, "3 contacts"),
    Case(HealthPart.CONTACTS, tuple(event(d, EventKind.TICKET) for d in range(1, 20)), 0, "19 contacts"),
    Case(HealthPart.CONTACTS, (event(200, EventKind.CHAT),), 100, "0 contacts"),
    Case(HealthPart.SURVEY, (event(3, EventKind.SURVEY, "nps", 10), event(4, EventKind.SURVEY, "csat", 1),
                             event(5, EventKind.REVIEW, "stars", 3), event(6, EventKind.SURVEY, "size", 90)),
         50, "3 ratings"),
    Case(HealthPart.TENURE, (), 63.2, "12 months"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.part} {case.score}")
def test_a_part_scores_and_says_why(case: Case) -> None:
    found = {part.part: part for part in health_of(*case.events).parts}[case.part]
    assert found.score == pytest.approx(case.score, abs=0.1)
    assert case.words in found.explanation


def test_a_missing_part_leaves_its_weight_to_the_others() -> None:
    found = health_of(event(3, EventKind.SURVEY, "nps", 10))
    assert {part.part: part.weight for part in found.parts} == {
        HealthPart.CONTACTS: pytest.approx(15 / 40),
        HealthPart.SURVEY: pytest.approx(20 / 40),
        HealthPart.TENURE: pytest.approx(5 / 40),
    }
    assert set(found.missing) == {HealthPart.USAGE, HealthPart.PAYMENTS, HealthPart.SENTIMENT}


def test_where_nothing_is_known_there_is_no_score() -> None:
    no_tenure = WEIGHTS.model_copy(update={"tenure": WEIGHTS.tenure.model_copy(update={"weight": 0})})
    found = health_of(weights=no_tenure)
    assert (found.score, found.parts) == (None, ())


def test_the_future_has_no_say_and_an_early_event_lengthens_tenure() -> None:
    old = event(730, EventKind.CHAT)
    late = replace(event(0, EventKind.PAYMENT, "payment_failed"), occurred_at=NOW + timedelta(days=1))
    assert health_of(old, late) == health_of(old)
    tenures = [health_of(*events).parts[-1].score for events in ((old,), ())]
    assert tenures[0] > tenures[1]


kinds = st.sampled_from([kind for kind in EventKind if kind is not EventKind.STAGE])
labels = st.sampled_from(["payment_failed", "payment_succeeded", "nps", "csat", "message"])


@given(st.lists(st.tuples(st.floats(-5, 500), kinds, labels, st.integers(1, 5)), max_size=30))
def test_health_is_from_0_to_100_and_the_sum_of_its_parts(
    happened: list[tuple[float, EventKind, str, int]],
) -> None:
    contacts = {EventKind.CHAT, EventKind.EMAIL, EventKind.TICKET}
    events = [
        event(days, kind, name, score / 5 if kind in contacts else score)
        for days, kind, name, score in happened
    ]
    found = health_of(*events)
    assert found.score is not None
    assert 0 <= found.score <= 100
    assert all(0 <= part.score <= 100 and part.explanation for part in found.parts)
    assert sum(part.weight for part in found.parts) == pytest.approx(1)
    assert found.score == pytest.approx(sum(part.score * part.weight for part in found.parts), abs=0.06)
    assert {part.part for part in found.parts} | set(found.missing) == set(HealthPart)


def test_weights_that_are_wrong_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "health.yaml"
    path.write_text("usage: {weight: -1, days: 30}\n")
    with pytest.raises(RulesUnreadable):
        HealthWeights.load(path)


async def test_health_is_worked_out_from_the_timeline_that_is_stored(shop: Shop) -> None:
    customer = await shop.known(ADA)
    await shop.happens(customer, EventKind.SURVEY, "nps", score=2)
    async with shop.database.read() as connection:
        found = await BOOK.health(connection, shop.workspace, customer, at=shop.clock.now())
    assert {part.part: part.score for part in found.parts}[HealthPart.SURVEY] == 20
