"""What is offered, and why everything else is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml

from signals.catalogue import SHIPPED, Catalogue, read_catalogue
from signals.customer import KnownCustomer
from signals.data_file import parse_data
from signals.errors import SignalDataInvalid
from signals.next_action import Recommendation, Situation, recommend
from signals.signal import SignalKind
from tests.signals.making import ANN, NOW, signal

CATALOGUE = read_catalogue()
K = SignalKind


def asked(
    kinds: dict[SignalKind, float],
    facts: dict[str, Any],
    *,
    consent: bool = True,
    refused: datetime | None = None,
    at: datetime = NOW,
) -> Recommendation:
    heard = {kind: signal(kind, probability, next_action="Call.") for kind, probability in kinds.items()}
    return recommend(CATALOGUE, Situation(KnownCustomer(ANN, facts, consent), heard, refused), at=at)


def against(found: Recommendation, offer: str) -> tuple[str, ...]:
    (one,) = [candidate for candidate in found.rejected if candidate.offer.name == offer]
    return one.against


@dataclass(frozen=True)
class Case:
    name: str
    kinds: dict[SignalKind, float]
    facts: dict[str, Any]
    offer: str | None
    more: dict[str, Any] = field(default_factory=dict)


HOME = {"plan": "Fibre 100", "segment": "residential", "has_sim": True}
SPRING = NOW + timedelta(days=90)
AUTUMN = NOW + timedelta(days=240)
CASES = [
    Case("more speed", {K.UPSELL: 0.9}, HOME, "Fibre 300"),
    Case(
        "a small business",
        {K.UPSELL: 0.9},
        {"plan": "Business Fibre 150", "segment": "business"},
        "4G Backup",
    ),
    Case(
        "who may leave is asked to stay", {K.CHURN_RISK: 0.8}, {**HOME, "has_sim": False}, "Together discount"
    ),
    Case(
        "who may leave soon",
        {K.CHURN_RISK: 0.8},
        {**HOME, "contract_ends_in_days": 30},
        "Renewal at today's price",
    ),
    Case(
        "who cannot pay", {K.PAYMENT_PROBLEM: 0.8}, {**HOME, "receives_benefits": True}, "Brightwater Basics"
    ),
    Case("no full fibre", {K.UPSELL: 0.9}, {"plan": "Fibre 300", "full_fibre": False}, None),
    Case("nothing that helps", {K.FEATURE_REQUEST: 0.9}, HOME, None),
    Case("no consent", {K.UPSELL: 0.9}, HOME, None, {"consent": False}),
    Case("a complaint", {K.UPSELL: 0.9, K.ESCALATION_RISK: 0.6}, HOME, None),
    Case("a complaint at the helpdesk", {K.UPSELL: 0.9}, {**HOME, "open_complaints": 1}, None),
    Case("refused lately", {K.UPSELL: 0.9}, HOME, None, {"refused": NOW - timedelta(days=89)}),
    Case("refused long ago", {K.UPSELL: 0.9}, HOME, "Fibre 300", {"refused": NOW - timedelta(days=90)}),
    Case(
        "refused lately, and may leave",
        {K.UPSELL: 0.9, K.CHURN_RISK: 0.6},
        {**HOME, "has_sim": False},
        "Together discount",
        {"refused": NOW - timedelta(days=1)},
    ),
    Case(
        "a student in spring",
        {K.PURCHASE_INTENT: 0.9},
        {"student": True, "has_sim": True},
        None,
        {"at": SPRING},
    ),
    Case(
        "a student in autumn",
        {K.PURCHASE_INTENT: 0.9},
        {"student": True, "has_sim": True},
        "Student broadband",
        {"at": AUTUMN},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_offered(case: Case) -> None:
    found = asked(case.kinds, case.facts, **case.more)
    assert (found.chosen.offer.name if found.chosen else None) == case.offer
    assert len(found.rejected) == len(CATALOGUE.offers) - (case.offer is not None)
    assert all(one.against for one in found.rejected)


def test_every_reason_is_told() -> None:
    found = asked({K.UPSELL: 0.9, K.UNRESOLVED_TWICE: 0.7}, HOME, consent=False, refused=NOW)
    assert found.action == "Offer nothing; solve what they wrote about first."
    assert against(found, "Fibre 300") == (
        "no consent to offers",
        "what they asked for is unresolved",
        "they refused on 2026-01-01",
    )
    assert against(found, "Student broadband")[:3] == (
        "nothing that was heard asks for it",
        "not for them: fact student is not known",
        "only from 2026-07-01 until 2026-10-31",
    )


def test_the_better_answer_beats_the_others_and_says_why() -> None:
    found = asked({K.UPSELL: 0.9}, {**HOME, "plan": "Essential 40"})
    assert found.chosen is not None
    assert found.action == "Offer Fibre 300."
    assert found.chosen.worth == pytest.approx(0.72)
    assert found.chosen.because[0] == "it answers upsell"
    assert against(found, "Fibre 100") == ("Fibre 300 answers it better",)


def test_an_offer_names_the_ways_the_customer_agreed_to() -> None:
    customer = KnownCustomer(ANN, HOME, may_be_offered=True, offer_ways=("sales by phone", "marketing"))
    found = recommend(CATALOGUE, Situation(customer, {K.UPSELL: signal(K.UPSELL, 0.9)}), at=NOW)
    assert found.action == "Offer Fibre 300, as sales by phone or marketing."


def test_without_an_offer_the_surest_signal_says_what_to_do() -> None:
    assert asked({K.FEATURE_REQUEST: 0.9}, HOME).action == "Call."
    assert asked({}, HOME).action == "Offer nothing."


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"from": "2026-05-01", "until": "2026-04-01"}, "until is before from"),
        ({"answers": {"upsell": 2}}, "answers.upsell"),
        ({"name": "Fibre 300"}, "there twice"),
        ({"when": {"signal": "upsell"}}, "signal is about a message"),
    ],
)
def test_a_catalogue_that_cannot_be_used_is_refused(change: dict[str, Any], problem: str) -> None:
    data = yaml.safe_load(SHIPPED.read_text())
    data["offers"][0] |= change
    with pytest.raises(SignalDataInvalid, match=problem):
        parse_data(yaml.safe_dump(data), Catalogue, source="test.yaml")
