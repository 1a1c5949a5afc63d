"""What outcomes teach of a kind of signal: a correction of the detector, drawn to no correction."""

from __future__ import annotations

import json

import numpy as np
import pytest

from signals.worth.circumstances import Circumstances, Fact
from signals.worth.worth import Case, WorthModel, fit_worth

RANDOM = np.random.default_rng(5)
TOPICS = np.eye(8)[:2]  # two messages that have nothing in common


def case(plan: str = "home", *, detected: float = 0.8, value: float = 300.0, topic: int = 0) -> Case:
    facts: dict[str, Fact] = {"plan": plan, "value": value}
    seen = Circumstances(detected, "triage", facts, intent="plans.upgrade_plan", sentiment=0.1)
    return Case(seen, TOPICS[topic] + RANDOM.normal(0, 0.01, 8))


def fitted(cases: list[Case], right: list[bool]) -> WorthModel:
    return fit_worth(cases, right, weights=[1.0] * len(cases))


def test_few_outcomes_hardly_move_what_the_detector_says() -> None:
    said = case(detected=0.8)
    after_one = fitted([case(), case()], [True, False]).judge(said).probability
    after_many = fitted([case()] * 100, [False] * 100).judge(said).probability
    assert after_one == pytest.approx(0.8, abs=0.2)
    assert after_many < 0.1


def test_a_plan_whose_signals_were_noise_is_found_less_probable_and_named_as_the_reason() -> None:
    cases = [case("student") for _ in range(60)] + [case("home") for _ in range(60)]
    model = fitted(cases, [False] * 60 + [True] * 60)
    student, home = model.judge(case("student")), model.judge(case("home"))
    assert (student.probability < 0.2, home.probability > 0.8) == (True, True)
    assert "plan = student" in [one.what for one in student.moved[:2]]


def test_what_was_said_counts_where_facts_are_the_same() -> None:
    cases = [case(topic=0) for _ in range(60)] + [case(topic=1) for _ in range(60)]
    model = fitted(cases, [False] * 60 + [True] * 60)
    noise, right = model.judge(case(topic=0)), model.judge(case(topic=1))
    assert (noise.probability < 0.3, right.probability > 0.7) == (True, True)
    assert right.moved[0].what == "words"


def test_the_parts_add_up_to_the_probability() -> None:
    cases = [case("student" if number % 3 else "home", value=100.0 * number) for number in range(40)]
    model = fitted(cases, [number % 2 == 0 for number in range(40)])
    worth = model.judge(case("home", detected=0.7))
    logit = np.log(0.7 / 0.3) + sum(one.logit for one in worth.moved)
    assert worth.probability == pytest.approx(1 / (1 + np.exp(-logit)))


def test_a_value_that_few_have_is_no_column() -> None:
    cases = [case("home") for _ in range(30)] + [case("mrs-okafors-own-plan") for _ in range(4)]
    model = fitted(cases, [True] * 30 + [False] * 4)
    assert "plan = home" in model.weights
    assert "plan = mrs-okafors-own-plan" not in model.weights


def test_a_detector_that_was_sure_and_wrong_is_corrected_too() -> None:
    model = fitted([case(detected=0.999) for _ in range(50)], [False] * 50)
    assert model.judge(case(detected=0.999)).probability < 0.2


def test_a_model_is_the_same_after_it_was_json() -> None:
    model = fitted([case() for _ in range(20)] + [case("student") for _ in range(20)], [True, False] * 20)
    again = WorthModel.of(json.loads(json.dumps(model.record())))
    asked = case("student")
    assert again.judge(asked).probability == pytest.approx(model.judge(asked).probability, abs=1e-4)


def test_signals_without_words_are_learnt_from_as_well() -> None:
    seen = Circumstances(0.6, "falling usage", {"plan": "home"})
    model = fitted([Case(seen)] * 40, [False] * 40)
    assert model.judge(Case(seen)).probability < 0.4


def test_the_same_outcomes_make_the_same_model() -> None:
    cases, right = [case() for _ in range(30)], [number % 3 == 0 for number in range(30)]
    assert fitted(cases, right).record() == fitted(cases, right).record()
