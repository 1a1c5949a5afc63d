from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.triage.ticket_shop import ROUTER, shop_triager
from tests.triage.triaged import triaged
from triage.label_record import label_record, with_routing
from triage.labels import Certainty, Label, Signal, Triage, Urgency
from triage.message import Message
from triage.stored_labels import outline, told, triage_of

NOW = datetime(2026, 7, 6, 10, 0, tzinfo=UTC)


def without_evidence(value: Any) -> Any:
    if isinstance(value, Label):
        return replace(value, evidence=())
    if isinstance(value, tuple):
        return tuple(map(without_evidence, value))
    return value


def test_what_was_stored_is_the_triage_again_but_for_its_evidence() -> None:
    text = "I am furious, where is my parcel? Refund me. Order 4711, my internet is down for everybody"
    (said,) = shop_triager().triage([Message(text)])
    found = triage_of(label_record(said), model=said.model, entities=said.entities)
    expected: Triage = replace(
        said, **{each.name: without_evidence(getattr(said, each.name)) for each in fields(said)}
    )
    expected = replace(
        expected, priority=replace(said.priority, reasons=without_evidence(said.priority.reasons))
    )
    assert found == expected


STORED = label_record(
    triaged(signals={Signal.CHURN_RISK: 0.8, Signal.UPSELL: 0.6}, urgency={Urgency.OUTAGE: 0.9})
)


@pytest.mark.parametrize(
    ("labels", "people", "expected"),
    [
        (STORED, {}, {"queue": "billing", "priority": "P3", "certainty": "sure"}),
        (STORED, {}, {"signals": ["churn_risk", "upsell"], "language": "en", "origin": "customer"}),
        (
            STORED,
            {"signal": {"upsell": False, "advocacy": True}},
            {"signals": ["advocacy", "churn_risk"]},
        ),
        (STORED, {"queue": "legal", "priority": "P1"}, {"queue": "legal", "priority": "P1"}),
        (STORED, {"intent": "oos"}, {"intent": "oos", "certainty": "out_of_scope"}),
        (
            {**STORED, "certainty": "not_sure"},
            {"intent": "billing.other"},
            {"intent": "billing.other", "certainty": "sure"},
        ),
        ({}, {}, {"intent": None, "queue": None, "priority": None, "certainty": None, "signals": []}),
        ({}, {"intent": "billing.other"}, {"intent": "billing.other", "queue": None}),
    ],
)
def test_people_have_the_last_word(
    labels: dict[str, Any], people: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = told(labels, people)
    assert {name: found[name] for name in expected} == expected


def test_rules_come_before_models_and_after_people() -> None:
    said = triaged(certainty=Certainty.NOT_SURE)
    routing = ROUTER.route(said, at=NOW, facts={"tier": "enterprise"})
    labels = with_routing(label_record(said), routing)
    assert (told(labels, {})["queue"], told(labels, {})["priority"]) == ("vip", "P1")
    assert told(labels, {"queue": "legal"})["queue"] == "legal"
    assert told(labels, {"queue": "legal"})["priority"] == "P1"


def test_an_outline_is_what_anybody_acts_on() -> None:
    def stored(probability: float, queue: str = "billing", **more: Any) -> dict[str, Any]:
        said = triaged(probability=probability, queue=queue, **more)
        return with_routing(label_record(said), ROUTER.route(said, at=NOW))

    assert outline(stored(0.8)) == outline(stored(0.8 + 1e-7)) == outline(stored(0.79))
    assert outline(stored(0.8)) != outline(stored(0.8, "sales"))
    assert outline(stored(0.8)) != outline(stored(0.8, signals={Signal.UPSELL: 0.6}))
    assert outline(stored(0.8)) != outline(label_record(triaged(probability=0.8)))
