"""What amounts are read as, in one unit of each family."""

from __future__ import annotations

import pytest

from signals.brand.amounts import Amount, Compared, find_amounts


def read(text: str) -> list[tuple[str, float, str, str | None]]:
    found = sorted(find_amounts(text), key=lambda one: one.start)
    return [(text[one.start : one.end], round(one.value, 3), one.family, one.per) for one in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("£34 a month", [("£34", 34, "GBP", "month")]),
        ("£408 a year", [("£408", 34, "GBP", "year")]),
        ("Price per month: £22.", [("£22", 22, "GBP", "month")]),
        ("thirty-two pounds a month", [("thirty-two pounds", 32, "GBP", "month")]),
        ("31 € im Monat", [("31 €", 31, "EUR", "month")]),
        ("£7.50", [("£7.50", 7.5, "GBP", None)]),
        ("0.9 Gbps", [("0.9 Gbps", 900, "Mbps", None)]),
        ("1,000Mbps", [("1,000Mbps", 1000, "Mbps", None)]),
        ("the 14-day period", [("14-day", 14, "days", None)]),
        ("two weeks", [("two weeks", 14, "days", None)]),
        ("10 working days", [("10 working days", 10, "working days", None)]),
        ("vierzehn Tage", [("vierzehn Tage", 14, "days", None)]),
        ("a month's notice", [("a month", 30.438, "days", None)]),
        ("once a month", []),
        ("5 GB", [("5 GB", 5, "GB", None)]),
        ("call 0800 496 0100", []),
    ],
)
def test_amounts(text: str, found: list[tuple[str, float, str, str | None]]) -> None:
    assert read(text) == found


@pytest.mark.parametrize(
    ("text", "compared"),
    [
        ("less than £30 a month", Compared.BELOW),
        ("over £30 a month", Compared.ABOVE),
        ("about £30 a month", Compared.ABOUT),
        ("up to £30 a month", Compared.EXACT),
    ],
)
def test_how_an_amount_is_said(text: str, compared: Compared) -> None:
    assert [one.compared for one in find_amounts(text)] == [compared]


@pytest.mark.parametrize(
    ("compared", "value", "agrees"),
    [
        (Compared.EXACT, 34, True),
        (Compared.EXACT, 33, False),
        (Compared.BELOW, 35, True),
        (Compared.BELOW, 34, False),
        (Compared.ABOVE, 33, True),
        (Compared.ABOUT, 36, True),
        (Compared.ABOUT, 38, False),
    ],
)
def test_what_agrees_with_an_approved_price(compared: Compared, value: float, *, agrees: bool) -> None:
    assert Amount(0, 1, value, "GBP", "month", compared).agrees(34) is agrees
