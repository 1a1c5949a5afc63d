"""``careloop triage`` and ``careloop triage-file``, with the models that ship."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.careloop.test_cli import Careloop, careloop, data_dir

__all__ = ["careloop", "data_dir"]  # fixtures

LEAVING = "I'm leaving Brightwater for Vexa, your prices are outrageous!"


def test_a_message_is_shown_with_what_speaks_for_each_label(careloop: Careloop) -> None:
    result = careloop("triage", "no internet since this morning, the whole building is down")
    assert result.exit_code == 0, result.output
    assert "faults.no_internet" in result.stdout
    assert "technical_support" in result.stdout
    assert "many_affected" in result.stdout
    assert "P1" in result.stdout
    assert "internet" in result.stdout


def test_json_holds_evidence_that_quotes_the_message(careloop: Careloop) -> None:
    result = careloop("triage", LEAVING, "--json", CARELOOP_TRIAGE__COMPETITORS="Vexa")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    signals = {label["name"]: label for label in found["signals"]}
    assert {"churn_risk", "competitor"} <= signals.keys()
    for piece in signals["churn_risk"]["evidence"]:
        assert LEAVING[piece["start"] : piece["end"]] == piece["text"]


def test_another_taxonomy_has_other_intents(careloop: Careloop) -> None:
    result = careloop("triage", "where is my parcel?", "--taxonomy", "ecommerce", "--json")
    assert json.loads(result.stdout)["queue"]["name"] == "orders"


def test_a_taxonomy_that_is_not_there_is_named(careloop: Careloop) -> None:
    result = careloop("triage", "hello", "--taxonomy", "banking")
    assert result.exit_code == 2
    assert "banking" in result.output
    assert "telecom" in result.output


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    file = tmp_path / "messages.csv"
    with file.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["id", "text"])
        rows.writerows([["a", "my bill is wrong"], ["b", "…"], ["c", "Danke, alles super!"]])
    return file


def test_every_message_of_a_file_is_triaged(careloop: Careloop, messages: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    result = careloop("triage-file", str(messages), str(target), "--id", "id")
    assert result.exit_code == 0, result.output
    assert "3 of 3 messages triaged" in result.stdout
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    assert rows[0]["queue"] == "billing"
    assert rows[1]["certainty"] == "not_sure"
    assert (rows[2]["language"], rows[2]["sentiment"]) == ("de", "positive")


def test_a_file_with_a_broken_row_says_which_and_fails(careloop: Careloop, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "my bill is wrong"}\nnot json\n{"text": ""}\n')
    result = careloop("triage-file", str(source), str(tmp_path / "out.csv"))
    assert result.exit_code == 1
    assert "1 of 3 messages triaged" in result.stdout
    assert "row 2" in result.stdout
    assert "row 3: text is empty" in result.stdout


def test_a_target_that_is_there_is_not_overwritten(
    careloop: Careloop, messages: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.csv"
    target.write_text("mine")
    result = careloop("triage-file", str(messages), str(target))
    assert result.exit_code == 2
    assert target.read_text() == "mine"
