"""Budget, authority, need and timing: found where stated, with offsets, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import pytest

from kit.ids import MessageId
from signals.detection import Heard, Part
from signals.qualification import stated
from tests.triage.triaged import triaged
from triage.entities import EntityFinder

TODAY = date(2026, 1, 1)
FINDER = EntityFinder(day_first=True)


def found(text: str, parts: tuple[Part, ...] = ()) -> dict[str, str]:
    heard = Heard("m1", triaged(entities=FINDER.find(text, today=TODAY)), text, parts)
    return {str(one.field): one.value for one in stated(heard, today=TODAY)}


@dataclass(frozen=True)
class Case:
    text: str
    said: dict[str, str] = field(default_factory=dict)


CASES = [
    Case("Our budget is £45.50 a month.", {"budget": "GBP 45.50"}),
    Case("I can spend up to 60 euros", {"budget": "EUR 60.00"}),
    Case("I'm happy to pay £10 more, not £40.", {"budget": "GBP 10.00"}),
    Case("You charged me £45, I can't afford that, refund it."),
    Case("My bill was £45.50."),
    Case("I have a tight budget."),
    Case("I'm the owner of a small bakery.", {"authority": "decides"}),
    Case("I am the IT manager here", {"authority": "decides"}),
    Case("It's for my business.", {"authority": "decides"}),
    Case("My boss has to approve it.", {"authority": "asks"}),
    Case(
        "I need to check with my wife first.",
        {"authority": "asks", "need": "I need to check with my wife first"},
    ),
    Case("The owner's manual is missing."),
    Case("We need a faster line, quickly", {"need": "We need a faster line"}),
    Case("I'm interested in the Gigafast plan", {"need": "I'm interested in the Gigafast plan"}),
    Case("I want a refund for this"),
    Case("I want to cancel my contract"),
    Case("Can you set it up this week?", {"timing": "now"}),
    Case("Can it be ready by 12 January?", {"timing": "weeks"}),
    Case("We move on 15 May 2026.", {"timing": "months"}),
    Case("Maybe next year.", {"timing": "later"}),
    Case("My line broke on 12 December 2025"),
    Case("Hello?"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.text)
def test_what_is_stated(case: Case) -> None:
    assert found(case.text) == case.said


def test_quotes_stand_in_the_message_that_has_them() -> None:
    text = "Hello there.\nOur budget is £45 a month"
    parts = (Part(MessageId("m1"), 0, 12), Part(MessageId("m2"), 13, len(text)))
    heard = Heard("m2", triaged(entities=FINDER.find(text)), text, parts)
    (budget,) = stated(heard, today=TODAY)
    assert (budget.text, budget.start, budget.end, budget.message_id) == ("budget is £45", 4, 17, "m2")


def test_the_first_that_is_said_of_a_field_counts() -> None:
    assert found("Our budget is £45. At most £50 would do. Today, or next year.") == {
        "budget": "GBP 45.00",
        "timing": "now",
    }


def test_a_long_text_takes_no_time_that_grows_faster_than_it_does() -> None:
    text = "I need " * 20_000 + "my boss " * 20_000
    assert "timing" not in found(text)
