"""Whether vectors before and after are spread alike."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from inference.embeddings import Matrix
from triage.drift.permutation import share_of_draws


def mean_discrepancy(
    one: Matrix, other: Matrix, permutations: int, random: np.random.Generator
) -> tuple[float, float]:
    """Maximum mean discrepancy with a Gaussian kernel of the median distance (Gretton et al. 2012), and p."""
    together = np.concatenate([one, other]).astype(np.float64)
    distances = cdist(together, together, "sqeuclidean")
    median = float(np.median(distances[np.triu_indices(len(together), 1)]))
    kernel = np.exp(-distances / max(median, 1e-12))
    weights = np.concatenate([np.full(len(one), 1 / len(one)), np.full(len(other), -1 / len(other))])
    found = max(float(weights @ kernel @ weights), 0.0)
    dealt = random.permuted(np.tile(weights, (permutations, 1)), axis=1)
    drawn = ((dealt @ kernel) * dealt).sum(axis=1)
    return float(np.sqrt(found)), share_of_draws(drawn, found)
