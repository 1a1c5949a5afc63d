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
from triage.heads import Heads, Nearest
from triage.labels import Evidence
from triage.spans import FlatTokens, Overlaps, Spans
from triage.spotting import Counted, Spotted

_WORD = re.compile(r"\w+(?:['’.-]\w+)*|[^\w\s]+")
_TELLING = 0.6  # of all that speaks for a label is shown
_MOST_WORDS = 6

Weights = NDArray[np.float64]
Locate = Callable[[int, int], tuple[int, int]]


def words_of(texts: Sequence[str]) -> Spans:
    """The words of ``texts``, and what stands between blanks beside them."""
    return Spans.of(texts, [[match.span() for match in _WORD.finditer(text)] for text in texts])


def ngrams_by_word(spotted: Spotted, counted: Counted, overlaps: Overlaps, heads: Heads) -> Matrix:
    """What the n-grams add to the second head's score of each label: (words, labels).

    An n-gram that stands there several times has its value in equal parts. ``counted`` are the messages' cells. ``overlaps`` are those of the
    words with all that is ``spotted``.
    """
    value = (counted.value / spotted.cells.times[: len(counted.value)])[spotted.cell]
    shares = overlaps.share * value[overlaps.piece]
    columns = np.maximum(counted.column, 0)[spotted.cell[overlaps.piece]]  # the value of the unknown is 0
    rows = csr_matrix((shares, columns, overlaps.first), shape=(len(overlaps.first) - 1, len(heads.ngrams)))
    return np.asarray(rows @ heads.ngrams)


def tokens_by_word(tokens: FlatTokens, words: Spans) -> Matrix:
    """What the tokens add to each message's vector: (words, dimensions)."""
    sums = words.overlaps(tokens.message, tokens.start, tokens.end).times(tokens.states)
    return np.asarray(sums / np.maximum(tokens.lengths(), 1e-12)[words.message, None], np.float32)


@dataclass(frozen=True, slots=True)
class Asked:
    """What shares are asked of: ``toward`` (questions, labels) are weights of logits of ``message``.

    Such as 1 for the label in question and minus the others' shares for the rest. Messages ascend.
    """

    message: NDArray[np.intp]
    toward: Weights


@dataclass(frozen=True, slots=True)
class ByWord:
    """Messages in which words speak for the labels of one model, whose heads count as ``weights`` has it.

    ``ngrams`` (words, labels) and ``tokens`` (words, dimensions) are what each word adds; ``weights``
    (heads, labels).
    """

    words: Spans
    ngrams: Matrix
    tokens: Matrix
    heads: Heads
    weights: Weights
    nearest: Nearest

    def gains(self, asked: Asked) -> list[Weights]:
        """How much each word adds to what is ``asked``: (words of the message,) for each question."""
        by_head = self.weights[:, None] * asked.toward
        directions = self.heads.directions(asked.message, self.nearest, by_head)
        toward = np.concatenate([by_head[1].astype(np.float32), directions], axis=1)
        features = np.concatenate([self.ngrams, self.tokens], axis=1)
        bounds = np.searchsorted(asked.message, np.arange(len(self.words.first))).tolist()
        first = self.words.first.tolist()
        found: list[Weights] = []
        for number in range(len(first) - 1):
            if bounds[number] < bounds[number + 1]:
                own = features[first[number] : first[number + 1]]
                found += [*(toward[bounds[number] : bounds[number + 1]] @ own.T)]
        return found


@dataclass(frozen=True, slots=True)
class Telling:
    """Neighbouring words ``text[start:end]`` that speak for something, ``weight`` of all that does."""

    start: int
    end: int
    weight: float


def telling(words: Spans, message: NDArray[np.intp], gains: Sequence[Weights]) -> list[list[Telling]]:
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


def _chosen(gain: Weights, question: NDArray[np.intp], sizes: NDArray[np.intp]) -> NDArray[np.intp]:
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
