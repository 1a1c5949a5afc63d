"""The shape of a report, as other tools read it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from evals.errors import BaselineInvalid
from evals.measures import Measures
from evals.report import Report, Stopwatch


def small_report() -> Report:
    measures = Measures()
    measures.mean("recall@1", [1.0, 0.0, 1.0, 1.0])
    measures.number("quotes", 7)
    measures.number("undefined", float("nan"))
    measures.mean("nothing", [])
    return Stopwatch().report("retrieval", "tiny", 4, measures)


def test_the_json_has_exactly_the_agreed_fields(tmp_path: Path) -> None:
    small_report().write(tmp_path / "out" / "report.json")
    found = json.loads((tmp_path / "out" / "report.json").read_text())
    assert list(found) == ["suite", "data", "n", "metrics", "intervals", "seconds"]
    assert (found["suite"], found["data"], found["n"]) == ("retrieval", "tiny", 4)
    assert found["metrics"] == {"recall@1": 0.75, "quotes": 7}
    assert list(found["intervals"]) == ["recall@1"]
    low, high = found["intervals"]["recall@1"]
    assert 0 <= low <= 0.75 <= high <= 1
    assert 0 <= found["seconds"] < 60


def test_a_report_survives_being_written_and_read() -> None:
    report = small_report()
    assert Report.from_json(report.to_json(), where="here").metrics == report.metrics


@pytest.mark.parametrize("text", ["", "[]", '{"suite": "x"}', '{"metrics": 3}'])
def test_what_is_no_report_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(BaselineInvalid, match=r"^some\.json is not a report"):
        Report.from_json(text, where="some.json")


def test_the_table_shows_each_metric_with_its_interval() -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(small_report().table())
    assert "recall@1" in out.getvalue()
    assert "0.7500" in out.getvalue()
    assert "7.0000" in out.getvalue()
    assert "–" in out.getvalue()
