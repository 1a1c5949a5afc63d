from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.triage.triaged import label, triaged
from triage.labels import Certainty, Label, Priority, Sentiment, Signal, Urgency
from triage.routing import Router, Routing
from triage.rules import parse_routing
from triage.sla import Duration
from triage.verdicts import Note

NOON = datetime(2026, 7, 6, 10, 0, tzinfo=UTC)  # a Monday, noon in Berlin
NIGHT = datetime(2026, 7, 6, 22, 0, tzinfo=UTC)

LEGAL = {
    "name": "legal",
    "when": {"signal": "legal_or_privacy", "at_least": 0.5},
    "then": {"queue": "privacy_legal", "priority": {"at_least": "P2"}, "tags": ["legal"]},
}
CHURN = {
    "name": "churn",
    "when": {"all": [{"signal": "churn_risk", "at_least": 0.7}, {"fact": "value", "at_least": 1000}]},
    "then": {"queue": "retention", "tags": ["churn"], "skills": ["win_back"]},
}
ANGRY = {
    "name": "angry",
    "when": {"sentiment_score": {"below": -0.6}},
    "then": {"priority": {"raise_by": 1}, "tags": ["angry"], "escalate_to": ["team_lead"]},
}
SPAM = {
    "name": "spam",
    "when": {"origin": "spam", "at_least": 0.9},
    "then": {
        "queue": "general",
        "priority": "P4",
        "tags": ["spam"],
        "close": True,
        "auto_reply": "none",
        "stop": True,
    },
}
TARGETS = {
    "P1": {"first_response": "15m", "resolution": "4h", "calendar": "always"},
    "P2": {"first_response": "1h", "resolution": "1d"},
    "P3": {"first_response": "4h", "resolution": "2d"},
    "P4": {"first_response": "1d", "resolution": "5d"},
}
SETTINGS: dict[str, Any] = {
    "calendars": {
        "office": {"timezone": "Europe/Berlin", "hours": {"mon-fri": "08:00-18:00"}},
        "always": {"timezone": "UTC", "hours": "always"},
    },
    "sla": {
        "calendar": "office",
        "targets": TARGETS,
        "tiers": {"gold": {"P3": {"first_response": "1h"}}},
    },
    "teams": {
        "billing": {"calendar": "office"},
        "retention": {"calendar": "office", "out_of_hours": {"queue": "night_shift", "at_least": "P2"}},
        "privacy_legal": {},
        "night_shift": {"calendar": "always"},
        "general": {},
        "sales": {},
    },
    "agents": [
        {"name": "Ana", "queues": ["billing", "retention"], "languages": ["en"], "capacity": 5},
        {"name": "Ben", "queues": "retention", "languages": ["en"], "skills": "win_back", "capacity": 5},
        {"name": "Cem", "queues": ["billing"], "languages": ["de"], "capacity": 5},
        {"name": "Dua", "queues": ["night_shift"], "capacity": 5},
    ],
    "rules": [SPAM, LEGAL, CHURN, ANGRY],
}
LOYAL = {"value": 2000}
LEAVING = triaged(signals={Signal.CHURN_RISK: 0.8}, sentiment=Sentiment.VERY_NEGATIVE)


def router(**changes: Any) -> Router:
    return Router.of(parse_routing({**SETTINGS, **changes}, source="test"))


ROUTER = router()


def rules_of(routing: Routing) -> list[str]:
    return [step.rule for step in routing.why if step.rule is not None]


def changes_of(routing: Routing) -> list[str]:
    return [change for step in routing.why for change in step.changed]


def test_without_a_rule_a_sure_message_goes_where_triage_says() -> None:
    routing = ROUTER.route(triaged(), at=NOON)
    assert (routing.queue, routing.priority, routing.agent) == ("billing", Priority.P3, "Ana")
    assert (routing.queue_rule, routing.priority_rule, routing.tags) == (None, None, ())


@pytest.mark.parametrize("certainty", [Certainty.NOT_SURE, Certainty.OUT_OF_SCOPE])
def test_without_a_rule_an_unsure_message_goes_to_the_default_queue(certainty: Certainty) -> None:
    routing = ROUTER.route(triaged(certainty=certainty), at=NOON)
    assert routing.queue == "general"
    assert router(default_queue="sales").route(triaged(certainty=certainty), at=NOON).queue == "sales"
    assert Note(f"certainty {certainty}") in [note for step in routing.why for note in step.because]


def test_an_unsure_message_still_follows_rules() -> None:
    unsure = triaged(certainty=Certainty.NOT_SURE, signals={Signal.LEGAL_OR_PRIVACY: 0.9})
    assert ROUTER.route(unsure, at=NOON).queue == "privacy_legal"


def test_the_first_queue_counts_and_tags_add_up() -> None:
    both = triaged(
        signals={Signal.LEGAL_OR_PRIVACY: 0.83, Signal.CHURN_RISK: 0.8}, sentiment=Sentiment.VERY_NEGATIVE
    )
    routing = ROUTER.route(both, at=NOON, facts=LOYAL)
    assert routing.queue == "privacy_legal"
    assert routing.queue_rule == "legal"
    assert routing.tags == ("legal", "churn", "angry")
    assert routing.skills == ("win_back",)
    assert routing.escalate_to == ("team_lead",)
    assert rules_of(routing) == ["legal", "churn", "angry"]


def test_priorities_are_changed_one_after_the_other() -> None:
    both = triaged(signals={Signal.LEGAL_OR_PRIVACY: 0.83}, sentiment=Sentiment.VERY_NEGATIVE)
    routing = ROUTER.route(both, at=NOON)
    assert routing.priority is Priority.P1
    assert routing.priority_rule == "angry"
    assert [change for change in changes_of(routing) if change.startswith("priority")] == [
        "priority P3 -> P2",
        "priority P2 -> P1",
    ]


def test_of_priorities_that_are_set_the_first_counts() -> None:
    always = {"channel": "chat"}
    rules = [
        {"name": "raise", "when": always, "then": {"priority": {"raise_by": 2}}},
        {"name": "set", "when": always, "then": {"priority": "P4"}},
        {"name": "set again", "when": always, "then": {"priority": "P1"}},
        {"name": "lower", "when": always, "then": {"priority": {"at_least": "P3"}}},
    ]
    routing = router(rules=rules).route(triaged(), at=NOON, channel="chat")
    assert routing.priority is Priority.P3
    assert changes_of(routing)[:3] == ["priority P3 -> P1", "priority P1 -> P4", "priority P4 -> P3"]


def test_each_rule_that_matched_says_why_in_the_words_of_the_message() -> None:
    routing = ROUTER.route(LEAVING, at=NOON, facts=LOYAL)
    step = next(step for step in routing.why if step.rule == "churn")
    assert [note.text for note in step.because] == [
        "signal churn_risk 0.80 >= 0.7",
        "fact value is 2000 (at least 1000)",
    ]
    assert [span.text for span in step.because[0].evidence] == ["<churn_risk>"]
    assert step.changed == ("queue retention", "tag churn", "skill win_back")


def test_the_whole_decision_is_told_in_its_order() -> None:
    routing = ROUTER.route(LEAVING, at=NOON, facts=LOYAL)
    assert [(step.rule, step.because[0].text) for step in routing.why] == [
        (None, "triage: priority P3 0.70"),
        ("churn", "signal churn_risk 0.80 >= 0.7"),
        ("angry", "sentiment_score -0.90 < -0.6"),
        (None, "promise of P2 by calendar office"),
        (None, "Ben has 0 of 5 tickets, the least share"),
    ]


def test_a_rule_that_changes_nothing_any_more_is_told_all_the_same() -> None:
    again = {"name": "legal again", "when": LEGAL["when"], "then": {"queue": "sales", "tags": "legal"}}
    routing = router(rules=[LEGAL, again]).route(triaged(signals={Signal.LEGAL_OR_PRIVACY: 0.9}), at=NOON)
    assert routing.queue == "privacy_legal"
    assert [step.changed for step in routing.why if step.rule == "legal again"] == [()]


def test_rules_that_nearly_matched_are_hints() -> None:
    routing = ROUTER.route(triaged(signals={Signal.CHURN_RISK: 0.64}, score=-0.4), at=NOON, facts=LOYAL)
    assert [(hint.rule, [note.text for note in hint.lacked]) for hint in routing.hints] == [
        ("churn", ["signal churn_risk 0.64 < 0.7"])
    ]
    assert ROUTER.route(triaged(signals={Signal.CHURN_RISK: 0.64}), at=NOON).hints == ()


def test_a_rule_that_stops_is_the_last() -> None:
    spam = triaged(origin=Label("spam", 0.95), signals={Signal.LEGAL_OR_PRIVACY: 0.9})
    routing = ROUTER.route(spam, at=NOON)
    assert rules_of(routing) == ["spam"]
    assert (routing.queue, routing.priority, routing.close) == ("general", Priority.P4, True)
    assert routing.auto_reply == "none"
    assert changes_of(routing)[-1] == "no further rules"


def test_what_is_closed_has_no_agent_and_no_promise() -> None:
    routing = ROUTER.route(triaged(origin=Label("spam", 0.95)), at=NIGHT)
    assert (routing.agent, routing.first_response_due, routing.resolution_due, routing.sla) == (None,) * 4


def test_due_times_are_counted_in_the_hours_of_the_priority() -> None:
    routing = ROUTER.route(triaged(), at=NOON)
    assert routing.first_response_due == datetime(2026, 7, 6, 14, 0, tzinfo=UTC)
    assert routing.resolution_due == datetime(2026, 7, 8, 10, 0, tzinfo=UTC)
    night = ROUTER.route(triaged(priority=Priority.P1), at=NIGHT)
    assert night.first_response_due == datetime(2026, 7, 6, 22, 15, tzinfo=UTC)
    assert night.resolution_due == datetime(2026, 7, 7, 2, 0, tzinfo=UTC)


def test_a_tier_and_a_rule_change_the_promise() -> None:
    gold = ROUTER.route(triaged(), at=NOON, facts={"tier": "gold"})
    assert gold.first_response_due == datetime(2026, 7, 6, 11, 0, tzinfo=UTC)
    assert gold.resolution_due == datetime(2026, 7, 8, 10, 0, tzinfo=UTC)
    faster = {
        "name": "vip",
        "when": {"fact": "tags", "equals": "vip"},
        "then": {"sla": {"first_response": "5m"}},
    }
    vip = router(rules=[faster]).route(triaged(), at=NOON, facts={"tier": "gold", "tags": ["vip"]})
    assert vip.first_response_due == datetime(2026, 7, 6, 10, 5, tzinfo=UTC)
    assert vip.sla_rule == "vip"
    assert vip.sla is not None
    assert vip.sla.first_response == Duration.parse("5m")
    assert "promise" in changes_of(vip)


def test_of_two_rules_that_promise_the_first_counts() -> None:
    promises = [
        {"name": name, "when": {"channel": "chat"}, "then": {"sla": {"first_response": time}}}
        for name, time in (("first", "10m"), ("second", "5m"))
    ]
    routing = router(rules=promises).route(triaged(), at=NOON, channel="chat")
    assert routing.sla_rule == "first"
    assert routing.first_response_due == datetime(2026, 7, 6, 10, 10, tzinfo=UTC)


def test_without_promises_nothing_is_due() -> None:
    routing = router(sla=None).route(triaged(), at=NOON)
    assert (routing.first_response_due, routing.resolution_due) == (None, None)


def test_a_closed_team_says_until_when() -> None:
    routing = ROUTER.route(triaged(), at=NIGHT)
    assert routing.queue == "billing"
    assert routing.agent is None
    said = [note.text for step in routing.why for note in step.because]
    assert "queue billing is closed until 2026-07-07T06:00:00+00:00" in said
    assert "none of Ana or Cem is at work" in said


def test_what_is_urgent_goes_elsewhere_out_of_hours() -> None:
    routing = ROUTER.route(LEAVING, at=NIGHT, facts=LOYAL)
    assert (routing.priority, routing.queue) == (Priority.P2, "night_shift")
    assert routing.queue_rule == "churn"
    assert routing.agent is None  # Dua cannot win back
    calm = triaged(signals={Signal.CHURN_RISK: 0.8})
    assert ROUTER.route(calm, at=NIGHT, facts=LOYAL).queue == "retention"


@pytest.mark.parametrize(("load", "agent"), [({}, "Ana"), ({"Ana": 5}, None), ({"Ana": 4, "Ben": 0}, "Ana")])
def test_agents_are_chosen_by_queue_language_and_room(load: Mapping[str, int], agent: str | None) -> None:
    assert ROUTER.route(triaged(), at=NOON, load=load).agent == agent


@pytest.mark.parametrize(
    ("language", "agent"),
    [
        (Label("de", 0.97), "Cem"),
        (Label("fr", 0.97), None),
        (Label("fr", 0.4), "Ana"),
        (Label("und", 1.0), "Ana"),
    ],
)
def test_a_language_that_is_not_known_keeps_nobody_out(language: Label, agent: str | None) -> None:
    assert ROUTER.route(triaged(language=language), at=NOON).agent == agent


def test_an_agent_asked_for_takes_it() -> None:
    wish = {"name": "own agent", "when": {"fact": "manager", "equals": "Cem"}, "then": {"assign_to": "Cem"}}
    routing = router(rules=[wish]).route(triaged(), at=NOON, facts={"manager": "cem"})
    assert routing.agent == "Cem"
    assert "asked for Cem" in changes_of(routing)


def test_without_agents_nobody_is_assigned() -> None:
    routing = router(agents=[]).route(triaged(), at=NOON)
    assert routing.agent is None
    assert not any("agents" in note.text for step in routing.why for note in step.because)


def test_a_router_of_rules_alone_will_do() -> None:
    settings = parse_routing({"rules": [LEGAL]}, source="test")
    routing = Router(settings.rules).route(triaged(signals={Signal.LEGAL_OR_PRIVACY: 0.7}), at=NOON)
    assert (routing.queue, routing.priority, routing.tags) == ("privacy_legal", Priority.P2, ("legal",))


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        Router(()).route(triaged(), at=NOON.replace(tzinfo=None))


chances = st.floats(0.5, 1)
messages = st.builds(
    triaged,
    certainty=st.sampled_from(Certainty),
    priority=st.sampled_from(Priority),
    sentiment=st.sampled_from(Sentiment),
    origin=st.builds(Label, st.sampled_from(["customer", "spam"]), chances),
    signals=st.dictionaries(st.sampled_from(Signal), chances),
    urgency=st.dictionaries(st.sampled_from(Urgency), chances),
    further=st.lists(st.builds(label, st.just("contract.cancel_contract"), chances), max_size=1).map(tuple),
)


@given(
    messages,
    st.integers(0, 3_000_000).map(lambda minutes: NOON + timedelta(minutes=minutes)),
)
def test_the_same_question_has_the_same_answer_whatever_was_asked_before(triage: Any, at: datetime) -> None:
    routing = ROUTER.route(triage, at=at, facts=LOYAL)
    assert routing == router().route(triage, at=at, facts=dict(LOYAL))
    assert routing.close or (routing.first_response_due is not None and routing.first_response_due > at)
    assert not set(rules_of(routing)) & {hint.rule for hint in routing.hints}
