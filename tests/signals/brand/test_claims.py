"""Texts against what the brand may say: what is caught, with its place, and what is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from signals.brand.claim_checker import ClaimChecker, FindingKind
from signals.brand.claims import BrandClaims, Campaign, read_claims
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
    Case("Student broadband ended.", (), date(2026, 11, 1)),
    Case("Order student broadband today.", ("student broadband",), date(2026, 11, 1)),
    Case("Order student broadband today: orders open from 1 July to 31 October.", (), date(2026, 11, 1)),
    Case("Use SUMMER26 until 31 August.", ("SUMMER26",), date(2026, 11, 1)),
    Case("Use SUMMER26 until 31 August.", (), date(2026, 8, 31)),
    Case("Fibre 300 costs £32 a month.", ("£32",)),
    Case("The student plan is Fibre 300 for £32 a month.", (), date(2026, 8, 1)),
    Case("Is Fibre 300 £31 a month?"),
    Case("Fibre 300 was £31 a month."),
    Case("Fibre 300 costs 34 euros a month.", ("34 euros",)),
    Case("Add a Pod to Fibre 300 for £5 a month."),
    Case("Fibre 300 for £34 a month is good; for £5 more you get Fibre 500."),
    Case("You told us that you pay £31 a month for Fibre 300."),
    Case("Pausing Fibre 300 costs £8 a month."),
    Case("We have Fibre 100 (100 Mbps, £29) and Fibre 300 (300 Mbps, £33).", ("£33",)),
    Case("Fibre 300 is great. It costs £30 a month.", ("£30",)),
    Case("| Plan | Price per month |\n|---|---|\n| Fibre 100 | £29 |\n| Fibre 300 | £31 |", ("£31",)),
    Case("| Plan | For each month left |\n|---|---|\n| Fibre 300 | £20 |"),
    Case("Give 14 days' notice to cancel your broadband.", ("14 days",)),
    Case("Give a month's notice to cancel your broadband."),
    Case("Die Kündigungsfrist beträgt 14 Tage für den Internetanschluss.", ("14 Tage",)),
    Case("Renewing needs a set-up fee.", ("set-up fee",)),
    Case("There is no set-up fee when you renew."),
    Case("You cannot leave Basics without an early termination charge.", ("early termination charge",)),
    Case("Basics has no set-up fee and no early termination charge."),
    Case("Delivery is guaranteed.", ("guaranteed",)),
    Case("Delivery is not guaranteed."),
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
    (fact,) = CHECKER.check("Basics has an exit fee.", on=MAY)
    assert (fact.kind, fact.approved) == (
        FindingKind.WRONG_STATEMENT,
        "Brightwater Basics has no early termination charge",
    )
    (offer,) = CHECKER.check("Ask for our student offer.", on=MAY)
    assert (offer.kind, offer.approved) == (
        FindingKind.OFFER_NOT_VALID,
        "from 1 July until 31 October, every year",
    )


@pytest.mark.parametrize("day", [MAY, date(2026, 8, 1), date(2026, 11, 28), date(2027, 1, 1)], ids=str)
def test_the_sample_help_centre_says_nothing_that_is_not_approved(day: date) -> None:
    folder = ROOT / "knowledge_base" / "sample"
    found = [
        (file.name, one.text, one.about)
        for file in sorted([*folder.rglob("*.md"), *folder.rglob("*.csv")])
        for one in CHECKER.check(file.read_text(encoding="utf-8"), on=day)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("day", "holds"),
    [
        (date(2031, 7, 1), True),
        (date(2031, 10, 31), True),
        (date(2031, 11, 1), False),
        (date(2026, 1, 1), False),
    ],
)
def test_a_yearly_campaign_comes_again(day: date, *, holds: bool) -> None:
    summer = Campaign(name="Students", from_=date(2026, 7, 1), until=date(2026, 10, 31), yearly=True)
    assert summer.holds(day) is holds


@pytest.mark.parametrize(
    ("day", "holds"), [(date(2030, 12, 31), True), (date(2031, 1, 6), True), (date(2031, 1, 7), False)]
)
def test_a_yearly_campaign_may_run_over_new_year(day: date, *, holds: bool) -> None:
    winter = Campaign(name="Winter", from_=date(2026, 12, 1), until=date(2027, 1, 6), yearly=True)
    assert winter.holds(day) is holds


def test_campaigns_end_at_midnight_where_the_brand_is() -> None:
    claims = parse_data("{brand: B, time_zone: Pacific/Auckland}", BrandClaims, source="test.yaml")
    assert claims.day(datetime(2026, 10, 31, 12, tzinfo=UTC)) == date(2026, 11, 1)


def test_a_unit_of_the_brand_is_read_as_it_is_written() -> None:
    text = (
        "{brand: B, products: [{name: TV Family, claims: [{what: channels, values: [110], unit: channels}]}]}"
    )
    checker = ClaimChecker(parse_data(text, BrandClaims, source="test.yaml"))
    assert checker.check("TV Family has 110 channels.", on=MAY) == []
    (found,) = checker.check("TV Family has 120 channels.", on=MAY)
    assert found.text == "120 channels"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("brand: B\nproducts: [{name: A, claims: []}]", "claims"),
        ("brand: B\nproducts: [{name: A, claims: [{what: p, values: [1], unit: X, per: week}]}]", "per"),
        ("products: []", "brand"),
        ("{brand: B, time_zone: Mars/Olympus}", "time zone"),
        ("{brand: B, offers: [{name: A, until: 2026-01-01, yearly: true}]}", "from and until"),
    ],
)
def test_claims_that_cannot_be_used_are_refused(text: str, problem: str) -> None:
    with pytest.raises(SignalDataInvalid, match=problem):
        parse_data(text, BrandClaims, source="test.yaml")
