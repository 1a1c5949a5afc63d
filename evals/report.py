"""What a suite found: one JSON object for machines, one table for people."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from evals.errors import BaselineInvalid
from evals.measures import Measures


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one suite over one data set.

    ``n`` is the number of questions (or pairs) measured, ``metrics`` are flat, ``intervals`` hold the low
    and high end of a 95 % interval for most of them, ``seconds`` is how long it took, ingestion included.
    """

    suite: str
    data: str
    n: int
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    seconds: float

    def to_json(self) -> str:
        """One JSON object with exactly these fields; numbers rounded to six decimals."""
        rounded = asdict(self) | {
            "metrics": {name: round(value, 6) for name, value in self.metrics.items()},
            "intervals": {name: [round(end, 6) for end in ends] for name, ends in self.intervals.items()},
            "seconds": round(self.seconds, 3),
        }
        return json.dumps(rounded, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, where: str) -> Report:
        """The report again. Raises ``BaselineInvalid``, naming ``where`` it was read from."""
        try:
            value = json.loads(text)
            return cls(
                suite=value["suite"],
                data=value["data"],
                n=int(value["n"]),
                metrics={name: float(number) for name, number in value["metrics"].items()},
                intervals={
                    name: (float(low), float(high)) for name, (low, high) in value["intervals"].items()
                },
                seconds=float(value["seconds"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BaselineInvalid(f"{where} is not a report of `careloop evaluate`: {error!r}.") from None

    def table(self) -> Table:
        """A row for each metric, with its interval."""
        title = f"{self.suite} on {self.data}: n = {self.n}, {self.seconds:.1f} s"
        table = Table(title=title, title_justify="left", min_width=len(title))
        table.add_column("metric")
        table.add_column("value", justify="right")
        table.add_column("95 % interval", justify="right")
        for name, value in self.metrics.items():
            low, high = self.intervals.get(name, (None, None))
            table.add_row(name, f"{value:.4f}", "" if low is None else f"{low:.4f} – {high:.4f}")
        return table

    def write(self, file: Path) -> None:
        """Write the JSON object into ``file``, making its folder."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.to_json(), encoding="utf-8")


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def report(self, suite: str, data: str, n: int, measures: Measures) -> Report:
        """A report over ``measures`` that says how long it took until now."""
        return Report(suite, data, n, measures.metrics, measures.intervals, time.perf_counter() - self._start)
