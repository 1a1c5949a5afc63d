from __future__ import annotations

import pytest

from tests.triage.entities.cases import Case, assert_found, one

MONEY = (
    one("paid EUR 12,50 twice", "money", "EUR 12,50", "EUR 12.50"),
    one("$12.50 please", "money", "$12.50", "USD 12.50"),
    one("12 euros", "money", "12 euros", "EUR 12.00"),
    one("£5!", "money", "£5", "GBP 5.00"),
    one("das sind 1.234,56 €", "money", "1.234,56 €", "EUR 1234.56"),
    one("1,234.56 USD", "money", "1,234.56 USD", "USD 1234.56"),
    one("1'234.50 CHF", "money", "1'234.50 CHF", "CHF 1234.50"),
    one("€5k a year", "money", "€5k", "EUR 5000.00"),
    one("12,- €", "money", "12,- €", "EUR 12.00"),
    one("1.000 €", "money", "1.000 €", "EUR 1000.00"),
    one("500 yen", "money", "500 yen", "JPY 500"),
    Case("50 % off"),
    Case("12 eurostar tickets"),
)


@pytest.mark.parametrize("case", MONEY, ids=lambda case: case.text)
def test_amounts_are_found_with_their_currency(case: Case) -> None:
    assert_found(case)
