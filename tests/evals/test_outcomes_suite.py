"""What outcomes are worth, on a small world that is read by the words of its topics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import yaml

from evals.simulators.outcome_world import BEFORE, MESSAGES, SHIFT, OutcomeWorld, chance
from evals.suites.outcomes import evaluate_outcomes, precision_at_recall
from inference.fakes import HashEncoder
from tests.triage.triaged import triaged
from triage.labels import Signal, Triage
from triage.message import Message

WORDS = yaml.safe_load(MESSAGES.read_text(encoding="utf-8"))


def read(messages: Sequence[Message]) -> list[Triage]:
    """Leaving where somebody says so, else an upsell: a detector that is sure and often wrong."""
    leaving = ("cancel", "leav", "close", "end the", "end my", "stop", "contract", "switch", "quit")
    return [
        triaged(
            signals={
                Signal.CHURN_RISK if any(word in (one.text or "") for word in leaving) else Signal.UPSELL: 0.8
            }
        )
        for one in messages
    ]


def test_precision_at_recall_is_that_of_the_highest_scores() -> None:
    scores, worth = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
    assert precision_at_recall(scores, worth, 0.5) == 1.0
    assert precision_at_recall(scores, worth, 0.8) == pytest.approx(2 / 3)
    assert np.isnan(precision_at_recall(scores, np.zeros(4, dtype=np.bool_), 0.8))


def test_a_world_is_that_of_its_seed_and_answers_whatever_is_told_of_it() -> None:
    first, second = (OutcomeWorld(3, customers=50, a_week=30) for _ in range(2))
    assert first.week(0, BEFORE) == second.week(0, BEFORE)
    message = first.week(1, BEFORE)[0]
    assert first.answer(message, "upsell") == second.answer(message, "upsell")


def test_every_topic_has_nine_phrasings_of_its_own() -> None:
    phrasings = [words["phrasings"] for words in WORDS["topics"].values()]
    assert {len(each) for each in phrasings} == {9}
    assert len({sentence for each in phrasings for sentence in each}) == 9 * len(phrasings)


def test_after_the_shift_other_topics_are_worth_something() -> None:
    world = OutcomeWorld(1, customers=1, a_week=1)
    (person,) = world.people
    assert chance(SHIFT, "mesh", person, "upsell") < chance(BEFORE, "mesh", person, "upsell")
    assert chance(SHIFT, "moving", person, "churn_risk") > chance(BEFORE, "moving", person, "churn_risk")


def test_outcomes_make_what_is_told_more_precise() -> None:
    report = evaluate_outcomes([1], HashEncoder(), read, before=2, after=1, a_week=110)
    metrics = report.metrics
    assert metrics["upsell_learnt_w1"] == metrics["upsell_detector_w1"]
    assert metrics["upsell_gain"] > 0
    assert metrics["upsell_told_recall_w2"] < 1
    assert 0 < metrics["churn_risk_bayes_w3"] <= 1
