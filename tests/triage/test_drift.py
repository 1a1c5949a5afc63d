from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.fakes import HashEncoder
from kit.errors import InvalidInput
from tests.triage.triaged import triaged
from triage.drift import (
    RARE,
    VECTORS,
    Severity,
    Snapshot,
    load_snapshot,
    measure_drift,
)
from triage.errors import SnapshotUnreadable
from triage.labels import Certainty
from triage.model import Prediction

LABELS = [f"topic_{number}" for number in range(12)]
SHARES = np.array([20, 16, 14, 12, 10, 8, 6, 5, 4, 3, 1.5, 0.5]) / 100
SAID = ["where is it", "money back", "cannot log in", "broken again", "change address", "cancel it"]


def snapshot(
    seed: int,
    *,
    count: int = 400,
    shares: np.ndarray = SHARES,
    confidence: float = 0.8,
    out_of_scope: float = 0.05,
    turned: float = 0.0,
    texts: list[str] | None = None,
) -> Snapshot:
    """Of messages drawn at random; ``turned`` moves the middle of their vectors."""
    random = np.random.default_rng(seed)
    labels = random.choice(len(LABELS), count, p=shares)
    chances = random.beta(confidence * 10, (1 - confidence) * 10, count)
    outside = random.random(count) < out_of_scope
    found = [
        Prediction(LABELS[label], float(chance), 0.1 if stranger else 0.9, ())
        for label, chance, stranger in zip(labels, chances, outside, strict=True)
    ]
    vectors = random.normal(size=(count, 16))
    vectors[:, 0] += turned
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    said = texts or [SAID[at] for at in random.integers(len(SAID), size=count)]
    return Snapshot.of(found, vectors.astype(np.float32), said)


def moved(share: float, *, label: int = 9) -> np.ndarray:
    """The shares with one label at ``share``, at the cost of all others."""
    shares = SHARES.copy()
    shares[label] = 0
    shares *= (1 - share) / shares.sum()
    shares[label] = share
    return shares


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


def test_new_words_are_told_and_no_personal_data() -> None:
    before = [f"{SAID[at % 6]} parcel" for at in range(400)]
    after = [f"{SAID[at % 6]} parcel {'outage' if at % 8 == 0 else ''}" for at in range(400)]
    after = [f"{text}, I am Rosalind Okonkwo" if at % 4 == 0 else text for at, text in enumerate(after)]
    after = [f"{text} rosalind" if at % 4 == 1 else text for at, text in enumerate(after)]
    report = measure_drift(snapshot(1, texts=before), snapshot(2, texts=after))
    assert [new.word for new in report.new_words] == ["outage"]
    assert (report.new_words[0].before, report.new_words[0].after) == (0, 0.125)
    assert report.text().endswith("New words: outage (12.5%, was 0.0%).")


def test_many_labels_and_few_messages_are_no_drift() -> None:
    random = np.random.default_rng(5)
    names = [f"label_{number}" for number in range(150)]

    def few(count: int) -> Snapshot:
        found = [Prediction(str(name), 0.8, 0.9, ()) for name in random.choice(names, count)]
        return Snapshot.of(found, random.normal(size=(count, 8)).astype(np.float32), ["hello"] * count)

    report = measure_drift(few(900), few(900))
    assert report.psi > 0.1  # by the book a shift
    assert not report.alarm


def test_rare_labels_count_as_one() -> None:
    def of(names: list[str]) -> Snapshot:
        found = [Prediction(name, 0.8, 0.9, ()) for name in names]
        return Snapshot.of(found, np.eye(len(names), 30, dtype=np.float32), ["hello"] * len(names))

    report = measure_drift(of(["a"] * 20 + ["b"] * 4), of(["a"] * 20 + ["c"] * 3))
    assert {each.label for each in report.growth} == {"a", RARE}


def test_a_snapshot_comes_back_as_it_was(tmp_path: Path) -> None:
    taken = snapshot(1, count=900)
    assert taken.vectors.shape == (VECTORS, 16)
    taken.save(tmp_path / "reference")
    back = load_snapshot(tmp_path / "reference")
    assert np.array_equal(back.vectors, taken.vectors)
    blank = np.zeros((0, 16), np.float32)
    assert replace(back, vectors=blank).labels == replace(taken, vectors=blank).labels
    assert measure_drift(back, snapshot(3)) == measure_drift(taken, snapshot(3))
    assert sum(file.stat().st_size for file in (tmp_path / "reference").iterdir()) < 100_000


def test_a_snapshot_holds_what_triage_says() -> None:
    texts = ["refund my camera", "refund the camera lens", "call Rosalind about poetry"]
    found = [
        triaged("billing", probability=0.9),
        triaged("billing", probability=0.7),
        triaged("other", probability=0.2, certainty=Certainty.OUT_OF_SCOPE),
    ]
    taken = Snapshot.of(found, HashEncoder().encode(texts), texts, encoder="hash@1")
    assert (taken.count, taken.labels, taken.out_of_scope) == (3, {"billing": 2}, 1)
    assert taken.confidence == pytest.approx(0.6)
    assert taken.words == {"camera": 2, "refund": 2}


def test_snapshots_of_different_encoders_are_not_compared() -> None:
    with pytest.raises(SnapshotUnreadable, match="different encoders"):
        measure_drift(snapshot(1), replace(snapshot(2), encoder="other"))


def test_nothing_in_scope_is_told() -> None:
    report = measure_drift(snapshot(1), snapshot(2, out_of_scope=1.0))
    assert {"out_of_scope"} == {finding.kind for finding in report.findings}
    assert report.severity is Severity.MAJOR


def test_no_messages_are_no_snapshot() -> None:
    with pytest.raises(InvalidInput, match="no messages"):
        Snapshot.of([], np.zeros((0, 4), np.float32), [])
    with pytest.raises(ValueError, match="1 findings, 0 vectors"):
        Snapshot.of([triaged()], np.zeros((0, 4), np.float32), ["a"])


@pytest.mark.parametrize("content", [None, "no JSON", "[]", '{"format": 7}', '{"format": 1, "count": 1}'])
def test_a_folder_without_a_snapshot_is_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        snapshot(1, count=20).save(tmp_path)
        (tmp_path / "snapshot.json").write_text(content, encoding="utf-8")
    with pytest.raises(SnapshotUnreadable):
        load_snapshot(tmp_path)
