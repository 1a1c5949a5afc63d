"""What the claims suite counts, by hand, and what is caught of the texts that ship."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from evals.errors import DatasetInvalid
from evals.suites.claims import evaluate_claims, load_texts
from signals.brand.claim_checker import ClaimChecker, Finding, FindingKind
from signals.brand.claims import read_claims
from tests.conftest import ROOT

ROW = '{{"id": "{id}", "split": "dev", "on": "2026-05-01", "text": "{text}", "wrong": [{wrong}]}}\n'
TONE = '{"kind": "tone", "text": "never"}'
TEXTS = ROOT / "evals" / "cases" / "brightwater_claims" / "texts.jsonl"


def finds_never(text: str, on: date) -> Sequence[Finding]:
    start = text.find("never")
    return () if start < 0 else (Finding(FindingKind.TONE, start, start + 5, "never", "", ""),)


def test_caught_missed_and_false_alarms(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    missed = '{"kind": "wrong_number", "text": "31"}'
    rows = [("it never fails", TONE), ("it is 31", missed), ("never mind", ""), ("fine", "")]
    lines = [ROW.format(id=place, text=text, wrong=wrong) for place, (text, wrong) in enumerate(rows)]
    file.write_text("".join(lines), encoding="utf-8")
    report = evaluate_claims("four", load_texts(file), finds_never)
    assert (report.suite, report.n) == ("claims", 4)
    assert report.metrics == {
        "recall": 0.5,
        "placed": 0.5,
        "false_alarm_rate": 0.5,
        "recall.wrong_number": 0.0,
        "recall.tone": 1.0,
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{}", "line 1"), (ROW.format(id=1, text="fine", wrong=TONE), "not in the text"), ("", "no texts")],
)
def test_rows_that_cannot_be_used_are_named(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetInvalid, match=problem):
        load_texts(file)


def test_the_texts_that_ship_are_caught_and_no_other_is_flagged() -> None:
    checker = ClaimChecker(read_claims())
    report = evaluate_claims("all", load_texts(TEXTS), lambda text, on: checker.check(text, on=on))
    assert report.n == 238
    assert report.metrics["recall"] >= 0.95
    assert report.metrics["false_alarm_rate"] == 0
