"""``careloop train`` and ``careloop triage``, with the real encoder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.careloop.test_cli import Careloop, careloop, data_dir
from tests.triage.messages import EXAMPLES
from triage.model import load_model
from triage.risk import OperatingPoints

__all__ = ["careloop", "data_dir"]  # fixtures


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    file = tmp_path / "tickets.csv"
    with file.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["subject", "queue"])
        rows.writerows((example.text, example.label) for example in EXAMPLES)
    return file


def test_a_model_is_trained_and_says_what_a_message_is(
    careloop: Careloop, tickets: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    result = careloop("train", str(tickets), "--text", "subject", "--label", "queue", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "in_scope_accuracy" in result.stdout
    assert "| password | 8 |" in (out / "card.md").read_text()
    assert (out / "reliability.png").read_bytes().startswith(b"\x89PNG")
    points = OperatingPoints.from_json((out / "operating_points.json").read_text())
    assert points.messages == 24
    assert "Too few messages, or too many errors, to promise" in result.stdout.replace("\n", " ")
    result = careloop(
        "triage", "Hi, I cannot get into my account, the pasword is wrong", "--model", str(out), "--json"
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["intent"]["name"] == found["queue"]["name"] == "password"
    assert 0.3 < found["intent"]["probability"] <= 1
    assert {label["name"] for label in found["intents"]} == {"password", "delivery", "refund"}
    assert found["certainty"] == "not_sure"  # nothing was promised


def test_old_tickets_without_labels_teach_too(careloop: Careloop, tickets: Path, tmp_path: Path) -> None:
    old, out = tmp_path / "old.csv", tmp_path / "model"
    old.write_text("id,subject\n1,my parcel is not here\n2,\n3,money for my order back\n4,log in broken\n")
    columns = ("--text", "subject", "--label", "queue")

    result = careloop("train", str(tickets), *columns, "--unlabelled", str(old), "--out", str(out))

    assert result.exit_code == 0, result.output
    assert load_model(out).provenance["unlabelled"] == 3
    assert "3 messages without labels" in (out / "card.md").read_text()


def test_unlabelled_messages_and_fine_tuning_exclude_one_another(
    careloop: Careloop, tickets: Path, tmp_path: Path
) -> None:
    both = ("--unlabelled", str(tickets), "--fine-tune")
    result = careloop("train", str(tickets), "--out", str(tmp_path / "model"), *both)
    assert result.exit_code == 2
    assert "exclude one another" in " ".join(result.output.split())


def test_a_folder_without_a_model_is_named(careloop: Careloop, tmp_path: Path) -> None:
    result = careloop("triage", "hello", "--model", str(tmp_path))
    assert result.exit_code == 2
    assert "careloop train" in result.output


def test_a_missing_column_is_named(careloop: Careloop, tickets: Path, tmp_path: Path) -> None:
    result = careloop("train", str(tickets), "--out", str(tmp_path / "model"))
    assert result.exit_code == 2
    assert "no column text" in result.output
    assert not (tmp_path / "model").exists()


def test_fine_tuning_is_tried_only_where_something_can_be_held_out(
    careloop: Careloop, tmp_path: Path
) -> None:
    file, out = tmp_path / "few.csv", tmp_path / "model"
    file.write_text("text,label\nmoney back,refund\nrefund me,refund\nwhere is it,late\nit is late,late\n")
    result = careloop("train", str(file), "--out", str(out), "--fine-tune")
    assert result.exit_code == 0, result.output
    assert "no label has three examples" in " ".join(result.stdout.split())
    assert "* Fine-tuned: no" in (out / "card.md").read_text()


def test_an_encoder_that_runs_elsewhere_cannot_be_fine_tuned(
    careloop: Careloop, tickets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARELOOP_ENCODER__BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("CARELOOP_ENCODER__MODEL_NAME", "some-encoder")
    columns = ("--text", "subject", "--label", "queue")
    result = careloop("train", str(tickets), *columns, "--out", str(tmp_path / "model"), "--fine-tune")
    assert result.exit_code == 2
    assert "needs an encoder that runs here" in " ".join(result.output.split())
