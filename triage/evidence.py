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
    """How much each character of the text adds to Σ ``label_weights`` · logit, (characters,).

    ``weights`` (heads, labels) are those of the heads, ``label_weights`` (labels,) those of the labels, such
    as 1 for the label in question and minus the others' shares for the rest.
    """
    used = np.flatnonzero(label_weights)
    by_head = dict(zip(NAMES, weights[:, used] * label_weights[used], strict=True))
    toward = by_head["sentence"] @ heads.sentence[used]
    toward = toward + by_head["neighbours"] @ heads.nearest(one.vector, used)
    change = np.zeros(len(one.text) + 1)
    _spread(change, *_of_tokens(one.tokens, toward))
    _spread(
        change,
        one.starts,
        one.ends,
        (heads.ngrams[np.ix_(one.places, used)] @ by_head["ngrams"]) * one.values,
    )
    return np.cumsum(change)[:-1]


def telling(text: str, by_character: Shares, locate: Locate, original: str) -> tuple[Evidence, ...]:
    """The words of ``text`` that speak most for a label, neighbours joined, strongest first.

    ``locate`` turns offsets of ``text`` into those of ``original``, which the evidence quotes.
    """
    spans = [match.span() for match in _WORD.finditer(text)]
    sums = np.concatenate([[0.0], np.cumsum(by_character)])
    gain = np.array([sums[end] - sums[start] for start, end in spans])
    total = float(gain[gain > 0].sum())
    if total <= 0:
        return ()
    chosen: list[int] = []
    covered = 0.0
    for place in np.argsort(-gain, kind="stable").tolist():
        if gain[place] <= 0 or covered >= _TELLING * total or len(chosen) == _MOST_WORDS:
            break
        chosen.append(place)
        covered += float(gain[place])
    found = []
    for group in _runs(sorted(chosen)):
        start, end = locate(spans[group[0]][0], spans[group[-1]][1])
        weight = float(gain[group].sum()) / total
        if end > start:
            found.append(Evidence(start, end, original[start:end], min(weight, 1.0)))
    return tuple(sorted(found, key=lambda one: -one.weight))


def _of_tokens(tokens: Tokens, toward: Matrix) -> tuple[NDArray[np.int32], NDArray[np.int32], Shares]:
    if not len(tokens.states):
        return tokens.offsets[:, 0], tokens.offsets[:, 1], np.zeros(0)
    length = float(np.linalg.norm(tokens.states.sum(axis=0)))
    return (
        tokens.offsets[:, 0],
        tokens.offsets[:, 1],
        np.asarray(tokens.states @ toward / max(length, 1e-12), np.float64),
    )


def _spread(change: Shares, starts: NDArray[np.int32], ends: NDArray[np.int32], share: Shares) -> None:
    """Add each share evenly to its characters; ``change`` is the difference from character to character."""
    wide = np.maximum(ends - starts, 1)
    inside = ends > starts
    np.add.at(change, starts[inside], (share / wide)[inside])
    np.add.at(change, ends[inside], -(share / wide)[inside])


def _runs(places: Sequence[int]) -> list[list[int]]:
    """Neighbouring places together."""
    groups: list[list[int]] = []
    for place in places:
        if groups and place == groups[-1][-1] + 1:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups
