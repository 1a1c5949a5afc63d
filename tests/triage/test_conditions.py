from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.triage.triaged import label, triaged
from triage.calendars import CalendarSettings
from triage.conditions import WORDS, AllOf, Condition
from triage.criteria import BusinessHours, Criterion
from triage.entities import Entity
from triage.labels import Certainty, Label, Origin, Priority, Sentiment, Signal, Triage, Urgency
from triage.verdicts import Circumstances, Verdict, figure

ADAPTER: TypeAdapter[Criterion] = TypeAdapter(Condition)
MONDAY = datetime(2026, 7, 6, 8, 0, tzinfo=UTC)
OFFICE = CalendarSettings.model_validate({"timezone": "Europe/Berlin", "hours": {"mon-fri": "08:00-18:00"}})
CALENDARS = {"office": OFFICE.calendar()}


def judged(
    condition: Mapping[str, Any],
    triage: Triage,
    *,
    facts: Mapping[str, object] | None = None,
    at: datetime = MONDAY,
    channel: str | None = None,
) -> Verdict:
    case = Circumstances(triage, at, facts=facts or {}, channel=channel, calendars=CALENDARS)
    return ADAPTER.validate_python(condition).judge(case)


@dataclass(frozen=True)
class Case:
    condition: dict[str, Any]
    triage: Triage
    holds: bool
    says: str
    facts: Mapping[str, object] = field(default_factory=dict)
    channel: str | None = None


PLAIN = triaged()
LEAVES = (
    label("billing.refund_request", 0.4),
    label("billing.copy_of_bill", 0.3),
    label("plans.roaming", 0.2),
)
UNDECIDED = triaged("billing", probability=0.7, certainty=Certainty.NOT_SURE, intents=LEAVES)
CASES = {
    "leaf": Case(
        {"intent": "billing.refund_request"}, PLAIN, True, "intent billing.refund_request 0.80 >= 0.5"
    ),
    "parent": Case({"intent": "billing"}, PLAIN, True, "intent billing.refund_request 0.80 >= 0.5"),
    "parent adds up": Case(
        {"intent": "billing", "at_least": 0.7}, UNDECIDED, True, "intent billing 0.70 >= 0.7"
    ),
    "leaf of a parent": Case(
        {"intent": "billing.refund_request"}, UNDECIDED, False, "intent billing.refund_request 0.40 < 0.5"
    ),
    "other intent": Case({"intent": ["plans", "mobile"]}, PLAIN, False, "no intent plans or mobile"),
    "not a prefix": Case({"intent": "bill"}, PLAIN, False, "no intent bill"),
    "likeliest of two": Case({"intent": ["plans", "billing"]}, UNDECIDED, True, "intent billing 0.70 >= 0.5"),
    "out of scope": Case(
        {"intent": "billing"},
        triaged(certainty=Certainty.OUT_OF_SCOPE),
        False,
        "certainty out_of_scope, not billing",
    ),
    "further": Case(
        {"intent": "contract.cancel_contract", "further": True},
        triaged(further=(label("contract.cancel_contract", 0.9),)),
        True,
        "intent contract.cancel_contract 0.90 >= 0.5",
    ),
    "not further": Case(
        {"intent": "contract.cancel_contract"},
        triaged(further=(label("contract.cancel_contract", 0.9),)),
        False,
        "no intent contract.cancel_contract",
    ),
    "signal": Case(
        {"signal": "legal_or_privacy"},
        triaged(signals={Signal.LEGAL_OR_PRIVACY: 0.83}),
        True,
        "signal legal_or_privacy 0.83 >= 0.5",
    ),
    "signal too weak": Case(
        {"signal": ["churn_risk", "competitor"], "at_least": 0.7},
        triaged(signals={Signal.COMPETITOR: 0.697, Signal.CHURN_RISK: 0.6}),
        False,
        "signal competitor 0.697 < 0.7",
    ),
    "no signal": Case({"signal": "churn_risk"}, PLAIN, False, "no signal churn_risk"),
    "urgency": Case(
        {"urgency": "outage", "at_least": 0.9},
        triaged(urgency={Urgency.OUTAGE: 0.9}),
        True,
        "urgency outage 0.90 >= 0.9",
    ),
    "origin": Case(
        {"origin": ["spam", "newsletter"], "at_least": 0.9},
        triaged(origin=Label(Origin.SPAM, 0.95)),
        True,
        "origin spam 0.95 >= 0.9",
    ),
    "other origin": Case({"origin": "spam"}, PLAIN, False, "no origin spam"),
    "language": Case({"language": "en"}, PLAIN, True, "language en 0.98 >= 0.5"),
    "sentiment": Case(
        {"sentiment": {"at_most": "negative"}},
        triaged(sentiment=Sentiment.VERY_NEGATIVE),
        True,
        "sentiment very_negative (at most negative)",
    ),
    "better sentiment": Case(
        {"sentiment": {"at_most": "negative"}}, PLAIN, False, "sentiment neutral, not at most negative"
    ),
    "good sentiment": Case(
        {"sentiment": {"at_least": "positive"}}, PLAIN, False, "sentiment neutral, not at least positive"
    ),
    "sentiment between": Case(
        {"sentiment": {"at_least": "neutral", "at_most": "positive"}},
        PLAIN,
        True,
        "sentiment neutral (at least neutral and at most positive)",
    ),
    "score": Case(
        {"sentiment_score": {"below": -0.5}}, triaged(score=-0.72), True, "sentiment_score -0.72 < -0.5"
    ),
    "score at limit": Case(
        {"sentiment_score": {"below": -0.5}}, triaged(score=-0.5), False, "sentiment_score -0.50 >= -0.5"
    ),
    "priority": Case(
        {"priority": {"at_least": "P2"}}, triaged(priority=Priority.P1), True, "priority P1 (at least P2)"
    ),
    "lesser priority": Case({"priority": {"at_least": "P2"}}, PLAIN, False, "priority P3, not at least P2"),
    "entity": Case(
        {"entity": ["invoice", "order"]},
        triaged(entities=(Entity("order", 3, 8, "A-123", "A-123"),)),
        True,
        "entity order",
    ),
    "no entity": Case({"entity": "order"}, PLAIN, False, "no entity order"),
    "certainty": Case(
        {"certainty": ["not_sure", "out_of_scope"]},
        UNDECIDED,
        True,
        "certainty not_sure (not_sure or out_of_scope)",
    ),
    "sure": Case({"certainty": "not_sure"}, PLAIN, False, "certainty sure, not not_sure"),
    "channel": Case(
        {"channel": ["email", "chat"]}, PLAIN, True, "channel chat (email or chat)", channel="chat"
    ),
    "no channel": Case({"channel": "email"}, PLAIN, False, "channel unknown, not email"),
    "open": Case({"business_hours": "open", "calendar": "office"}, PLAIN, True, "calendar office is open"),
    "closed": Case(
        {"business_hours": "closed", "calendar": "office"},
        PLAIN,
        False,
        "calendar office is open, not closed",
    ),
    "fact equals": Case(
        {"fact": "plan", "equals": "Enterprise"},
        PLAIN,
        True,
        "fact plan is enterprise",
        {"plan": "enterprise"},
    ),
    "fact in": Case(
        {"fact": "tier", "in": ["gold", "platinum"]},
        PLAIN,
        True,
        "fact tier is gold (gold or platinum)",
        {"tier": "gold"},
    ),
    "fact not in": Case(
        {"fact": "tier", "in": ["gold", 1]}, PLAIN, False, "fact tier is tin, not gold or 1", {"tier": "tin"}
    ),
    "tag": Case(
        {"fact": "tags", "equals": "vip"}, PLAIN, True, "fact tags is new, VIP", {"tags": ["new", "VIP"]}
    ),
    "one tag of": Case(
        {"fact": "tags", "in": ["vip", "press"]},
        PLAIN,
        False,
        "fact tags is new, not vip or press",
        {"tags": ("new",)},
    ),
    "fact at least": Case(
        {"fact": "value", "at_least": 1000},
        PLAIN,
        True,
        "fact value is 1200.5 (at least 1000)",
        {"value": 1200.5},
    ),
    "fact in a range": Case(
        {"fact": "value", "at_least": 10, "at_most": 20},
        PLAIN,
        False,
        "fact value is 21, not at most 20",
        {"value": 21},
    ),
    "words are no number": Case(
        {"fact": "value", "at_least": 10},
        PLAIN,
        False,
        "fact value is much, not at least 10",
        {"value": "much"},
    ),
    "truth is no number": Case(
        {"fact": "value", "at_least": 0}, PLAIN, False, "fact value is True, not at least 0", {"value": True}
    ),
    "unknown fact": Case({"fact": "plan", "equals": "free"}, PLAIN, False, "fact plan is not known"),
    "odd fact": Case(
        {"fact": "plan", "equals": "free"},
        PLAIN,
        False,
        "fact plan is {'id': 1}, not free",
        {"plan": {"id": 1}},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_condition_holds_and_says_why(case: Case) -> None:
    verdict = judged(case.condition, case.triage, facts=case.facts, channel=case.channel)
    assert verdict.holds is case.holds
    assert [note.text for note in verdict.notes] == [case.says]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_its_opposite_holds_when_it_does_not(case: Case) -> None:
    opposite = judged({"not": case.condition}, case.triage, facts=case.facts, channel=case.channel)
    assert opposite.holds is not case.holds
    assert [note.text for note in opposite.notes] == [case.says]


def test_every_word_has_a_case() -> None:
    assert {word for case in CASES.values() for word in case.condition} >= set(WORDS) - {"all", "any", "not"}


def test_the_words_of_the_message_go_with_the_reason() -> None:
    verdict = judged({"signal": "churn_risk"}, triaged(signals={Signal.CHURN_RISK: 0.8}))
    assert [span.text for span in verdict.notes[0].evidence] == ["<churn_risk>"]
    order = judged({"entity": "order"}, triaged(entities=(Entity("order", 3, 8, "A-123", "A-123"),)))
    assert [(span.start, span.end, span.text) for span in order.notes[0].evidence] == [(3, 8, "A-123")]


RISKY = triaged(signals={Signal.CHURN_RISK: 0.65, Signal.ESCALATION_RISK: 0.55}, sentiment=Sentiment.NEGATIVE)
CHURN = {"signal": "churn_risk", "at_least": 0.7}
ESCALATION = {"signal": "escalation_risk", "at_least": 0.7}
UNHAPPY = {"sentiment": {"at_most": "negative"}}
SPAM = {"origin": "spam"}


@pytest.mark.parametrize(
    ("condition", "nearly", "says"),
    [
        (CHURN, True, ["signal churn_risk 0.65 < 0.7"]),
        (ESCALATION, False, ["signal escalation_risk 0.55 < 0.7"]),
        ({"all": [UNHAPPY, CHURN]}, True, ["signal churn_risk 0.65 < 0.7"]),
        ({"all": [SPAM, CHURN]}, False, ["no origin spam", "signal churn_risk 0.65 < 0.7"]),
        (
            {"all": [CHURN, ESCALATION]},
            False,
            ["signal churn_risk 0.65 < 0.7", "signal escalation_risk 0.55 < 0.7"],
        ),
        ({"any": [ESCALATION, CHURN]}, True, ["signal churn_risk 0.65 < 0.7"]),
        ({"any": [SPAM, ESCALATION]}, False, ["no origin spam", "signal escalation_risk 0.55 < 0.7"]),
        ({"not": {"signal": "churn_risk", "at_least": 0.6}}, True, ["signal churn_risk 0.65 >= 0.6"]),
        ({"not": {"signal": "churn_risk"}}, False, ["signal churn_risk 0.65 >= 0.5"]),
        ({"not": UNHAPPY}, False, ["sentiment negative (at most negative)"]),
        ({"all": [{"not": SPAM}, {"any": [CHURN, SPAM]}]}, True, ["signal churn_risk 0.65 < 0.7"]),
        ({"sentiment_score": {"below": -0.6}}, True, ["sentiment_score -0.50 >= -0.6"]),
    ],
)
def test_what_does_not_hold_says_whether_it_nearly_did(
    condition: dict[str, Any], nearly: bool, says: list[str]
) -> None:
    verdict = judged(condition, RISKY)
    assert not verdict.holds
    assert verdict.nearly is nearly
    assert [note.text for note in verdict.notes] == says


def test_of_alternatives_only_those_that_hold_are_reasons() -> None:
    verdict = judged({"any": [SPAM, UNHAPPY, {"signal": "churn_risk"}]}, RISKY)
    assert verdict.holds
    assert [note.text for note in verdict.notes] == [
        "sentiment negative (at most negative)",
        "signal churn_risk 0.65 >= 0.5",
    ]


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ({"sygnal": "churn_risk"}, "a condition is a mapping with one of: all, any, not, intent"),
        ("spam", "a condition is a mapping with one of"),
        ({"all": []}, "at least 1 item"),
        ({"signal": "churn"}, "Input should be 'churn_risk'"),
        ({"signal": []}, "at least 1 item"),
        ({"signal": "churn_risk", "at_least": 0.3}, "greater than or equal to 0.5"),
        ({"signal": "churn_risk", "urgency": "outage"}, "Extra inputs"),
        ({"intent": "billing", "at_least": 1.5}, "less than or equal to 1"),
        ({"sentiment": {}}, "give at_least, at_most or both"),
        ({"fact": "plan"}, "give equals, in, at_least or at_most"),
        ({"fact": "plan", "equals": None}, "give equals, in, at_least or at_most"),
        ({"language": False}, "tuple"),  # Norwegian, unquoted in YAML
    ],
)
def test_a_condition_that_says_nothing_is_refused(condition: object, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        ADAPTER.validate_python(condition)


def test_a_criterion_says_itself_how_it_is_judged() -> None:
    with pytest.raises(TypeError, match="_judge"):
        Criterion()  # type: ignore[abstract]  # as the type checker says


def test_a_tree_lists_all_that_is_in_it() -> None:
    tree = ADAPTER.validate_python(
        {"all": [{"any": [CHURN, {"not": {"business_hours": "open", "calendar": "office"}}]}, SPAM]}
    )
    words = [part.word for part in tree.within()]
    assert isinstance(tree, AllOf)
    assert words == ["all", "any", "signal", "not", "business_hours", "origin"]
    assert [part.calendar for part in tree.within() if isinstance(part, BusinessHours)] == ["office"]
    assert ADAPTER.validate_python(tree) == tree


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_figure_never_contradicts_its_sign(value: float, limit: float) -> None:
    shown = float(figure(value, limit))
    assert (shown >= limit) == (value >= limit) or abs(value - limit) < 1e-8
    assert abs(shown - value) <= 0.005 + 1e-9
