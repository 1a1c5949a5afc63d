"""When a change counts as a regression."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.errors import BaselineInvalid
from evals.gate import read_baseline, regressions, write_baseline
from evals.report import Report


def report(metrics: dict[str, float], *, suite: str = "answers") -> Report:
    """A report whose intervals reach .05 to both sides."""
    intervals = {name: (value - 0.05, value + 0.05) for name, value in metrics.items()}
    return Report(suite, "tiny", 10, metrics, intervals, 1.0)


def test_a_metric_below_its_interval_is_a_regression() -> None:
    (found,) = regressions(report({"coverage": 0.74}), report({"coverage": 0.8}))
    assert (found.metric, found.value, found.baseline) == ("coverage", 0.74, 0.8)
    assert str(found) == "answers on tiny: coverage is 0.7400, was 0.8000, may not pass 0.7500"


def test_a_metric_within_or_above_its_interval_is_none() -> None:
    assert not regressions(report({"coverage": 0.76}), report({"coverage": 0.8}))
    assert not regressions(report({"coverage": 0.99}), report({"coverage": 0.8}))


@pytest.mark.parametrize("name", ["risk@0.5", "aurc", "answerability_ece", "unanswerable.answered"])
def test_where_lower_is_better_a_rise_is_the_regression(name: str) -> None:
    assert regressions(report({name: 0.5}), report({name: 0.1}))
    assert not regressions(report({name: 0.0}), report({name: 0.1}))


def test_how_questions_of_a_kind_were_dealt_with_may_move_either_way() -> None:
    assert not regressions(report({"answerable.handed_over": 0.0}), report({"answerable.handed_over": 0.9}))


def test_a_metric_that_disappeared_is_a_regression() -> None:
    (found,) = regressions(report({}), report({"coverage": 0.8}))
    assert found.metric == "coverage"


def test_new_reports_stand_beside_those_the_baseline_has(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    write_baseline([report({"coverage": 0.8})], file)
    write_baseline([report({"coverage": 0.9}), report({"mrr": 0.7}, suite="retrieval")], file)
    known = read_baseline(file)
    assert known["answers", "tiny"].metrics == {"coverage": 0.9}
    assert known["retrieval", "tiny"].metrics == {"mrr": 0.7}


@pytest.mark.parametrize("content", ["{", '{"reports": 3}', "{}", '{"reports": [{}]}'])
def test_a_baseline_that_cannot_be_read_says_so(tmp_path: Path, content: str) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(content)
    with pytest.raises(BaselineInvalid):
        read_baseline(file)


def test_a_missing_baseline_says_so(tmp_path: Path) -> None:
    with pytest.raises(BaselineInvalid, match="cannot be read"):
        read_baseline(tmp_path / "none.json")
