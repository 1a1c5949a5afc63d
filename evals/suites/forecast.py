"""How much better than last week's numbers a forecast is, on weeks it has not seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evals.measures import Measures
from evals.report import Report, Stopwatch
from evals.simulators.contact_counts import QUEUES, QueueCounts, draw_queues, is_holiday
from signals.predictions.forecast import forecast

Floats = NDArray[np.float64]

HISTORY, AHEAD = 730, 28  # days
HELD_OUT = 3  # forecasts, one after the other
COVERAGE = 0.9
_WEEK = 7


def evaluate_forecast(
    seeds: Sequence[int], *, history: int = HISTORY, ahead: int = AHEAD, held_out: int = HELD_OUT
) -> Report:
    """MASE against seasonal-naive (the last week again and again) and interval coverage over held-out weeks.

    MASE divides the mean absolute error by that of seasonal-naive, one week ahead, within the history
    (Hyndman & Koehler 2006). ``gain`` is 1 - MASE / MASE of seasonal-naive over all queues, forecasts and
    seeds, ``gain_worst_seed`` that of the worst seed. ``width`` is the mean interval by the mean count.
    """
    stopwatch, measures = Stopwatch(), Measures()
    rows = [
        (seed, *_judge(queue, history + part * ahead, ahead))
        for seed in seeds
        for queue in draw_queues(seed, days=history + held_out * ahead)
        for part in range(held_out)
    ]
    table = np.array(rows, dtype=np.float64)
    of_seed, ours, naive, covered, width = table.T

    def gain(places: NDArray[np.intp]) -> float:
        return 1 - float(ours[places].mean() / naive[places].mean())

    measures.mean("mase", ours.tolist())
    measures.mean("mase_seasonal_naive", naive.tolist())
    measures.statistic("gain", len(table), gain)
    measures.number("gain_worst_seed", min(gain(np.flatnonzero(of_seed == seed)) for seed in seeds))
    for place, queue in enumerate(QUEUES):
        own = np.flatnonzero(np.arange(len(table)) // held_out % len(QUEUES) == place)
        measures.number(f"gain_{queue}", gain(own))
    measures.mean(f"coverage_{COVERAGE:.0%}".replace("%", ""), covered.tolist())
    measures.mean("width", width.tolist())
    return stopwatch.report("forecast", "simulated", len(table) * ahead, measures)


def _judge(queue: QueueCounts, origin: int, ahead: int) -> tuple[float, float, float, float]:
    """MASE of ours and of seasonal-naive, share of days within the interval, its width by the mean count."""
    known, came = queue.counts[:origin], queue.counts[origin : origin + ahead]
    found = forecast(
        known.tolist(), start=queue.start, ahead=ahead, is_holiday=is_holiday, coverage=COVERAGE
    ).days
    expected = np.array([day.expected for day in found])
    low, high = np.array([day.low for day in found]), np.array([day.high for day in found])
    scale = float(np.abs(known[_WEEK:] - known[:-_WEEK]).mean())
    return (
        float(np.abs(expected - came).mean()) / scale,
        float(np.abs(seasonal_naive(known, ahead) - came).mean()) / scale,
        float(((low <= came) & (came <= high)).mean()),
        float((high - low).mean() / came.mean()),
    )


def seasonal_naive(counts: NDArray[np.int64], ahead: int) -> NDArray[np.int64]:
    """The last seven of ``counts`` again and again."""
    return np.resize(counts[-_WEEK:], ahead)
