from pathlib import Path
from typing import Any

import pytest
import yaml

from triage.errors import RoutingInvalid
from triage.labels import Priority
from triage.rules import PriorityChange, RoutingSettings, parse_routing, read_routing

OFFICE = {"timezone": "Europe/Berlin", "hours": {"mon-fri": "08:00-18:00"}}
TARGET = {"first_response": "1h", "resolution": "1d"}
SLA = {"calendar": "office", "targets": dict.fromkeys(("P1", "P2", "P3", "P4"), TARGET)}
RULE = {"name": "legal", "when": {"signal": "legal_or_privacy"}, "then": {"queue": "privacy_legal"}}
WHOLE: dict[str, Any] = {
    "calendars": {"office": OFFICE},
    "sla": SLA,
    "teams": {"privacy_legal": {"calendar": "office"}, "general": {}},
    "agents": [{"name": "Ana", "queues": "privacy_legal", "languages": ["en"], "capacity": 3}],
    "rules": [RULE],
}


def parsed(**changes: Any) -> RoutingSettings:
    return parse_routing({**WHOLE, **changes}, source="routing.yaml")


def rule(**changes: Any) -> list[dict[str, Any]]:
    return [{**RULE, **changes}]


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "routing.yaml"
    file.write_text(yaml.safe_dump(WHOLE), encoding="utf-8")
    settings = read_routing(file)
    assert settings == parsed()
    assert [rule.name for rule in settings.rules] == ["legal"]
    assert settings.agents[0].queues == ("privacy_legal",)
    assert settings.default_queue == "general"


def test_rules_may_stand_among_other_things() -> None:
    assert parsed(name="telecom", intents=[]) == parsed()


def test_one_name_may_stand_without_a_list() -> None:
    then = parsed(rules=rule(then={"tags": "legal", "escalate_to": "counsel"})).rules[0].then
    assert (then.tags, then.escalate_to) == (("legal",), ("counsel",))


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ({"set": "P1"}, "P1 P1 P1 P1"),
        ({"raise_by": 1}, "P1 P1 P2 P3"),
        ({"lower_by": 2}, "P3 P4 P4 P4"),
        ({"at_least": "P2"}, "P1 P2 P2 P2"),
        ({"at_most": "P3"}, "P3 P3 P3 P4"),
    ],
)
def test_a_priority_is_set_raised_or_lowered(change: dict[str, Any], after: str) -> None:
    written = PriorityChange.model_validate(change)
    assert [written.of(priority) for priority in Priority] == after.split()


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no name": (
        {"rules": [{"when": RULE["when"], "then": {"stop": True}}]},
        r"rules\[0\]\.name: Field required",
    ),
    "no action": ({"rules": rule(then={})}, r"rules\[0\]\.then: it does nothing"),
    "typo in an action": (
        {"rules": rule(then={"queu": "general"})},
        r"rules\[0\]\.then\.queu: it is not known",
    ),
    "threshold": (
        {"rules": rule(when={"all": [{"not": {"signal": "upsell", "at_least": 70}}]})},
        r"rules\[0\]\.when\.all\[0\]\.not\.at_least: Input should be less than or equal to 1",
    ),
    "no condition": (
        {"rules": rule(when={"any": [{"mood": "bad"}]})},
        r"when\.any\[0\]: a condition is a mapping",
    ),
    "two changes": (
        {"rules": rule(then={"priority": {"set": "P1", "raise_by": 1}})},
        r"rules\[0\]\.then\.priority: give one of set",
    ),
    "no such priority": (
        {"rules": rule(then={"priority": "urgent"})},
        r"then\.priority\.set: Input should be 'P1'",
    ),
    "twice": ({"rules": [RULE, RULE]}, r"rules\[1\]\.name: 'legal' is there twice"),
    "agents twice": ({"agents": WHOLE["agents"] * 2}, r"agents\[1\]\.name: 'Ana' is there twice"),
    "queue": (
        {"rules": rule(then={"queue": "privacy_leagl"})},
        r"rules\[0\]\.then\.queue: there is no queue 'privacy_leagl'; 'privacy_legal' was meant\?",
    ),
    "queue of an agent": (
        {"agents": [{"name": "Ana", "queues": ["sales"], "capacity": 1}]},
        r"agents\[0\]\.queues: there is no queue 'sales'",
    ),
    "queue of a promise": (
        {"sla": {**SLA, "queues": {"sales": {"P1": TARGET}}}},
        r"sla\.queues\.sales: there is no",
    ),
    "default queue": ({"default_queue": "inbox"}, r"default_queue: there is no queue 'inbox'"),
    "calendar of a rule": (
        {"rules": rule(when={"not": {"business_hours": "open", "calendar": "offce"}})},
        r"rules\[0\]\.when: there is no calendar 'offce'; 'office' was meant\?",
    ),
    "calendar of a promise": ({"calendars": {}}, r"sla\.calendar: there is no calendar 'office'"),
    "calendar of a rule's promise": (
        {"rules": rule(then={"sla": {"calendar": "x"}})},
        r"rules\[0\]\.then\.sla\.calendar: there is no calendar 'x'",
    ),
    "calendar of an agent": (
        {"agents": [{"name": "Ana", "queues": ["general"], "capacity": 1, "calendar": "x"}]},
        r"agents\[0\]\.calendar: there is no calendar 'x'",
    ),
    "queue out of hours": (
        {"teams": {**WHOLE["teams"], "general": {"calendar": "office", "out_of_hours": {"queue": "night"}}}},
        r"teams\.general\.out_of_hours\.queue: there is no queue 'night'",
    ),
    "never closed": (
        {"teams": {**WHOLE["teams"], "general": {"out_of_hours": {"queue": "general"}}}},
        r"teams\.general: out_of_hours needs a calendar",
    ),
    "agent": (
        {"rules": rule(then={"assign_to": "Anna"})},
        r"rules\[0\]\.then\.assign_to: there is no agent 'Anna'",
    ),
    "nothing promised": (
        {"sla": None, "rules": rule(then={"sla": {"resolution": "1h"}})},
        r"rules\[0\]\.then\.sla: there is no sla to change",
    ),
    "hours": (
        {"calendars": {"office": {**OFFICE, "hours": {"mon": "9 to 5"}}}},
        r"calendars\.office\.hours\.mon: '9 to 5' is not hours",
    ),
    "never open": (
        {"calendars": {"office": {**OFFICE, "hours": {"mon": "closed"}}}},
        r"calendars\.office: it never opens",
    ),
    "promise": (
        {"sla": {**SLA, "tiers": {"gold": {"P1": {"resolution": "soon"}}}}},
        r"sla\.tiers\.gold\.P1\.resolution: 'soon' is not a duration",
    ),
}


@pytest.mark.parametrize(("changes", "says"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_wrong_is_named_with_its_place(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(RoutingInvalid, match=r"^routing\.yaml: .*" + says) as caught:
        parsed(**changes)
    assert "<" not in caught.value.detail


def test_any_queue_will_do_where_no_teams_are_given() -> None:
    settings = parsed(teams={}, rules=rule(then={"queue": "anything"}))
    assert settings.rules[0].then.queue == "anything"


def test_intents_are_checked_where_they_are_known() -> None:
    rules = rule(when={"any": [{"intent": ["billing", "billing.refnd"]}, {"signal": "upsell"}]})
    assert parsed(rules=rules).rules[0].name == "legal"
    with pytest.raises(
        RoutingInvalid, match=r"rules\[0\].when: there is no intent 'billing.refnd'; 'billing.refund'"
    ):
        parse_routing({"rules": rules}, source="x", intents={"billing", "billing.refund"})


def test_many_problems_are_counted() -> None:
    rules = [{**RULE, "name": str(number), "then": {}} for number in range(14)]
    with pytest.raises(RoutingInvalid, match=r"rules\[9\]\.then: it does nothing; and 4 more\.$"):
        parsed(rules=rules)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"rule: []\n", r"rule: it is not known here; 'rules' was meant\?"),
        (b"- a\n", "holds no mapping with agents, calendars"),
        (b"rules: [\n", "is not YAML: while parsing"),
        (b"rules: \xff\n", "is not UTF-8"),
        (b"default_queue: 7\n", "default_queue: Input should be a valid string"),
    ],
)
def test_a_file_that_holds_no_rules_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "routing.yaml"
    file.write_bytes(content)
    with pytest.raises(RoutingInvalid, match=f"routing.yaml.*{says}"):
        read_routing(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RoutingInvalid, match=r"none\.yaml cannot be read"):
        read_routing(tmp_path / "none.yaml")
