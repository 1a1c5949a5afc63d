"""Messages of a time that are drawn at random."""

from __future__ import annotations

import numpy as np

from triage.drift import Snapshot
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
