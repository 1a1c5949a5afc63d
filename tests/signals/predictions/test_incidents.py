"""Spikes of intents: flagged once, with since when, and not for what the season explains."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from signals.errors import CountsInvalid
from signals.predictions.incident_baseline import BIN, Baseline
from signals.predictions.incidents import BINS_OF_A_MONTH, OVERSTATED, Incident, IncidentDetector

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = 2016
INTENTS = ("login", "refund")


def history(weeks: int = 4, seed: int = 0) -> NDArray[np.int64]:
    """By day three of ``login`` and one of ``refund`` in five minutes, by night a tenth of it."""
    hour = np.arange(weeks * WEEK) // 12 % 24
    shape = np.where((hour >= 8) & (hour < 20), 1.0, 0.1)
    drawn = np.random.default_rng(seed).poisson(shape[:, None] * np.array([3.0, 1.0]))
    return np.asarray(drawn, dtype=np.int64)


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return Baseline.fit(INTENTS, history(), start=MONDAY)


def watch(detector: IncidentDetector, counts: NDArray[np.int64]) -> list[Incident]:
    return [incident for row in counts for incident in detector.step(row)]


def test_a_spike_is_flagged_once_with_its_beginning_and_its_count(baseline: Baseline) -> None:
    counts = history(1, seed=1)
    begins = 12 * 10  # Monday at ten
    counts[begins : begins + 24, 0] += 15
    (incident,) = watch(IncidentDetector(baseline, start=MONDAY), counts[: WEEK // 7])
    assert incident.intent == "login"
    assert abs(incident.since - (MONDAY + begins * BIN)) <= 2 * BIN
    assert incident.at - incident.since <= timedelta(minutes=20)
    first = round((incident.since - MONDAY) / BIN)
    last = round((incident.at - MONDAY) / BIN)
    assert incident.count == counts[first:last, 0].sum()
    assert incident.expected == pytest.approx(3.0 * (last - first), rel=0.3)


def test_the_reason_says_which_how_many_and_since_when() -> None:
    at = datetime(2026, 1, 5, 10, 15, tzinfo=UTC)
    incident = Incident("login", at - timedelta(minutes=15), at, 54, 9.04)
    assert incident.reason == (
        "54 contacts about login in 15 minutes since 2026-01-05 10:00, where 9.0 are usual."
    )


def test_quiet_weeks_raise_nothing_though_mornings_are_ten_times_nights(baseline: Baseline) -> None:
    assert watch(IncidentDetector(baseline, start=MONDAY), history(2, seed=2)) == []


def test_after_an_incident_is_over_the_next_is_flagged(baseline: Baseline) -> None:
    counts = history(1, seed=3)
    for begins in (12 * 10, 12 * 15):
        counts[begins : begins + 12, 1] += 8
    detector = IncidentDetector(baseline, start=MONDAY)
    found = watch(detector, counts[: 12 * 11])
    assert list(detector.open) == ["refund"]
    found += watch(detector, counts[12 * 11 : 12 * 14])
    assert list(detector.open) == []
    found += watch(detector, counts[12 * 14 : 12 * 17])
    assert [incident.intent for incident in found] == ["refund", "refund"]


def test_by_night_fewer_contacts_are_an_incident(baseline: Baseline) -> None:
    quiet = np.zeros((12 * 24, 2), dtype=np.int64)
    counts = quiet.copy()
    counts[12 * 2 : 12 * 2 + 6, 1] = 2
    (incident,) = watch(IncidentDetector(baseline, start=MONDAY), counts[: 12 * 4])
    assert (incident.intent, incident.since) == ("refund", MONDAY + 24 * BIN)
    by_day = IncidentDetector(baseline, start=MONDAY + timedelta(hours=12))
    assert watch(by_day, counts[: 12 * 4]) == []


def test_a_busier_day_moves_the_level_and_is_no_incident(baseline: Baseline) -> None:
    busier = np.random.default_rng(4).poisson(
        1.2 * np.vstack([baseline.expected(MONDAY + place * BIN) for place in range(3 * 288)])
    )
    assert watch(IncidentDetector(baseline, start=MONDAY), busier) == []


def test_the_threshold_comes_from_the_budget(baseline: Baseline) -> None:
    sums = BINS_OF_A_MONTH * 2 * 4 / OVERSTATED  # bins, intents, sizes of a spike
    for budget in (0.1, 1.0, 4.0):
        detector = IncidentDetector(baseline, start=MONDAY, false_alarms_a_month=budget)
        assert detector.threshold == pytest.approx(math.log(sums / budget))
    with pytest.raises(CountsInvalid, match="more than 0"):
        IncidentDetector(baseline, start=MONDAY, false_alarms_a_month=0)


def test_the_baseline_knows_hours_and_days(baseline: Baseline) -> None:
    noon, night = (
        baseline.expected(MONDAY + timedelta(hours=12)),
        baseline.expected(MONDAY + timedelta(hours=3)),
    )
    assert noon == pytest.approx([3.0, 1.0], rel=0.2)
    assert night == pytest.approx([0.3, 0.1], rel=0.6)
    assert np.all(
        baseline.tolerance(MONDAY + timedelta(hours=3)) > baseline.tolerance(MONDAY + timedelta(hours=12))
    )


def test_a_history_may_begin_at_any_bin_of_the_week() -> None:
    counts, later = history(), 5 * 12 + 7
    moved = Baseline.fit(INTENTS, counts[later:], start=MONDAY + later * BIN)
    whole = Baseline.fit(INTENTS, counts, start=MONDAY)
    assert moved.rates[12] == pytest.approx(whole.rates[12], rel=0.1)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        (np.zeros((WEEK, 2), dtype=np.int64), "needs 2 weeks"),
        (np.zeros((2 * WEEK, 3), dtype=np.int64), "there are 2 intents"),
        (np.full((2 * WEEK, 2), -1), "negative"),
    ],
)
def test_a_history_that_cannot_be_used_is_refused(counts: NDArray[np.int64], reason: str) -> None:
    with pytest.raises(CountsInvalid, match=reason):
        Baseline.fit(INTENTS, counts, start=MONDAY)


def test_an_intent_nobody_ever_wrote_about_can_spike() -> None:
    baseline = Baseline.fit(INTENTS, np.zeros((2 * WEEK, 2), dtype=np.int64), start=MONDAY)
    (incident,) = watch(IncidentDetector(baseline, start=MONDAY), np.array([[0, 0], [6, 0], [6, 0]]))
    assert (incident.intent, incident.count) == ("login", 6)


@pytest.mark.parametrize("counts", [[1], [1, -1], [1, 2, 3]])
def test_a_bin_that_cannot_be_is_refused(baseline: Baseline, counts: list[int]) -> None:
    with pytest.raises(CountsInvalid, match="2 counts"):
        IncidentDetector(baseline, start=MONDAY).step(counts)
