"""The forecast suite: what it compares with, and that the forecast is better on one world."""

from __future__ import annotations

from datetime import date

import numpy as np

from evals.simulators.contact_counts import QUEUES, draw_queues, is_holiday
from evals.suites.forecast import evaluate_forecast, seasonal_naive


def test_the_forecast_beats_seasonal_naive_on_weeks_it_has_not_seen() -> None:
    report = evaluate_forecast([100], held_out=1)
    assert report.n == len(QUEUES) * 28
    assert report.metrics["gain"] > 0
    assert report.metrics["gain"] == 1 - report.metrics["mase"] / report.metrics["mase_seasonal_naive"]
    assert 0.7 <= report.metrics["coverage_90"] <= 1


def test_seasonal_naive_repeats_the_last_week() -> None:
    assert seasonal_naive(np.arange(10), 9).tolist() == [3, 4, 5, 6, 7, 8, 9, 3, 4]


def test_queues_are_the_same_for_a_seed_and_quieter_on_holidays() -> None:
    queues, again = draw_queues(3, days=730), draw_queues(3, days=730)
    assert [queue.queue for queue in queues] == list(QUEUES)
    for queue, same in zip(queues, again, strict=True):
        assert np.array_equal(queue.counts, same.counts)
        closed = np.array([is_holiday(date.fromordinal(queue.start.toordinal() + day)) for day in range(730)])
        assert queue.counts[closed].mean() < 0.8 * queue.counts[~closed].mean()
