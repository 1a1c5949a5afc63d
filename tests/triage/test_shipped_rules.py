"""The rules that come with the taxonomies: each of them does what its name says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import triage as package
from tests.triage.triaged import label, triaged
from triage.labels import Certainty, Label, Origin, Priority, Sentiment, Signal, Triage, Urgency
from triage.routing import Router, Routing
from triage.rules import RoutingSettings, read_routing

TAXONOMIES = Path(next(iter(package.__path__))) / "taxonomies"
NAMES = ("ecommerce", "telecom")
MONDAY = datetime(2026, 7, 6, 10, 0, tzinfo=UTC)  # noon in Berlin
SUNDAY_NIGHT = datetime(2026, 7, 5, 22, 0, tzinfo=UTC)


@cache
def taxonomy(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load((TAXONOMIES / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def queues(name: str) -> set[str]:
    return {queue["name"] for queue in taxonomy(name)["queues"]}


@cache
def settings(name: str) -> RoutingSettings:
    found = taxonomy(name)["intents"]
    leaves = {f"{parent['name']}.{leaf['name']}" for parent in found for leaf in parent["intents"]}
    parents = {parent["name"] for parent in found}
    return read_routing(TAXONOMIES / f"{name}.routing.yaml", intents=leaves | parents)


ROUTERS = {name: Router.of(settings(name)) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_teams_are_the_queues_of_the_taxonomy(name: str) -> None:
    assert set(settings(name).teams) == queues(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_queue_is_staffed_in_office_hours_and_p1_at_any_hour(name: str) -> None:
    router = ROUTERS[name]
    for queue in queues(name):
        plain = triaged("none", queue=queue)
        assert router.route(plain, at=MONDAY).queue == queue
        urgent = router.route(triaged("none", queue=queue, priority=Priority.P1), at=SUNDAY_NIGHT)
        assert urgent.first_response_due == datetime(2026, 7, 5, 22, 15, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """A message that ``rule`` is for, and what must come of it."""

    taxonomy: str
    rule: str
    triage: Triage
    queue: str
    priority: Priority
    tags: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


def both(
    rule: str, triage: Triage, *, queue: str, priority: Priority, tags: tuple[str, ...] = (), **facts: object
) -> list[Case]:
    return [Case(name, rule, triage, queue, priority, tags, facts) for name in NAMES]


P1, P2, P3, P4 = Priority
COMPLAINT = triaged("feedback.complaint", queue="general", sentiment=Sentiment.NEGATIVE)
CASES = [
    *both(
        "automatic mail",
        triaged("orders", certainty=Certainty.OUT_OF_SCOPE, origin=Label(Origin.AUTO_REPLY, 0.96)),
        queue="general",
        priority=P4,
        tags=("automatic",),
    ),
    *both(
        "spam",
        triaged("x", certainty=Certainty.OUT_OF_SCOPE, origin=Label(Origin.SPAM, 0.97)),
        queue="general",
        priority=P4,
        tags=("spam",),
    ),
    *both(
        "legal or privacy",
        triaged(signals={Signal.LEGAL_OR_PRIVACY: 0.83}, sentiment=Sentiment.NEGATIVE),
        queue="privacy_legal",
        priority=P2,
        tags=("legal",),
    ),
    Case(
        "telecom",
        "security",
        triaged("account.account_security", probability=0.9, queue="privacy_legal", priority=P1),
        "privacy_legal",
        P1,
        ("security",),
    ),
    Case(
        "ecommerce",
        "security",
        triaged("payments.double_charge", queue="payments", urgency={Urgency.SAFETY_OR_SECURITY: 0.8}),
        "account",
        P1,
        ("security", "money"),
    ),
    Case(
        "telecom",
        "vulnerable customer cut off",
        triaged("faults.phone_line_problem", queue="technical_support", urgency={Urgency.VULNERABLE: 0.9}),
        "technical_support",
        P1,
        ("vulnerable",),
    ),
    Case(
        "telecom",
        "vulnerable customer",
        triaged("billing.payment_extension", urgency={Urgency.VULNERABLE: 0.7}),
        "billing",
        P2,
        ("vulnerable",),
    ),
    Case(
        "ecommerce",
        "vulnerable customer",
        triaged("orders.delivery_delay", queue="orders", urgency={Urgency.VULNERABLE: 0.7}),
        "orders",
        P2,
        ("vulnerable",),
    ),
    Case(
        "telecom",
        "outage affecting many",
        triaged(
            "faults.no_internet",
            queue="technical_support",
            priority=P2,
            urgency={Urgency.OUTAGE: 0.9, Urgency.MANY_AFFECTED: 0.8},
        ),
        "technical_support",
        P1,
        ("outage",),
    ),
    Case(
        "ecommerce",
        "shop down for many",
        triaged("feedback.website_bug", queue="general", urgency={Urgency.MANY_AFFECTED: 0.8}),
        "general",
        P1,
        ("outage",),
    ),
    Case(
        "ecommerce",
        "money at risk",
        triaged("payments.double_charge", queue="payments"),
        "payments",
        P2,
        ("money",),
    ),
    Case(
        "telecom",
        "churn of a valuable customer",
        triaged("billing.bill_higher_than_expected", signals={Signal.CHURN_RISK: 0.8}),
        "retention",
        P2,
        ("churn",),
        {"value": 2400},
    ),
    Case(
        "telecom",
        "churn of a valuable customer",
        triaged(further=(label("contract.cancel_contract", 0.8),)),
        "retention",
        P2,
        ("churn",),
        {"tier": "gold"},
    ),
    Case(
        "ecommerce",
        "churn of a valuable customer",
        triaged("subscription.cancel_subscription", queue="retention"),
        "retention",
        P2,
        ("churn",),
        {"value": 800},
    ),
    *both(
        "threatened escalation",
        triaged(
            "none", queue="general", signals={Signal.ESCALATION_RISK: 0.9}, sentiment=Sentiment.VERY_NEGATIVE
        ),
        queue="general",
        priority=P2,
        tags=("escalation",),
    ),
    *both(
        "repeated contact",
        triaged("none", queue="general", urgency={Urgency.REPEATED_CONTACT: 0.8}),
        queue="general",
        priority=P2,
        tags=("repeated_contact",),
    ),
    *both(
        "enterprise",
        triaged("none", queue="general", priority=P4),
        queue="general",
        priority=P3,
        tags=("enterprise",),
        tier="enterprise",
    ),
    *both(
        "German speaker",
        triaged("none", queue="general", language=Label("de", 0.97)),
        queue="general",
        priority=P3,
    ),
]


def routed(case: Case) -> Routing:
    return ROUTERS[case.taxonomy].route(case.triage, at=MONDAY, facts=case.facts)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.taxonomy}: {case.rule}")
def test_a_rule_is_there_for_its_message(case: Case) -> None:
    routing = routed(case)
    assert case.rule in [step.rule for step in routing.why]
    assert (routing.queue, routing.priority, routing.tags) == (case.queue, case.priority, case.tags)


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_has_a_message(name: str) -> None:
    assert [rule.name for rule in settings(name).rules] == list(
        dict.fromkeys(
            rule.name
            for rule in settings(name).rules
            for case in CASES
            if case.taxonomy == name and case.rule == rule.name
        )
    )
    assert 8 <= len(settings(name).rules) <= 12


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_message_meets_no_rule(name: str) -> None:
    routing = ROUTERS[name].route(triaged(), at=MONDAY)
    assert [step.rule for step in routing.why if step.rule] == []
    assert (routing.queue, routing.priority) == ("billing", P3)


@pytest.mark.parametrize("name", NAMES)
def test_what_may_be_a_legal_letter_is_never_closed_as_spam(name: str) -> None:
    letter = triaged(origin=Label(Origin.SPAM, 0.98), signals={Signal.LEGAL_OR_PRIVACY: 0.6})
    routing = ROUTERS[name].route(letter, at=MONDAY)
    assert not routing.close
    assert routing.queue == "privacy_legal"


@pytest.mark.parametrize("name", NAMES)
def test_legal_comes_before_retention(name: str) -> None:
    message = triaged(signals={Signal.CHURN_RISK: 0.95, Signal.LEGAL_OR_PRIVACY: 0.7})
    routing = ROUTERS[name].route(message, at=MONDAY, facts={"value": 5000})
    assert routing.queue == "privacy_legal"
    assert routing.tags == ("legal", "churn")


@pytest.mark.parametrize("name", NAMES)
def test_a_german_message_needs_somebody_who_speaks_it(name: str) -> None:
    assert ROUTERS[name].route(triaged(language=Label("de", 0.97)), at=MONDAY).skills == ("german",)
    assert ROUTERS[name].route(triaged(language=Label("de", 0.6)), at=MONDAY).skills == ()
