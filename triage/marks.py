"""What is said of a message besides its intent: signals, urgency, sentiment, origin."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from inference.embeddings import Encoder
from triage.calibration import softmax, weigh_heads, weigh_mark
from triage.errors import ModelUnreadable
from triage.heads import NAMES, Heads, Matrix, Scores, fit_mark_heads
from triage.labelled import EXCLUSIVE, GROUPS, MARKS, Marked
from triage.ngrams import Ngrams, find_ngrams
from triage.storage import arrays_of, heads_of, read_model, unreadable, write_model

_FOLDS = 4


@dataclass(frozen=True, slots=True)
class HeldOutMarks:
    """What heads said of messages that they had not seen.

    ``probabilities`` (messages, marks); ``marks`` (messages, marks) is 1 where one holds, 0 where it does
    not, −1 where nobody said.
    """

    probabilities: NDArray[np.float64]
    marks: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class MarkModel:
    """A fitted model of all of ``MARKS``. ``weights`` (heads, marks) and ``bias`` (marks,)."""

    ngrams: Ngrams
    heads: Heads
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    provenance: dict[str, Any]

    def logits(self, counted: csr_matrix, vectors: Matrix) -> NDArray[np.float64]:
        """(messages, marks), of n-grams and ``vectors`` (messages, dimensions)."""
        scores = self.heads.scores(np.asarray(vectors, np.float32), counted)
        return _combined(scores, self.weights, self.bias)

    def probabilities(self, texts: Sequence[str], vectors: Matrix) -> NDArray[np.float64]:
        """(texts, marks), for ``vectors`` (texts, dimensions) that an encoder made of ``texts``."""
        return probabilities_of(self.logits(self.ngrams.matrix(find_ngrams(texts)), vectors))

    def save(self, folder: Path) -> None:
        """Write the model into ``folder``, as ``load_marks`` reads it."""
        described = {"marks": MARKS, "provenance": self.provenance}
        arrays = {**arrays_of(self.ngrams, self.heads), "weights": self.weights, "bias": self.bias}
        write_model(folder, described, arrays)


def load_marks(folder: Path) -> MarkModel:
    """The model that ``save`` wrote into ``folder``. Raises ``ModelUnreadable`` when there is none."""
    described, arrays = read_model(folder)
    try:
        if tuple(described["marks"]) != MARKS:
            raise ModelUnreadable(
                f"The model in {folder} knows other marks than this version. Train it again."
            )
        return MarkModel(*heads_of(arrays), arrays["weights"], arrays["bias"], described["provenance"])
    except (KeyError, TypeError) as error:
        raise unreadable(folder, error) from error


def probabilities_of(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(messages, marks): those of an exclusive group add up to 1, each of the others stands for itself."""
    found = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    for group, columns in groups():
        if group in EXCLUSIVE:
            found[:, columns] = softmax(logits[:, columns])
    return np.asarray(found)


def groups() -> Iterator[tuple[str, slice]]:
    """Each group with its place among ``MARKS``."""
    start = 0
    for group, names in GROUPS.items():
        yield group, slice(start, start + len(names))
        start += len(names)


def train_marks(
    messages: Sequence[Marked], encoder: Encoder, *, seed: int = 0
) -> tuple[MarkModel, HeldOutMarks]:
    """Fit on ``messages``; the same ones and seed give the same model.

    Every mark must hold of several messages and not hold of several: what ships has that.
    """
    with threadpool_limits(limits=1):  # as in triage.model
        return _train(messages, encoder, seed=seed)


def _train(messages: Sequence[Marked], encoder: Encoder, *, seed: int) -> tuple[MarkModel, HeldOutMarks]:
    texts = [message.text for message in messages]
    marks = mark_matrix(messages)
    vectors = encoder.encode(texts)
    scores = np.zeros((len(NAMES), *marks.shape), np.float32)
    for fitted, scored in KFold(_FOLDS, shuffle=True, random_state=seed).split(texts):
        ngrams, heads = _fit([texts[row] for row in fitted], vectors[fitted], marks[fitted], seed=seed)
        counted = ngrams.matrix(find_ngrams([texts[row] for row in scored]))
        scores[:, scored] = heads.scores(vectors[scored], counted)
    weights, bias = _weigh(scores, marks)
    ngrams, heads = _fit(texts, vectors, marks, seed=seed)
    provenance = {"encoder": encoder.identity, "messages": len(messages), "seed": seed}
    provenance |= {"messages_sha256": marks_hash(messages)}
    held_out = HeldOutMarks(probabilities_of(_combined(scores, weights, bias)), marks)
    return MarkModel(ngrams, heads, weights, bias, provenance), held_out


def mark_matrix(messages: Sequence[Marked]) -> NDArray[np.int8]:
    """(messages, marks): 1 holds, 0 does not hold, −1 nobody said."""
    found = np.full((len(messages), len(MARKS)), -1, np.int8)
    for row, message in enumerate(messages):
        for column, mark in enumerate(MARKS):
            if mark in message.yes:
                found[row, column] = 1
            elif mark in message.no:
                found[row, column] = 0
    return found


def marks_hash(messages: Sequence[Marked]) -> str:
    """SHA-256 of texts and marks in their order, in hexadecimal."""
    digest = hashlib.sha256()
    for message in messages:
        for part in (message.text, *sorted(message.yes), "", *sorted(message.no)):
            digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    return digest.hexdigest()


def _fit(
    texts: Sequence[str], vectors: Matrix, marks: NDArray[np.int8], *, seed: int
) -> tuple[Ngrams, Heads]:
    ngrams = Ngrams.fit(texts)
    return ngrams, fit_mark_heads(vectors, ngrams.matrix(find_ngrams(texts)), marks, seed=seed)


def _weigh(scores: Scores, marks: NDArray[np.int8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weights = np.ones((len(NAMES), len(MARKS)))
    bias = np.zeros(len(MARKS))
    for group, columns in groups():
        if group in EXCLUSIVE:
            known = (marks[:, columns] == 1).any(axis=1)
            own = weigh_heads(scores[:, known, columns], marks[known, columns].argmax(axis=1))
            weights[:, columns] = own[:, None]
            continue
        for column in range(columns.start, columns.stop):
            known = marks[:, column] >= 0
            weights[:, column], bias[column] = weigh_mark(scores[:, known, column], marks[known, column])
    return weights, bias


def _combined(scores: Scores, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("hml,hl->ml", scores, weights) + bias)
