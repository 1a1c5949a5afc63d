"""How often chance alone gives what was found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def share_of_draws(drawn: NDArray[np.float64], found: float | NDArray[np.float64]) -> float:
    """The share of ``drawn`` (draws,) that are at least what was ``found``, which is one of the draws.

    Hence never 0 (Phipson and Smyth 2010).
    """
    return float((1 + (drawn >= found - 1e-12).sum()) / (1 + len(drawn)))
