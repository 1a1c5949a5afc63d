"""Texts against what the brand may say: what is caught, with its place, and what is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from signals.claims import BrandClaims, ClaimChecker, FindingKind, read_claims
from signals.data_file import parse_data
from signals.errors import SignalDataInvalid
from tests.conftest import ROOT

CHECKER = ClaimChecker(read_claims())
MAY = date(2026, 5, 1)


@dataclass(frozen=True)
class Case:
    text: str
    wrong: tuple[str, ...] = ()
    on: date = MAY


CASES = [
    Case("Fibre 300 costs £34 a month."),
    Case("Fibre 300 costs £31 a month.", ("£31",)),
    Case("For £31 per month you get Fibre 300.", ("£31",)),
    Case("On the rolling contract fibre 300 is £40 a month"),
    Case("Fibre 300 is £34 a month and Gigafast £49 a month."),
    Case("Fibre 300 is £49 a month and Gigafast £34 a month.", ("£49", "£34")),
    Case("Fibre 100 downloads at 100 Mbps and uploads at 20 Mbps."),
    Case("Fibre 100 downloads at 200 Mbps.", ("200 Mbps",)),
    Case("Fibre 100 is £3 less a month with a SIM."),
    Case("Next-day delivery of your Hub for Fibre 100 is £7.50."),
    Case("You get at least 35 Mbps on Basics and 80 Mbps on Basics Plus."),
    Case("You get at least 80 Mbps on Basics and 80 Mbps on Basics Plus.", ("80 Mbps",)),
    Case("Your plan costs £31 a month. We also have Fibre 300."),
    Case("Basics Plus costs £19 a month, Basics £15 a month."),
    Case("Basics Plus costs £15 a month.", ("£15",)),
    Case("It is £1,000.50 a month on Fibre 500!", ("£1,000.50",)),
    Case("The student plan is open now.", ("student plan",)),
    Case("The student plan is open now.", (), date(2026, 8, 1)),
    Case("Student broadband ended.", ("Student broadband",), date(2026, 11, 1)),
    Case("We are the cheapest in the country.", ("cheapest in the country",)),
    Case("Fibre 300 costs £31 a month.", (), date(2026, 3, 31)),
    Case("Mon fibre 300 coûte 31 € par mois"),
    Case(""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.text} {case.on}")
def test_what_is_caught(case: Case) -> None:
    found = CHECKER.check(case.text, on=case.on)
    assert tuple(one.text for one in found) == case.wrong
    for one in found:
        assert case.text[one.start : one.end] == one.text


def test_what_holds_instead_is_told() -> None:
    (number,) = CHECKER.check("Gigafast is £45 a month.", on=MAY)
    assert (number.kind, number.about) == (FindingKind.WRONG_NUMBER, "Gigafast 900")
    assert number.approved == "price 49, 52, 55, 57 GBP"
    (offer,) = CHECKER.check("our student offer", on=MAY)
    assert (offer.kind, offer.approved) == (
        FindingKind.OFFER_NOT_VALID,
        "from 2026-07-01 until 2026-10-31",
    )


def test_the_sample_help_centre_says_nothing_that_is_not_approved() -> None:
    folder = ROOT / "knowledge_base" / "sample"
    found = [
        (file.name, one.text, one.about)
        for file in sorted(folder.rglob("*.md"))
        for one in CHECKER.check(file.read_text(encoding="utf-8"), on=date(2026, 8, 1))
        if one.kind is FindingKind.WRONG_NUMBER
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("brand: B\nproducts: [{name: A, claims: []}]", "claims"),
        ("brand: B\nproducts: [{name: A, claims: [{what: p, values: [1], unit: X, per: week}]}]", "per"),
        ("products: []", "brand"),
    ],
)
def test_claims_that_cannot_be_used_are_refused(text: str, problem: str) -> None:
    with pytest.raises(SignalDataInvalid, match=problem):
        parse_data(text, BrandClaims, source="test.yaml")
