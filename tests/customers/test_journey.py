from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from customers import Event, EventId, EventKind, Stage
from customers.errors import RulesUnreadable
from customers.journey import BY_HAND, RULES, Journey
from customers.timeline import set_by_hand
from kit.ids import CustomerId
from tests.customers.shop import ADA, BOOK, Shop

START = datetime(2026, 1, 1, tzinfo=UTC)
JOURNEY = Journey.load()
NOBODY = CustomerId("cus_1")


def event(day: float, kind: str, name: str = "message", score: float | None = None) -> Event:
    at = START + timedelta(days=day)
    return Event(
        EventId(f"evt_{day:09.3f}"),
        NOBODY,
        NOBODY,
        EventKind(kind),
        name,
        "test",
        str(day),
        score,
        {},
        at,
        at,
    )


@dataclass(frozen=True)
class Case:
    name: str
    events: tuple[tuple[float, str, str, float | None], ...]
    stages: tuple[str, ...]


BOUGHT = (0.0, "crm", "order_placed", None)
PAID = ((10.0, "payment", "payment_succeeded", None), (40.0, "payment", "payment_succeeded", None))
CASES = [
    Case("the way of a good customer",
         ((0, "campaign", "clicked", None), (1, "chat", "message", None), (2, "crm", "quote_sent", None),
          (3, "crm", "order_placed", None), (33, "payment", "payment_succeeded", None),
          (63, "payment", "payment_succeeded", None)),
         ("consideration", "decision", "onboarding", "retention")),
    Case("a promoter at risk is content again",
         (BOUGHT, *PAID, (50, "survey", "nps", 4), (60, "survey", "nps", 8), (70, "survey", "nps", 9)),
         ("onboarding", "retention", "at_risk", "retention")),
    Case("two failed payments within sixty days",
         (BOUGHT, (10, "payment", "payment_failed", None), (71, "payment", "payment_failed", None),
          (80, "payment", "payment_failed", None)),
         ("onboarding", "at_risk")),
    Case("one bad rating is no risk, two are",
         (BOUGHT, (10, "survey", "csat", 1), (20, "survey", "csat", 5), (30, "survey", "csat", 2)),
         ("onboarding", "at_risk")),
    Case("lost, and won again",
         (BOUGHT, (9, "crm", "contract_cancelled", None), (10, "chat", "message", None),
          (50, "crm", "quote_sent", None), (60, "crm", "contract_signed", None)),
         ("onboarding", "lost", "decision", "onboarding")),
    Case("a person knows better",
         ((0, "stage", "at_risk", None), (1, "stage", "at_risk", None), (2, "crm", "contract_renewed", None)),
         ("at_risk", "retention")),
    Case("a contact of a customer moves nothing", (BOUGHT, (1, "ticket", "message", -0.9)), ("onboarding",)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_shipped_rules_lead(case: Case) -> None:
    events = [event(*item) for item in case.events]
    moves = JOURNEY.moves(events)
    assert [move.became for move in moves] == [Stage(name) for name in case.stages]
    assert all(first.became is second.was for first, second in pairwise(moves))


def test_a_move_names_rule_and_event() -> None:
    events = [event(0, "crm", "order_placed"), event(1, "stage", "lost")]
    assert [(move.rule, move.event) for move in JOURNEY.moves(events)] == [
        ("bought", events[0]),
        (BY_HAND, events[1]),
    ]


names = sorted({name for rule in JOURNEY.rules for name in rule.when.names} | {"message"})
happenings = st.tuples(
    st.integers(0, 150),
    st.sampled_from([kind for kind in EventKind if kind is not EventKind.STAGE]),
    st.sampled_from(names),
    st.sampled_from([None, 0.0, 1.0, 2.0, 6.0, 9.0]),
)


@given(st.lists(happenings, max_size=25))
def test_one_by_one_leads_where_all_at_once_leads(
    happened: list[tuple[int, EventKind, str, float | None]],
) -> None:
    events = [
        event(day + number / 1000, kind, name, score)
        for number, (day, kind, name, score) in enumerate(sorted(happened, key=lambda item: item[0]))
    ]
    stage, steps = JOURNEY.start, []
    for number in range(len(events)):
        since = events[number].occurred_at - JOURNEY.window
        seen = [item for item in events[: number + 1] if item.occurred_at >= since]
        moves = JOURNEY.moves(seen, stage=stage, first=len(seen) - 1)
        steps += moves
        stage = moves[-1].became if moves else stage
    assert steps == JOURNEY.moves(events)


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("rules.0.when.kinds", {"when": {"kinds": []}}),
        ("rules.0.when", {"when": {"kinds": ["crm"], "times": 2}}),
        ("rules.0.to", {"to": "moon"}),
        ("rules.0.from", {"from": []}),
        ("rules.0.unless", {"unless": "x"}),
        ("names of rules", {"name": "bought"}),
    ],
)
def test_rules_that_are_wrong_are_refused_with_the_place(
    tmp_path: Path, place: str, change: dict[str, object]
) -> None:
    rules = yaml.safe_load(RULES.read_text())
    rules["rules"][0] |= change
    path = tmp_path / "journey.yaml"
    path.write_text(yaml.safe_dump(rules))
    with pytest.raises(RulesUnreadable, match=place):
        Journey.load(path)


def test_rules_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesUnreadable, match="cannot be read"):
        Journey.load(tmp_path / "none.yaml")


async def test_a_customer_moves_with_its_timeline(each_shop: Shop) -> None:
    customer = await each_shop.known(ADA)
    await each_shop.happens(customer, EventKind.CHAT)
    order = await each_shop.happens(customer, EventKind.CRM, "order_placed")
    found = await each_shop.get(customer)
    assert (found.stage, found.stage_event) == (Stage.ONBOARDING, order.id)
    assert found.stage_since == order.occurred_at
    async with each_shop.database.write() as connection:
        now = each_shop.clock.now()
        said = set_by_hand(Stage.LOST, source="test", external_id="hand", reason="They moved away.", at=now)
        await BOOK.record(connection, each_shop.workspace, customer, said, now=now)
    moves = (await each_shop.everything(customer)).journey
    assert [(move.rule, move.became) for move in moves] == [
        ("got_in_touch", Stage.CONSIDERATION),
        ("bought", Stage.ONBOARDING),
        (BY_HAND, Stage.LOST),
    ]


async def test_an_event_that_comes_late_has_the_journey_told_anew(shop: Shop) -> None:
    happened = [
        ("crm", "order_placed", 90.0), ("payment", "payment_failed", 60.0),
        ("payment", "payment_failed", 50.0),
        ("crm", "contract_renewed", 40.0), ("crm", "contract_cancelled", 10.0),
    ]  # fmt: skip
    for seed in range(3):
        customer = await shop.known(ADA)
        random.Random(seed).shuffle(happened)
        for kind, name, days_ago in happened:
            await shop.happens(customer, EventKind(kind), name, days_ago=days_ago)
        assert [move.became for move in (await shop.everything(customer)).journey] == [
            Stage.ONBOARDING, Stage.AT_RISK, Stage.RETENTION, Stage.LOST,
        ]  # fmt: skip
        async with shop.database.write() as connection:
            await BOOK.registry.erase(connection, shop.workspace, customer, now=shop.clock.now())
