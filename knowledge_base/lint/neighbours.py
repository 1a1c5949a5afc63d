"""Which passages of different documents are about the same thing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.embeddings import Matrix

_BLOCK = 256  # rows at once: against 100,000 passages a product of 100 MB


@dataclass(frozen=True, slots=True)
class Pair:
    """Two passages by position, ``left < right``, and the cosine of their vectors."""

    left: int
    right: int
    cosine: float


def neighbours(vectors: Matrix, owners: NDArray[np.int64], *, floor: float, most: int) -> Iterator[Pair]:
    """Pairs of passages with different owners and a cosine of at least ``floor``.

    For each passage only the ``most`` nearest that come after it. Takes ``len(vectors)`` squared times
    the dimensions in multiplications, as one matrix product per block: a minute for 100,000 passages.
    """
    count = len(vectors)
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        cosines = vectors[start:stop] @ vectors[start:].T
        rows, columns = np.nonzero(cosines >= floor)
        kept = (columns > rows) & (owners[start + rows] != owners[start + columns])
        rows, columns = rows[kept], columns[kept]
        values = cosines[rows, columns]
        order = np.lexsort((-values, rows))
        taken = 0
        previous = -1
        for place in order:
            row = int(rows[place])
            taken = taken + 1 if row == previous else 1
            previous = row
            if taken <= most:
                yield Pair(start + row, start + int(columns[place]), float(values[place]))
