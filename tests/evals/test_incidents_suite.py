"""The incidents suite: how minutes and false alarms are counted, and that the bar is met on one centre."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from evals.simulators.incident_counts import BINS_OF_A_WEEK, ContactCentre, Injected
from evals.suites.incidents import evaluate_incidents, watch
from signals.predictions.incident_baseline import Baseline

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def test_incidents_are_flagged_in_time_and_quiet_weeks_are_quiet() -> None:
    metrics = evaluate_incidents([101], learnt_from=4, quiet=2, troubled=1).metrics
    assert metrics["median_minutes"] <= 30
    assert metrics["false_alarms_a_month"] <= 2.2  # one in two weeks


def test_minutes_are_to_the_end_of_the_bin_and_other_alarms_are_false() -> None:
    history = np.random.default_rng(0).poisson(1.0, (2 * BINS_OF_A_WEEK, 2))
    baseline = Baseline.fit(["a", "b"], history, start=MONDAY)
    counts = np.ones((60, 2), dtype=np.int64)
    counts[20:30, 0] = counts[40:50, 1] = 50
    outcome = watch(baseline, counts, [Injected("outage", 0, 20, 30), Injected("outage", 0, 55, 60)])
    assert (outcome.minutes, outcome.false) == ((5, None), 1)


def test_a_centre_puts_one_incident_in_each_day() -> None:
    counts, injected = ContactCentre(5).troubled(1)
    assert [one.begins // 288 for one in injected] == list(range(7))
    assert counts.shape == (BINS_OF_A_WEEK, 12)
    for one in injected:
        assert one.ends - one.begins == 24


def test_a_centre_is_the_same_for_a_seed() -> None:
    assert np.array_equal(ContactCentre(5).quiet(1), ContactCentre(5).quiet(1))
