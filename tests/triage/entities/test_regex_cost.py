from __future__ import annotations

import math

import pytest

from triage.entities.regex_cost import WINDOW, most_steps, parsed


@pytest.mark.parametrize(
    ("regex", "steps"),
    [
        ("abc", 3),
        ("ab|cde", 5),  # both branches may be tried
        ("a{1,20}b", 21),  # what follows begins with another character: it is tried once
        ("a{1,20}a", 40),  # ... and here once for each length
        ("a+b", WINDOW + 1),
        ("(ab){2}", 4),
        ("(a+)+b", math.inf),
        (r"(a)\1", math.inf),
    ],
)
def test_steps_are_counted_on_the_parsed_pattern(regex: str, steps: float) -> None:
    assert most_steps(parsed(regex)) == steps


def test_groups_within_groups_are_counted_in_no_time() -> None:
    regex = "a?"
    for _ in range(30):
        regex = f"({regex}){{12}}"
    assert most_steps(parsed(regex + "x")) > 10**9
