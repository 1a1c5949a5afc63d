"""Where signals go, why, and what a file of rules may say."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from signals.data_file import parse_data
from signals.errors import SignalDataInvalid
from signals.routing import Route, SignalRules, read_rules, route
from signals.signal import Qualification, SignalKind, Team
from tests.signals.making import NOW, signal
from triage.labels import Priority

TEAMS = dict.fromkeys((str(kind) for kind in SignalKind), "customer_success")


def rules_of(*rules: dict[str, Any]) -> SignalRules:
    return parse_data(yaml.safe_dump({"teams": TEAMS, "rules": list(rules)}), SignalRules, source="test.yaml")


def test_without_a_rule_the_kind_decides() -> None:
    assert route(rules_of(), signal(), {}, at=NOW) == Route(
        Team.CUSTOMER_SUCCESS, None, None, Priority.P3, None, ()
    )


def test_the_first_rule_that_names_something_decides_it_and_each_says_why() -> None:
    rules = rules_of(
        {"name": "gold", "when": {"fact": "plan", "equals": "Gold"}, "then": {"priority": "P1"}},
        {
            "name": "sure",
            "when": {"fact": "probability", "at_least": 0.8},
            "then": {"team": "sales", "priority": "P4", "owner": "joe", "targets": ["hubspot"]},
        },
        {"name": "late", "when": {"fact": "kind", "equals": "churn_risk"}, "then": {"owner": "ann"}},
    )
    found = route(rules, signal(probability=0.85), {"plan": "gold", "kind": "upsell"}, at=NOW)
    assert (found.team, found.owner, found.priority, found.targets) == (
        Team.SALES,
        "joe",
        Priority.P1,
        ("hubspot",),
    )
    assert found.why == (
        "gold: priority P1, because fact plan is gold",
        "sure: team sales, owner joe, targets hubspot, because fact probability is 0.85 (at least 0.8)",
    )


def test_stop_ends_the_rules_and_a_fact_names_the_owner() -> None:
    rules = rules_of(
        {
            "name": "value",
            "when": {"any": [{"fact": "value", "at_least": 1000}, {"fact": "stage", "in": ["at risk"]}]},
            "then": {"owner_fact": "account_manager", "stop": True},
        },
        {"name": "rest", "when": {"not": {"fact": "nothing", "equals": "known"}}, "then": {"owner": "pool"}},
    )
    assert route(rules, signal(), {"value": 2000, "account_manager": "maya"}, at=NOW).owner == "maya"
    assert route(rules, signal(), {"value": 2000}, at=NOW).owner is None
    assert route(rules, signal(), {"value": 20}, at=NOW).owner == "pool"


def test_the_shipped_rules_keep_legal_matters_in_the_house() -> None:
    found = route(read_rules(), signal(SignalKind.LEGAL_OR_PRIVACY), {"value": 5000}, at=NOW)
    assert (found.targets, found.priority) == ((), Priority.P1)
    assert "targets nobody" in found.why[0]


def test_the_shipped_rules_send_leads_by_what_they_are_worth() -> None:
    teams = [
        route(read_rules(), signal(SignalKind.UPSELL, qualification=one), {}, at=NOW).team
        for one in Qualification
    ]
    assert teams == [Team.SALES, Team.MARKETING, Team.MARKETING]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (
            {"name": "a", "when": {"intent": "billing"}, "then": {"team": "sales"}},
            "intent is about a message",
        ),
        (
            {"name": "a", "when": {"all": [{"signal": "upsell"}]}, "then": {"team": "sales"}},
            r"rules\[0\].when: signal is about a message",
        ),
        ({"name": "a", "when": {"fact": "x", "equals": 1}, "then": {}}, "it does nothing"),
        ({"name": "a", "when": {"fact": "x"}, "then": {"team": "sales"}}, "give equals, in"),
        ({"name": "a", "when": {"fact": "x", "equals": 1}, "then": {"team": "it"}}, "team"),
        (
            {"name": "a", "when": {"fact": "x", "equals": 1}, "then": {"owner": "a", "owner_fact": "b"}},
            "owner or owner_fact",
        ),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused(rule: dict[str, Any], problem: str) -> None:
    with pytest.raises(SignalDataInvalid, match=problem):
        rules_of(rule)


def test_every_kind_has_to_be_somebody_s() -> None:
    with pytest.raises(SignalDataInvalid, match="teams lacks upsell"):
        parse_data(
            yaml.safe_dump({"teams": {k: v for k, v in TEAMS.items() if k != "upsell"}}),
            SignalRules,
            source="t",
        )
