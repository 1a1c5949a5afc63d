"""Rules of behaviour: when each holds, when it does not, and what a file may say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from signals.behaviour import BehaviourRules, read_behaviour
from signals.customer import Moment, MomentKind
from signals.data_file import parse_data
from signals.errors import SignalDataInvalid
from signals.signal import SignalKind
from tests.signals.making import NOW

RULES = read_behaviour()


def contact(day: float, **more: Any) -> Moment:
    return Moment(f"conv_{day}", MomentKind.CONTACT, NOW - timedelta(days=day), **more)


def usage(day: float, amount: float) -> Moment:
    return Moment(f"use_{day}", MomentKind.USAGE, NOW - timedelta(days=day), amount=amount)


@dataclass(frozen=True)
class Case:
    name: str
    moments: list[Moment]
    raises: list[SignalKind] = field(default_factory=list)


CASES = [
    Case("nothing happened", []),
    Case("two contacts", [contact(5), contact(1)]),
    Case("three contacts", [contact(13), contact(5), contact(1)], [SignalKind.REPEATED_CONTACT]),
    Case("three, one of them too long ago", [contact(14), contact(5), contact(1)]),
    Case("one after now", [contact(5), contact(1), contact(-1)]),
    Case(
        "from content to angry",
        [contact(50, sentiment=0.5), contact(30, sentiment=0.0), contact(16, sentiment=-0.6)],
        [SignalKind.FALLING_SENTIMENT],
    ),
    Case(
        "from delighted to content",
        [contact(50, sentiment=0.9), contact(30, sentiment=0.6), contact(16, sentiment=0.3)],
    ),
    Case("always angry", [contact(day, sentiment=-0.7) for day in (50, 30, 16)]),
    Case("unknown moods", [contact(50, sentiment=0.9), contact(30), contact(16, sentiment=-0.9)]),
    Case(
        "unresolved twice",
        [contact(40, resolved=False), contact(20, resolved=False)],
        [SignalKind.UNRESOLVED_TWICE],
    ),
    Case(
        "once resolved, once unknown", [contact(40, resolved=True), contact(20), contact(15, resolved=False)]
    ),
    Case(
        "usage halved",
        [usage(day, 10.0) for day in range(30, 7, -1)] + [usage(day, 4.0) for day in range(6, 0, -1)],
        [SignalKind.USAGE_DROP],
    ),
    Case("usage as ever", [usage(day, 10.0) for day in range(30, 0, -1)]),
    Case("too little known before", [usage(day, 10.0) for day in range(15, 7, -1)] + [usage(1, 1.0)]),
    Case("no usage before", [usage(day, 0.0) for day in range(30, 0, -1)]),
    Case("no report lately", [usage(day, 10.0) for day in range(30, 7, -1)]),
    Case(
        "payment failed",
        [Moment("pay_1", MomentKind.PAYMENT_FAILED, NOW - timedelta(days=2))],
        [SignalKind.PAYMENT_PROBLEM],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_raised(case: Case) -> None:
    found = RULES.detect(case.moments, at=NOW)
    assert [one.kind for one in found] == case.raises
    for one in found:
        assert one.origin in {moment.id for moment in case.moments}
        assert one.because


def test_it_looks_back_as_far_as_the_furthest_rule() -> None:
    assert RULES.looks_back == timedelta(days=60)
    assert BehaviourRules().looks_back == timedelta(0)


def test_of_two_rules_of_a_kind_the_likelier_counts() -> None:
    text = """
    rules:
      - {name: few, signal: repeated_contact, probability: 0.6, when: {contacts: 2, within_days: 14}}
      - {name: many, signal: repeated_contact, probability: 0.9, when: {contacts: 3, within_days: 14}}
      - {name: some, signal: repeated_contact, probability: 0.7, when: {contacts: 2, within_days: 14}}
    """
    rules = parse_data(text, BehaviourRules, source="test")
    (found,) = rules.detect([contact(3), contact(2), contact(1)], at=NOW)
    assert (found.source, found.probability) == ("many", 0.9)
    (found,) = rules.detect([contact(3), contact(2)], at=NOW)
    assert found.source == "some"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "rules: [{name: a, signal: churn_risk, probability: 0.4, when: {contacts: 3, within_days: 7}}]",
            "0.5",
        ),
        (
            "rules: [{name: a, signal: other, probability: 0.6, when: {contacts: 3, within_days: 7}}]",
            "signal",
        ),
        (
            "rules: [{name: a, signal: churn_risk, probability: 0.6, when: {phase: moon}}]",
            "a pattern has one of",
        ),
        (
            "rules: [{name: a, signal: churn_risk, probability: 0.6, when: {contacts: 3}}]",
            r"rules\[0\].when.within",
        ),
        ("rule: []", "rule: it is not known here"),
        ("- a", "no mapping"),
        ("{", "not YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_place(text: str, problem: str) -> None:
    with pytest.raises(SignalDataInvalid, match=problem):
        parse_data(text, BehaviourRules, source="test.yaml")


def test_a_name_that_is_there_twice_is_refused() -> None:
    rule = "{name: a, signal: churn_risk, probability: 0.6, when: {contacts: 3, within_days: 7}}"
    with pytest.raises(SignalDataInvalid, match="'a' is there twice"):
        parse_data(f"rules: [{rule}, {rule}]", BehaviourRules, source="test.yaml")
