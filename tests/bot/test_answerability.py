from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answerability import (
    Calibration,
    CalibrationUnreadable,
    Logistic,
    RiskPoint,
    features,
    load_calibration,
)
from retrieval import HistoryTurn
from tests.bot.passages import SameWords, passage, retrieval

FLAT = Logistic(bias=0.0, weights={"sentence": 2.0}, means={"sentence": 0.5}, scales={"sentence": 0.1})
RISK = (
    RiskPoint(0.9, 0.1, 0.0, 10),
    RiskPoint(0.8, 0.3, 0.04, 30),
    RiskPoint(0.6, 0.5, 0.08, 50),
    RiskPoint(0.5, 0.6, 0.05, 60),
    RiskPoint(0.2, 1.0, 0.4, 100),
)
CALIBRATION = Calibration(FLAT, FLAT, RISK, vague_threshold=0.3)


def test_features_read_the_best_sentence_and_how_the_best_passage_stands_out() -> None:
    question = "what does moving cost"
    found = retrieval(
        question, [passage("Weather is fine. What does moving cost?"), passage("Rain.", number=2)]
    )
    values = features(question, found, SameWords())
    assert values["sentence"] == pytest.approx(1.0, abs=0.01)
    assert values["standout"] == pytest.approx(0.05)
    assert values["words"] == 2
    assert values["dependence"] == 0


def test_words_that_only_some_passages_say_count_more() -> None:
    question = "moving bitcoin"
    rain = passage("Rain falls.", title="Weather", number=2)
    usual = retrieval(question, [passage("Moving home."), passage("Moving out.", number=2)])
    telling = retrieval(question, [passage("Moving home for bitcoin."), rain])
    said, unsaid = (features(question, found, SameWords())["covered"] for found in (telling, usual))
    assert 0 < unsaid < 0.5  # "moving" is said everywhere, so the other word weighs more
    assert said == pytest.approx(0.5)  # one of the two passages says both words


def test_a_question_that_leans_on_the_history_is_held_against_its_words() -> None:
    history = [HistoryTurn("Do you take bitcoin?")]

    def covered(dependence: float) -> float:
        found = retrieval("What does it cost?", [passage("It cost a lot.")], dependence=dependence)
        return features("What does it cost?", found, SameWords(), history=history)["covered"]

    assert covered(0) == pytest.approx(1)
    assert 0.1 < covered(1) < covered(0.5) < 1  # "bitcoin" is nowhere; said before, it weighs half


@pytest.mark.parametrize("question", ["", "?!"])
def test_a_question_without_words_is_not_covered(question: str) -> None:
    found = retrieval("moving", [passage("Moving home.")])
    assert features(question, found, SameWords())["covered"] == 0


def test_without_sentence_vectors_the_passage_counts() -> None:
    found = retrieval("moving cost", [passage("Moving cost.")], embedded=False)
    assert features("moving cost", found, SameWords())["sentence"] == pytest.approx(found.passages[0].dense)


def test_nothing_found_is_unanswerable() -> None:
    verdict = CALIBRATION.judge("what does moving cost", retrieval("what does moving cost", []), SameWords())
    assert verdict.answerable == 0
    assert verdict.features["sentence"] == 0


def test_a_better_sentence_is_likelier_an_answer() -> None:
    question = "what does moving cost"
    near = CALIBRATION.judge(question, retrieval(question, [passage("Moving cost.")]), SameWords())
    far = CALIBRATION.judge(question, retrieval(question, [passage("Rain falls.")]), SameWords())
    assert 0 < far.answerable < near.answerable < 1


def test_the_risk_chosen_gives_the_lowest_threshold_that_was_safe() -> None:
    assert CALIBRATION.operating_point(0.05) == RISK[3]
    assert CALIBRATION.operating_point(0.5) == RISK[4]


def test_a_risk_nothing_reaches_answers_nothing() -> None:
    point = CALIBRATION.operating_point(0.03)
    assert point.coverage == 0
    assert point.threshold > 1


def test_a_rate_over_a_handful_of_answers_is_no_evidence() -> None:
    assert CALIBRATION.operating_point(0.0).answers == 0


def test_whoever_accepts_any_risk_answers_everything() -> None:
    assert CALIBRATION.operating_point(1.0).threshold == 0


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_risk_never_costs_coverage(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert CALIBRATION.operating_point(low).coverage <= CALIBRATION.operating_point(high).coverage


@given(st.floats(-1e9, 1e9))
def test_a_probability_is_one_whatever_the_feature(value: float) -> None:
    assert 0 < FLAT.probability({"sentence": value}) < 1


def test_a_missing_feature_is_an_error() -> None:
    with pytest.raises(KeyError):
        FLAT.probability({})


def test_the_calibration_that_comes_along_says_where_it_is_from() -> None:
    shipped = load_calibration()
    assert set(shipped.answerable.weights) == {"sentence", "standout", "covered", "dependence"}
    assert all(weight > 0 for weight in shipped.answerable.weights.values())
    assert shipped.vague.weights["words"] < 0
    assert shipped.provenance["command"] == "careloop calibrate"
    assert [point.coverage for point in shipped.risk] == sorted(point.coverage for point in shipped.risk)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"answerable": {"bias": 1}})])
def test_a_file_that_is_no_calibration_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.json"
    file.write_text(text)
    with pytest.raises(CalibrationUnreadable, match=r"mine\.json"):
        load_calibration(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationUnreadable, match=r"none\.json"):
        load_calibration(tmp_path / "none.json")
