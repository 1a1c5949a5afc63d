from __future__ import annotations

import numpy as np
import pytest

from inference.embeddings import Matrix
from knowledge_base.lint.neighbours import neighbours


def unit_vectors(count: int, dimensions: int = 16) -> Matrix:
    vectors = np.random.default_rng(3).normal(size=(count, dimensions)).astype(np.float32)
    unit: Matrix = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


@pytest.mark.parametrize("count", [0, 1, 40, 600])
def test_blocks_find_what_one_product_finds(count: int) -> None:
    vectors, owners = unit_vectors(count), np.arange(count) // 2
    found = {(pair.left, pair.right) for pair in neighbours(vectors, owners, floor=0.5, most=count + 1)}
    cosines = vectors @ vectors.T
    expected = {
        (left, right)
        for left in range(count)
        for right in range(left + 1, count)
        if cosines[left, right] >= 0.5 and owners[left] != owners[right]
    }
    assert found == expected


def test_only_the_nearest_are_kept() -> None:
    vectors = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0.96, 0.28]], dtype=np.float32)
    found = [pair for pair in neighbours(vectors, np.arange(4), floor=0.1, most=1) if pair.left == 0]
    assert [(pair.right, round(pair.cosine, 2)) for pair in found] == [(3, 0.96)]
