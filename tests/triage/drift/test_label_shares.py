from __future__ import annotations

import numpy as np

from triage.drift import RARE, Snapshot, measure_drift
from triage.model import Prediction


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
