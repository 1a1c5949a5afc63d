from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.fakes import HashEncoder
from kit.errors import InvalidInput
from tests.triage.drift.snapshots import snapshot
from tests.triage.triaged import triaged
from triage.drift import VECTORS, Snapshot, load_snapshot, measure_drift
from triage.errors import SnapshotUnreadable
from triage.labels import Certainty


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


@pytest.mark.parametrize("share", [0, 0.1, 0.9])
def test_half_a_snapshot_is_refused(share: float, tmp_path: Path) -> None:
    snapshot(1, count=20).save(tmp_path)
    vectors = (tmp_path / "vectors.npz").read_bytes()
    (tmp_path / "vectors.npz").write_bytes(vectors[: int(share * len(vectors))])
    with pytest.raises(SnapshotUnreadable):
        load_snapshot(tmp_path)
