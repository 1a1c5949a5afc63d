"""Whose claims hold where, and what offers and sequences may say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from signals.brand.brands import Brands, against, texts_of, texts_of_offer
from signals.brand.claim_checker import ClaimChecker
from signals.brand.claims import read_claims
from signals.catalogue import Catalogue, read_catalogue
from signals.customer import KnownCustomer
from signals.data_file import parse_data
from signals.errors import SignalDataInvalid
from signals.next_action import Situation, recommend
from signals.nurture import NurtureRules, choose, read_nurture
from signals.routing import read_rules
from signals.signal import SignalKind
from tests.signals.making import ANN, NOW, signal

CLAIMS = "{brand: B, products: [{name: Plan, claims: [{what: price, values: [10], unit: EUR, per: month}]}]}"
AT = datetime(2026, 5, 1, tzinfo=UTC)
SHIPPED = ClaimChecker(read_claims())


def test_a_file_is_for_every_workspace(tmp_path: Path) -> None:
    file = tmp_path / "claims.yaml"
    file.write_text(CLAIMS, encoding="utf-8")
    brands = Brands.read(file)
    assert [one.text for one in brands.check(WorkspaceId("any"), "Plan: 12 € a month.", at=AT)] == ["12 €"]


def test_a_folder_has_a_file_for_each_workspace(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(CLAIMS, encoding="utf-8")
    brands = Brands.read(tmp_path)
    assert brands.check(WorkspaceId("shop"), "Plan: 12 € a month.", at=AT)
    assert brands.check(DEFAULT_WORKSPACE, "Plan: 12 € a month.", at=AT) == []


def test_a_folder_without_claims_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SignalDataInvalid, match="no claims"):
        Brands.read(tmp_path)


@pytest.mark.parametrize("day", [date(2026, 5, 1), date(2026, 8, 1), date(2026, 11, 28)], ids=str)
def test_what_ships_keeps_to_the_claims_that_ship(day: date) -> None:
    texts = list(texts_of(read_catalogue(), read_nurture(), read_rules(), on=day))
    assert {one.place.partition(":")[0] for one in texts} == {"catalogue", "nurture", "routing"}
    assert [(one.place, found) for one in texts for found in SHIPPED.check(one.text, on=day)] == []


def test_an_offer_that_contradicts_the_claims_is_not_made() -> None:
    text = """
    currency: GBP
    offers:
      - {name: Fibre 300, price: 31, why: It is fast., answers: {upsell: 0.9}, when: {fact: plan, equals: A}}
      - {name: Fibre 100, price: 29, why: It is fine., answers: {upsell: 0.5}, when: {fact: plan, equals: A}}
    """
    catalogue = parse_data(text, Catalogue, source="test.yaml")
    situation = Situation(
        KnownCustomer(ANN, {"plan": "A"}, may_be_offered=True),
        {SignalKind.UPSELL: signal(SignalKind.UPSELL, 0.9)},
    )
    found = recommend(
        catalogue,
        situation,
        at=AT,
        objections=lambda offer: against(
            [f for one in texts_of_offer(offer, "GBP") for f in SHIPPED.check(one.text, on=AT.date())]
        ),
    )
    assert found.action == "Offer Fibre 100."
    (rejected,) = found.rejected
    (why,) = rejected.against
    assert why == "says '31 GBP', against what is approved (Fibre 300: price 34, 37, 40, 42 GBP)"


def test_nobody_enters_a_sequence_that_may_not_be_said() -> None:
    rules: NurtureRules = read_nurture()
    heard = signal(SignalKind.ADVOCACY, 0.9)
    asked = {"past": [], "at": NOW}
    assert choose(rules, heard, {}, **asked) is not None  # type: ignore[arg-type]  # a test's shorthand
    chosen = choose(rules, heard, {}, **asked, is_sayable=lambda _: False)  # type: ignore[arg-type]
    assert chosen is None
