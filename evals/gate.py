"""Holding quality: reports compared with a committed baseline, so that no change makes it worse unseen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.errors import BaselineInvalid
from evals.report import Report

BASELINE = Path(__file__).parent / "baseline.json"

_LOWER_IS_BETTER = (
    "risk@",
    "aurc",
    "answerability_ece",
    "unanswerable.answered",
    "underspecified.answered",
    "automatic.error",
    "by_rule.error",
)
# Shares of what the bot does with a kind of question have no better end, except those above.
_NEITHER = (".answered", ".clarified", ".handed_over", "quotes", "by_rule.share")


@dataclass(frozen=True, slots=True)
class Regression:
    """A metric that left its baseline's interval on the bad side; ``bound`` is the end it passed."""

    suite: str
    data: str
    metric: str
    value: float
    baseline: float
    bound: float

    def __str__(self) -> str:
        return (
            f"{self.suite} on {self.data}: {self.metric} is {self.value:.4f}, was {self.baseline:.4f}, "
            f"may not pass {self.bound:.4f}"
        )


def read_baseline(file: Path = BASELINE) -> dict[tuple[str, str], Report]:
    """Reports to compare with, by suite and data. Raises ``BaselineInvalid``."""
    try:
        entries = list(json.loads(file.read_text(encoding="utf-8"))["reports"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaselineInvalid(f"The baseline {file} cannot be read: {error!r}.") from None
    reports = [
        Report.from_json(json.dumps(entry), where=f"entry {place} of {file}")
        for place, entry in enumerate(entries)
    ]
    return {(report.suite, report.data): report for report in reports}


def write_baseline(reports: Iterable[Report], file: Path = BASELINE) -> None:
    """Make ``reports`` the baseline, beside those of other suites and data that it holds already."""
    known = read_baseline(file) if file.is_file() else {}
    known |= {(report.suite, report.data): report for report in reports}
    entries = [json.loads(known[key].to_json()) for key in sorted(known)]
    file.write_text(json.dumps({"reports": entries}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def regressions(report: Report, baseline: Report) -> Sequence[Regression]:
    """Metrics of ``report`` that are worse than the bad end of their baseline interval.

    The interval is that of the baseline's questions, and both runs ask the same ones: what leaves it is
    no accident of the sample. A metric that disappeared is a regression to nothing (NaN never passes).
    """
    found = []
    for name, (low, high) in baseline.intervals.items():
        worse_when_higher = name.startswith(_LOWER_IS_BETTER)
        if name.endswith(_NEITHER) and not worse_when_higher:
            continue
        bound = high if worse_when_higher else low
        value = report.metrics.get(name, float("nan"))
        if not (value <= bound if worse_when_higher else value >= bound):
            found.append(Regression(report.suite, report.data, name, value, baseline.metrics[name], bound))
    return found
