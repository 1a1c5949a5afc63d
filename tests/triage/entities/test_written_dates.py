from __future__ import annotations

import pytest

from tests.triage.entities.cases import FINDER, Case, assert_found, one
from triage.entities import EntityFinder

DATES = (
    one("since 2026-11-03", "date", "2026-11-03", "2026-11-03"),
    one("am 3.11.2026.", "date", "3.11.2026", "2026-11-03"),
    one("bis 3.11.", "date", "3.11.", "2026-11-03"),
    one("on 11/03/2026", "date", "11/03/2026", "[2026-03-11,2026-11-03]"),
    one("on 25/12/2026", "date", "25/12/2026", "2026-12-25"),
    one("on 12/25/26", "date", "12/25/26", "2026-12-25"),
    one("on 04/04/2026", "date", "04/04/2026", "2026-04-04"),
    one("the 3rd of May", "date", "3rd of May", "2027-05-03"),
    one("March 5", "date", "March 5", "2027-03-05"),
    one("October 5", "date", "October 5", "2026-10-05"),
    one("5. März 2027", "date", "5. März 2027", "2027-03-05"),
    one("May 5th, 2026", "date", "May 5th, 2026", "2026-05-05"),
    one("el 3 de mayo de 2026", "date", "3 de mayo de 2026", "2026-05-03"),
    one("le 1er août 2026", "date", "1er août 2026", "2026-08-01"),
    Case("es geht hier nicht"),
    Case("31.02.2026"),
    Case("firmware 7.57.12 and v 1.2.26"),
    Case("I may call"),
    Case("10.20.30.40"),
)


@pytest.mark.parametrize("case", DATES, ids=lambda case: case.text)
def test_days_that_are_written_out_are_found(case: Case) -> None:
    assert_found(case)


def test_a_company_says_which_comes_first() -> None:
    day = EntityFinder(day_first=True).find("11/03/2026")
    month = EntityFinder(day_first=False).find("11/03/2026")
    assert (day[0].value, month[0].value) == ("2026-03-11", "2026-11-03")


def test_without_a_today_no_day_is_made_up() -> None:
    assert [entity.value for entity in FINDER.find("tomorrow or March 5 or 29 February")] == [
        "XXXX-03-05",
        "XXXX-02-29",
    ]
