"""Which words speak for a label, from the model's own arithmetic.

Every head is linear: the sentence head and the neighbours' head in the mean of the token states, the n-gram
head in the n-grams. So each token and each n-gram adds an exact share to a logit, and the shares are known
from the pass that made the prediction. A share counts evenly for the characters that it is of, and a word has
what its characters have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from inference.embeddings import Matrix
from triage.heads import Nearest
from triage.labels import Evidence
from triage.scoring import Scorer
from triage.spans import Overlaps, Spans
from triage.spotting import Counted, Spotted

_WORD = re.compile(r"\w+(?:['’.-]\w+)*|[^\w\s]+")
_TELLING = 0.6  # of all that speaks for a label is shown
_MOST_WORDS = 6

Gains = NDArray[np.float64]
Locate = Callable[[int, int], tuple[int, int]]


def words_of(texts: Sequence[str]) -> Spans:
    """The words of ``texts``, and what stands between blanks beside them."""
    return Spans.of(texts, [[match.span() for match in _WORD.finditer(text)] for text in texts])


def ngrams_by_word(spotted: Spotted, counted: Counted, overlaps: Overlaps, scorer: Scorer) -> Matrix:
    """What the n-grams add to each logit: (words, labels).

    An n-gram that stands there several times has its value in equal parts. ``counted`` are the messages'
    cells, ``overlaps`` those of the words with all that is ``spotted``.
    """
    value = counted.value / spotted.cells.times[: len(counted.value)]
    cell = spotted.cell[overlaps.piece]
    # At single precision: scipy would make the weights double otherwise, every time.
    share = overlaps.share * value.astype(np.float32)[cell]
    columns = np.maximum(counted.column, 0)[cell]  # the value of the unknown is 0
    shape = len(overlaps.first) - 1, counted.matrix.shape[1]
    return scorer.of_ngrams(csr_matrix((share, columns, overlaps.first.astype(np.int32)), shape=shape))


@dataclass(frozen=True, slots=True)
class Asked:
    """What shares are asked of: ``toward`` (questions, labels) are weights of logits of ``message``.

    Such as 1 for the label in question and minus the others' shares for the rest. Messages ascend.
    """

    message: NDArray[np.intp]
    toward: Matrix


@dataclass(frozen=True, slots=True)
class ByWord:
    """What words add: ``ngrams`` (words, labels) to logits, ``tokens`` (words, dimensions) to a vector."""

    words: Spans
    ngrams: Matrix
    tokens: Matrix
    nearest: Nearest | None

    def gains(self, asked: Asked, scorer: Scorer) -> list[Matrix]:
        """How much each word adds to what is ``asked``: (words of the message,) for each question."""
        directions = scorer.directions(asked.message, asked.toward, self.nearest)
        bounds = np.searchsorted(asked.message, np.arange(len(self.words.first))).tolist()
        first = self.words.first.tolist()
        found: list[Matrix] = []
        for number in range(len(first) - 1):
            own, said = slice(first[number], first[number + 1]), slice(bounds[number], bounds[number + 1])
            if said.start < said.stop:
                found += [*(asked.toward[said] @ self.ngrams[own].T + directions[said] @ self.tokens[own].T)]
        return found


@dataclass(frozen=True, slots=True)
class Telling:
    """Neighbouring words ``text[start:end]`` that speak for something, ``weight`` of all that does."""

    start: int
    end: int
    weight: float


def telling(words: Spans, message: NDArray[np.intp], gains: Sequence[Matrix | Gains]) -> list[list[Telling]]:
    """The words that speak most for what each of ``gains`` is of, in a text of ``message``.

    Neighbours are joined, the strongest come first.
    """
    found: list[list[Telling]] = [[] for _ in gains]
    if not gains:
        return found
    sizes = np.array([len(one) for one in gains])
    question = np.repeat(np.arange(len(gains)), sizes)
    gain = np.concatenate(gains).astype(np.float64)
    chosen = _chosen(gain, question, sizes)
    if not len(chosen):
        return found
    total = np.bincount(question, np.maximum(gain, 0), len(gains))
    apart = np.diff(chosen) + np.diff(question[chosen]) != 1
    first = np.flatnonzero(np.concatenate([[True], apart]))
    last = np.concatenate([first[1:], [len(chosen)]]) - 1
    asked = question[chosen[first]]
    weight = np.add.reduceat(gain[chosen], first) / total[asked]
    shift = words.first[message[asked]] - (np.cumsum(sizes) - sizes)[asked]
    starts, ends = words.start[chosen[first] + shift], words.end[chosen[last] + shift]
    columns = (asked, starts, ends, np.minimum(weight, 1.0))
    for number, *one in sorted(
        zip(*(column.tolist() for column in columns), strict=True), key=lambda one: -one[3]
    ):
        found[number].append(Telling(*one))
    return found


def _chosen(gain: Gains, question: NDArray[np.intp], sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of each question the few strongest that together say enough, ascending."""
    order = np.lexsort((-gain, question))
    ranked = np.maximum(gain[order], 0)
    before = np.cumsum(ranked) - ranked
    begin = np.repeat(np.cumsum(sizes) - sizes, sizes)
    total = np.bincount(question, np.maximum(gain, 0), len(sizes))[question]
    more = before - before[begin] < _TELLING * total
    kept = (ranked > 0) & more & (np.arange(len(gain)) - begin < _MOST_WORDS)
    return np.sort(order[kept])


def quoted(told: Sequence[Telling], locate: Locate, original: str) -> tuple[Evidence, ...]:
    """``locate`` turns offsets of the text into those of ``original``, which the evidence quotes."""
    found = []
    for one in told:
        start, end = locate(one.start, one.end)
        if end > start:
            found.append(Evidence(start, end, original[start:end], one.weight))
    return tuple(found)
