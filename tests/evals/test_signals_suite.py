"""The suites of signals and sentiment: what they count, and what the models that ship reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.errors import DatasetInvalid
from evals.suites.signals import evaluate_sentiment, evaluate_signals, load_churn, load_felt
from inference.encoder import OpenVinoEncoder
from tests.conftest import ROOT
from triage.marks import MarkModel
from triage.models import prepare_marks


@pytest.fixture(scope="module")
def marks(real_encoder: OpenVinoEncoder) -> MarkModel:
    return prepare_marks(real_encoder, ROOT / "var" / "models")


def test_churn_is_read_by_brand(tmp_path: Path) -> None:
    file = tmp_path / "churn.csv"
    file.write_text("text,brand,churn\nI quit,no_brand,1\nbye Alfa,Alfa,0\n")
    first, second = load_churn(file)
    assert (first.brand, first.churn) == ("", True)
    assert (second.brand, second.churn) == ("Alfa", False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("text,brand\na,b\n", "needs the columns"),
        ("text,brand,churn\na,b,maybe\n", "row 2: churn is none of 0, 1"),
    ],
)
def test_a_broken_set_is_named(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "churn.csv"
    file.write_text(text)
    with pytest.raises(DatasetInvalid, match=reason):
        load_churn(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetInvalid, match="cannot be read"):
        load_felt(tmp_path / "none.csv")


def test_to_leave_us_is_churn_and_to_leave_them_is_not(
    tmp_path: Path, marks: MarkModel, real_encoder: OpenVinoEncoder
) -> None:
    file = tmp_path / "churn.csv"
    text = "I want to switch from Alfanet to Betafon"
    file.write_text(f"text,brand,churn\n{text},Alfanet,1\n{text},Betafon,0\n")
    report = evaluate_signals("churn", load_churn(file), marks, real_encoder)
    assert report.metrics["macro_f1"] == 1.0
    assert report.metrics["auroc"] == 1.0


def test_five_levels_fall_into_three(tmp_path: Path, marks: MarkModel, real_encoder: OpenVinoEncoder) -> None:
    file = tmp_path / "felt.csv"
    file.write_text(
        "text,label\nworst service ever I hate it,negative\nthank you so much you are great,positive\n"
        "what time do you open on Sunday,neutral\n"
    )
    report = evaluate_sentiment("felt", load_felt(file), marks, real_encoder)
    assert report.metrics["accuracy"] == 1.0


def test_churn_and_sentiment_of_public_sets_without_training_on_them(
    public_data: Path, marks: MarkModel, real_encoder: OpenVinoEncoder
) -> None:
    churn = load_churn(public_data / "signals" / "churn_en.csv")
    assert evaluate_signals("churn", churn, marks, real_encoder).metrics["macro_f1"] >= 0.75
    felt = load_felt(public_data / "sentiment" / "airline.csv")[::5]
    assert evaluate_sentiment("airline", felt, marks, real_encoder).metrics["macro_f1"] >= 0.65
