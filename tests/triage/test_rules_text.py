from __future__ import annotations

import pytest

from triage.errors import RoutingInvalid
from triage.rules import KEYS, parse_only_routing
from triage.rules_text import line_of, mapping_of

RULES = """\
# ours
default_queue: general

rules:
  - name: legal
    when: {signal: legal_or_privacy}
    then: {queue: privacy}
  - name: leaving
    when:
      any:
        - signal: churn_risk
          at_least: 0.7
        - {intent: [a, b]}
    then:
      queue: retention
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("default_queue", 2),
        ("rules", 4),
        ("rules[0].when.signal", 6),
        ("rules[1].name", 8),
        ("rules[1].when.any[0].at_least", 12),
        ("rules[1].when.any[1].intent", 13),
        ("rules[1].then.priority", 14),
        ("rules[7].name", 4),
        ("", 2),
    ],
)
def test_a_place_is_found_in_its_line(place: str, line: int) -> None:
    assert line_of(RULES, place) == line


@pytest.mark.parametrize("text", ["", "a: [", "[" * 5000])
def test_what_is_no_yaml_has_no_lines(text: str) -> None:
    assert line_of(text, "rules[0]") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a", "holds no mapping with agents, calendars"),
        ("a: 2026-13-45", "is not YAML: month must be in 1..12"),
        ("a: " + "9" * 5000, "is not YAML: Exceeds the limit"),
        ("a: " + "[" * 5000, "is not YAML: it is nested too deeply"),
        ("a: \0", "is not YAML"),
        ("a: &a [*a]", "has more than 100,000 parts"),
        (
            "a: &a [1, 1, 1, 1, 1, 1, 1, 1]\n"
            + "".join(
                f"{new}: &{new} [{', '.join([f'*{old}'] * 8)}]\n"
                for old, new in zip("abcdefg", "bcdefgh", strict=True)
            ),
            "has more than 100,000 parts",
        ),
    ],
)
def test_whatever_is_sent_as_rules_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(RoutingInvalid, match=f"the rules {says}"):
        mapping_of(text, source="the rules", keys=KEYS)


def test_every_problem_is_told_with_its_place() -> None:
    rules = [{"name": str(number), "when": {"signal": "upsell"}, "then": {}} for number in range(14)]
    with pytest.raises(RoutingInvalid) as caught:
        parse_only_routing({"rules": rules}, source="the rules")
    assert caught.value.problems == tuple(
        (f"rules[{number}].then", "it does nothing") for number in range(14)
    )


def test_nothing_but_rules_is_known() -> None:
    with pytest.raises(RoutingInvalid, match="name: it is not known here"):
        parse_only_routing({"name": "telecom"}, source="the rules")
