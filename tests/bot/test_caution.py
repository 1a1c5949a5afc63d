"""When a likely answer is not enough."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bot.caution import Caution
from tests.triage.triaged import triaged
from triage.labels import Sentiment, Signal


@pytest.mark.parametrize(
    ("signals", "mood", "rule"),
    [
        ({Signal.LEGAL_OR_PRIVACY: 0.95}, Sentiment.NEGATIVE, "legal"),
        ({Signal.LEGAL_OR_PRIVACY: 0.95}, Sentiment.NEUTRAL, None),  # "what do you store about me?"
        ({Signal.LEGAL_OR_PRIVACY: 0.85}, Sentiment.VERY_NEGATIVE, None),
        ({Signal.ESCALATION_RISK: 0.9}, Sentiment.VERY_NEGATIVE, "escalation"),
        ({Signal.CHURN_RISK: 0.99}, Sentiment.VERY_NEGATIVE, None),
        ({}, Sentiment.VERY_NEGATIVE, None),
    ],
)
def test_what_ships_asks_for_strong_signals_from_unhappy_customers(
    signals: dict[Signal, float], mood: Sentiment, rule: str | None
) -> None:
    assert Caution.load().calls_for(triaged(signals=signals, sentiment=mood)) == rule


@pytest.mark.parametrize(
    "rules",
    [
        {"risk_share": 0, "rules": []},
        {"risk_share": 0.5, "rules": [{"name": "a", "signals": {"lawsuit": 0.5}, "mood": "negative"}]},
        {"risk_share": 0.5, "rules": [{"name": "a", "signals": {}, "mood": "negative"}]},
    ],
)
def test_rules_that_say_nothing_are_refused(rules: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Caution.model_validate(rules)
