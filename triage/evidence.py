"""Which words speak for a label, from the model's own arithmetic.

Every head is linear: the sentence head and the neighbours' head in the mean of the token states, the n-gram
head in the n-grams. So each token and each n-gram adds an exact share to a logit, and the shares are known
from the pass that made the prediction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from inference.embeddings import Matrix, Tokens
from triage.heads import NAMES, Heads
from triage.labels import Evidence
from triage.ngrams import Found, Ngrams

_WORD = re.compile(r"\w+(?:['’.-]\w+)*|[^\w\s]+")
_TELLING = 0.6  # of all that speaks for a label is shown
_MOST_WORDS = 6

Shares = NDArray[np.float64]
Locate = Callable[[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass made of one message: its text, tokens and n-grams (``counted`` is their TF-IDF row)."""

    text: str
    vector: Matrix
    tokens: Tokens
    places: NDArray[np.intp]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """Messages as the encoder and the counting of n-grams saw them; ``vectors`` (messages, dimensions)."""

    texts: Sequence[str]
    vectors: Matrix
    tokens: Sequence[Tokens]
    found: Found


def passes(seen: Seen, ngrams: Ngrams, counted: csr_matrix) -> list[Pass]:
    """One ``Pass`` per message; ``counted`` is what ``ngrams`` makes of them.

    An n-gram that stands there several times has its value in equal parts.
    """
    found = seen.found
    place, known = ngrams.places(found)
    owner, place = found.message[known], place[known]
    order = np.argsort(owner, kind="stable")
    owner, place = owner[order], place[order]
    start, end = found.start[known][order], found.end[known][order]
    bounds = np.searchsorted(owner, np.arange(len(seen.texts) + 1))
    made = []
    for number, text in enumerate(seen.texts):
        own = slice(bounds[number], bounds[number + 1])
        row = slice(counted.indptr[number], counted.indptr[number + 1])
        column = np.searchsorted(counted.indices[row], place[own])
        times = np.bincount(column, minlength=row.stop - row.start)
        value = counted.data[row][column] / times[column]
        made.append(
            Pass(text, seen.vectors[number], seen.tokens[number], place[own], start[own], end[own], value)
        )
    return made


def shares(one: Pass, heads: Heads, weights: Shares, label_weights: Shares) -> Shares:
    """How much each character of the text adds to Σ ``label_weights`` · logit, (questions, characters).

    ``weights`` (heads, labels) are those of the heads, ``label_weights`` (questions, labels) those of the
    labels, such as 1 for the label in question and minus the others' shares for the rest.
    """
    by_head = dict(zip(NAMES, weights[:, None] * label_weights, strict=True))
    used = np.flatnonzero(label_weights.any(axis=0))
    toward = by_head["sentence"][:, used] @ heads.sentence[used]
    if len(heads.neighbours):
        toward += by_head["neighbours"][:, used] @ heads.nearest(one.vector, used)
    of_ngrams = (heads.ngrams.take(one.places, axis=0) @ by_head["ngrams"].T) * one.values[:, None]
    share = np.concatenate([_of_tokens(one.tokens, toward), of_ngrams])
    starts = np.concatenate([one.tokens.offsets[:, 0], one.starts])
    ends = np.concatenate([one.tokens.offsets[:, 1], one.ends])
    return _spread(starts, ends, share, len(one.text))


def telling(text: str, by_character: Shares, locate: Locate, original: str) -> list[tuple[Evidence, ...]]:
    """For each row of ``by_character``, as ``shares`` has them, the words of ``text`` that speak most for it.

    Neighbours are joined, the strongest come first. ``locate`` turns offsets of ``text`` into those of
    ``original``, which the evidence quotes.
    """
    spans = [match.span() for match in _WORD.finditer(text)]
    if not spans:
        return [()] * len(by_character)
    sums = np.zeros((len(by_character), by_character.shape[1] + 1))
    np.cumsum(by_character, axis=1, out=sums[:, 1:])
    bounds = np.array(spans)
    gains = (sums[:, bounds[:, 1]] - sums[:, bounds[:, 0]]).tolist()
    return [_quoted(gain, spans, locate, original) for gain in gains]


def _quoted(
    gain: Sequence[float], spans: Sequence[tuple[int, int]], locate: Locate, original: str
) -> tuple[Evidence, ...]:
    total = sum(one for one in gain if one > 0)
    chosen: list[int] = []
    covered = 0.0
    for place in sorted(range(len(gain)), key=gain.__getitem__, reverse=True):
        if gain[place] <= 0 or covered >= _TELLING * total or len(chosen) == _MOST_WORDS:
            break
        chosen.append(place)
        covered += gain[place]
    found = []
    for group in _runs(sorted(chosen)):
        start, end = locate(spans[group[0]][0], spans[group[-1]][1])
        weight = sum(gain[place] for place in group) / total
        if end > start:
            found.append(Evidence(start, end, original[start:end], min(weight, 1.0)))
    return tuple(sorted(found, key=lambda one: -one.weight))


def _of_tokens(tokens: Tokens, toward: Shares) -> Shares:
    """(tokens, questions)."""
    if not len(tokens.states):
        return np.zeros((0, len(toward)))
    length = float(np.linalg.norm(tokens.states.sum(axis=0)))
    return np.asarray(tokens.states @ toward.T / max(length, 1e-12), np.float64)


def _spread(starts: NDArray[np.int32], ends: NDArray[np.int32], share: Shares, length: int) -> Shares:
    """Each ``share`` (pieces, questions) evenly on the characters of its piece: (questions, ``length``)."""
    wide = ends - starts
    each = np.where(wide > 0, share.T / np.maximum(wide, 1), 0.0)
    # From character to character the sum changes by what begins there, less what ended.
    places = np.concatenate([starts, ends])
    change = [np.bincount(places, np.concatenate([own, -own]), length + 1) for own in each]
    return np.asarray(np.cumsum(change, axis=1)[:, :-1], np.float64)


def _runs(places: Sequence[int]) -> list[list[int]]:
    """Neighbouring places together."""
    groups: list[list[int]] = []
    for place in places:
        if groups and place == groups[-1][-1] + 1:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups
