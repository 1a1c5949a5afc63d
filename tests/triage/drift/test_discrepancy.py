from __future__ import annotations

import numpy as np

from triage.drift.discrepancy import mean_discrepancy


def test_vectors_are_told_apart_by_where_they_are_and_by_how_they_are_spread() -> None:
    random = np.random.default_rng(1)
    one, like, elsewhere, wide = (
        random.normal(middle, spread, size=(80, 8)).astype(np.float32)
        for middle, spread in ((0, 1), (0, 1), (1, 1), (0, 2))
    )
    chances = [mean_discrepancy(one, other, 200, random)[1] for other in (like, elsewhere, wide)]
    assert chances[0] > 0.05
    assert chances[1:] == [1 / 201, 1 / 201]  # none of the draws is as far: the least that 200 can tell
