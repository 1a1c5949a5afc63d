from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.triage.drift.snapshots import moved, snapshot
from triage.drift import Severity, measure_drift
from triage.errors import SnapshotUnreadable


def test_like_with_like_raises_no_more_false_alarms_than_stated() -> None:
    runs, stated = 100, 0.1
    alarms = 0
    for run in range(runs):
        one, other = snapshot(2 * run, count=150), snapshot(2 * run + 1, count=100)
        alarms += measure_drift(one, other, false_alarms=stated, seed=run).alarm
    # 10 expected at most; above 17 has a chance of 1 %.
    assert alarms <= 17


def test_each_test_is_as_often_wrong_as_it_says() -> None:
    runs = 100
    reports = [
        measure_drift(
            snapshot(2 * run, count=150), snapshot(2 * run + 1, count=150), false_alarms=0.1, seed=run
        )
        for run in range(runs)
    ]
    below = {
        "labels": sum(report.psi_p <= 0.2 for report in reports),
        "growth": sum(min(each.share.p for each in report.growth) <= 0.2 for report in reports),
        "confidence": sum(report.confidence.p <= 0.2 for report in reports),
        "vectors": sum(report.mmd_p <= 0.2 for report in reports),
    }
    for kind, count in below.items():
        # 20 expected, standard deviation 4
        assert 8 <= count <= 32, kind
    assert sum(report.out_of_scope.p <= 0.2 for report in reports) <= 32  # Fisher's test is conservative


def test_a_label_that_grew_is_named() -> None:
    report = measure_drift(snapshot(1), snapshot(2, shares=moved(0.2)))
    assert report.alarm
    assert report.severity is Severity.MAJOR
    [growth] = [each for each in report.growth if each.label == "topic_9"]
    assert report.growth[0] == growth
    assert growth.share.low < 0.17 < growth.share.high
    assert growth.share.low > 0.1
    assert growth.factor > 3
    named = {finding.kind: finding for finding in report.findings}
    assert named["label:topic_9"].severity is Severity.MAJOR
    assert "topic_9 rose from " in named["labels"].text
    lines = report.text().splitlines()
    assert lines[0] == "Major drift: 400 recent messages against 400."
    assert any(line.startswith("  major: topic_9 rose from") for line in lines)


def test_one_label_in_a_hundred_is_noticed_where_the_index_is_not() -> None:
    report = measure_drift(snapshot(1, count=3000), snapshot(2, count=3000, shares=moved(0.07)))
    assert report.psi < 0.1
    assert [finding.kind for finding in report.findings] == ["label:topic_9"]
    assert report.severity is Severity.MODERATE


def test_a_new_label_is_named() -> None:
    one, other = snapshot(1, shares=moved(0.0)), snapshot(2, shares=moved(0.1))
    report = measure_drift(one, other)
    assert "label:topic_9" in {finding.kind for finding in report.findings}
    assert np.isfinite(report.psi)


def test_a_change_too_small_to_matter_is_no_alarm() -> None:
    report = measure_drift(snapshot(1, count=20_000), snapshot(2, count=20_000, shares=moved(0.04)))
    [growth] = [each for each in report.growth if each.label == "topic_9"]
    assert growth.share.p <= 0.002  # no chance, and yet
    assert not report.alarm
    assert report.text() == "No drift: 20,000 recent messages against 20,000."


def test_less_confidence_and_more_strangers_are_told() -> None:
    report = measure_drift(snapshot(1), snapshot(2, count=800, confidence=0.65, out_of_scope=0.13))
    assert {finding.kind: finding.severity for finding in report.findings} == {
        "confidence": Severity.MAJOR,
        "out_of_scope": Severity.MODERATE,
    }
    assert report.confidence.low < -0.15 < report.confidence.high < 0
    assert "mean confidence fell from" in report.text()
    assert "messages out of scope rose from" in report.text()


def test_other_messages_under_the_same_labels_are_noticed() -> None:
    report = measure_drift(snapshot(1), snapshot(2, turned=1.0))
    assert [finding.kind for finding in report.findings] == ["vectors"]
    assert report.severity is Severity.MODERATE
    assert report.mmd > measure_drift(snapshot(1), snapshot(2)).mmd


def test_snapshots_of_different_encoders_are_not_compared() -> None:
    with pytest.raises(SnapshotUnreadable, match="different encoders"):
        measure_drift(snapshot(1), replace(snapshot(2), encoder="other"))


def test_nothing_in_scope_is_told() -> None:
    report = measure_drift(snapshot(1), snapshot(2, out_of_scope=1.0))
    assert {"out_of_scope"} == {finding.kind for finding in report.findings}
    assert report.severity is Severity.MAJOR
