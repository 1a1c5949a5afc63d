from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.triage.entities.cases import FINDER, Case, assert_found, one
from triage.entities.relative_dates import _RELATIVE, _words

DATES = (
    one("tomorrow please", "date", "tomorrow", "2026-11-05"),
    one("gestern ging es", "date", "gestern", "2026-11-03"),
    one("bis übermorgen", "date", "übermorgen", "2026-11-06"),
    one("next Monday", "date", "next Monday", "2026-11-09"),
    one("next Wednesday", "date", "next Wednesday", "2026-11-11"),
    one("last Wednesday", "date", "last Wednesday", "2026-10-28"),
    one("letzten Freitag", "date", "letzten Freitag", "2026-10-30"),
    one("by Friday", "date", "Friday", "2026-11-06"),
    one("by Wednesday", "date", "Wednesday", "2026-11-04"),
    one("seit Montag", "date", "Montag", "2026-11-02"),
    one("lundi prochain", "date", "lundi prochain", "2026-11-09"),
    one("in 3 days", "date", "in 3 days", "2026-11-07"),
    one("vor zwei Wochen", "date", "vor zwei Wochen", "2026-10-21"),
    one("2 months ago", "date", "2 months ago", "2026-09-04"),
    one("il y a 3 jours", "date", "il y a 3 jours", "2026-11-01"),
    one("next week", "date", "next week", "2026-W46"),
    one("letzten Monat", "date", "letzten Monat", "2026-10"),
    one("Friday next", "date", "Friday next", "2026-11-06"),
    one("LA SEMANA PASADA", "date", "SEMANA PASADA", "2026-W44"),
    one("vor einem Monat", "date", "vor einem Monat", "2026-10-04"),
    Case("Guten Morgen"),
)


@pytest.mark.parametrize("case", DATES, ids=lambda case: case.text)
def test_days_told_from_today_are_found(case: Case) -> None:
    assert_found(case)


def test_a_day_at_the_end_of_a_month_and_of_time() -> None:
    assert FINDER.find("in one month", today=date(2027, 1, 31))[0].value == "2027-02-28"
    assert FINDER.find("in 12 months", today=date(2027, 12, 31))[0].value == "2028-12-31"
    assert FINDER.find("tomorrow", today=date.max) == ()


WORDS = (
    "in", "vor", "next", "last", "three", "3", "days", "weeks", "Monat", "lundi", "prochain", "Friday",
    "since", "by", "tomorrow", "heute", "ago", "morgen", "é", "the day after tomorrow", "aujourd'hui",
    "avant-hier", "pasado mañana", "l'altro ieri", "giorni", "maanden",
)  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join), st.booleans())
def test_a_text_without_the_word_of_a_pattern_does_not_match_it(text: str, upper: bool) -> None:
    written = text.upper() if upper else text
    for words, patterns in _RELATIVE:
        if _words(written).isdisjoint(words):
            assert not any(pattern.search(written) for pattern, _ in patterns)
