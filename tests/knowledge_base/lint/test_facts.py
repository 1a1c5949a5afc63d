from __future__ import annotations

import pytest

from knowledge_base.lint.facts import facts_of, names_in


@pytest.mark.parametrize(
    ("sentence", "values"),
    [
        ("It costs £25.50 a month.", {"money £": {"25.5"}}),
        ("It costs $1,200 or €3k.", {"money $": {"1200"}, "money €": {"3k"}}),
        ("You get 10% or 12 per cent off.", {"percent": {"10", "12"}}),
        ("Cancel within fourteen days.", {"quantity day": {"14"}}),
        ("Cancel within 14 working days.", {"quantity day": {"14"}}),
        ("A 30-day trial with 2 GB.", {"quantity day": {"30"}, "quantity gb": {"2"}}),
        ("From 1 March 2026 until April 3rd.", {"date": {"2026-03-01", "?-04-03"}}),
        ("Since 2025-06-07.", {"date": {"2025-06-07"}}),
        (
            "Open 9am to 5.30 p.m., then 18:00; 12 am is midnight.",
            {"time": {"09:00", "17:30", "18:00", "00:00"}},
        ),
        ("One of the 3 is in 2.", {}),
        ("Fibre 500 is fast.", {}),
        ("No figures here.", {}),
    ],
)
def test_facts_are_read(sentence: str, values: dict[str, set[str]]) -> None:
    assert {slot: set(found) for slot, found in facts_of(sentence).values.items()} == values


def test_numbers_that_name_something_are_names() -> None:
    assert names_in("Fibre 500 and Wi-Fi 6 since March 2026") == {"fibre 500", "wi-fi 6"}
    assert facts_of("Fibre 500 costs £30.").names == {"fibre 500"}
