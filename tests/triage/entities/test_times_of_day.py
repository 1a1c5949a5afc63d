from __future__ import annotations

import pytest

from tests.triage.entities.cases import Case, assert_found, one

TIMES = (
    one("at 14:30", "time", "14:30", "14:30"),
    one("at 3pm", "time", "3pm", "15:00"),
    one("12 am", "time", "12 am", "00:00"),
    one("ab 15 Uhr", "time", "15 Uhr", "15:00"),
    Case("25:10 and 15 pm"),
)


@pytest.mark.parametrize("case", TIMES, ids=lambda case: case.text)
def test_times_of_day_are_found(case: Case) -> None:
    assert_found(case)
