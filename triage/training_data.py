"""What heads are fitted on: labelled messages, names of labels, and what is known of unlabelled messages."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.embeddings import Encoder
from triage.calibration import Scope, energy, fit_scope, label_folds
from triage.examples import OUT_OF_SCOPE, Example
from triage.heads import Heads, Matrix, Scores, fit_heads, in_order
from triage.ngrams import Ngrams, find_ngrams
from triage.propagation import Graph
from triage.stopping import go_on

MOST_UNLABELLED = 10_000  # messages; the graph is quadratic in them, and the last thousands add little
_OF_LABELLED = 0.3  # how much an unlabelled message counts, where its label is certain


def readable_name(label: str) -> str:
    """``label`` in words, such as "order status" for ORDER_STATUS and orderStatus; empty without letters."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", label)
    return spaced.strip().lower() if any(map(str.isalpha, spaced)) else ""


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """Messages without labels, with ``vectors`` (messages, dimensions).

    ``graph`` holds the labelled texts, then the names of the labels, then these. ``likeliest`` (messages,) is
    the label of each, by place, as all labelled texts together have it.
    """

    texts: Sequence[str]
    vectors: Matrix
    graph: Graph
    likeliest: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a model is trained on: ``vectors`` (texts, dimensions), ``labels`` (texts,) below ``number``.

    ``names`` are the labels, ``readable`` those as people read them, ``name_vectors`` (number, dimensions)
    their vectors. ``strangers`` are texts that no label fits, with their vectors.
    """

    texts: Sequence[str]
    vectors: Matrix
    labels: NDArray[np.intp]
    names: tuple[str, ...]
    readable: Sequence[str]
    name_vectors: Matrix
    strangers: tuple[Sequence[str], Matrix] | None
    unlabelled: Unlabelled | None = None
    stop: threading.Event | None = None

    @classmethod
    def of(
        cls,
        examples: Sequence[Example],
        encoder: Encoder,
        *,
        unlabelled: Sequence[str] = (),
        stop: threading.Event | None = None,
    ) -> TrainingData:
        """``examples``, encoded; those labelled ``oos`` are the strangers.

        Of ``unlabelled`` messages the first ``MOST_UNLABELLED`` are used that are no example.
        """
        inside = [example for example in examples if example.label != OUT_OF_SCOPE]
        texts = [example.text for example in inside]
        names, labels = in_order([example.label for example in inside])
        readable = [readable_name(name) for name in names]
        unknown = [example.text for example in examples if example.label == OUT_OF_SCOPE]
        data = cls(
            texts,
            encoder.encode(texts),
            labels,
            names,
            readable,
            encoder.encode(readable),
            (unknown, encoder.encode(unknown)) if unknown else None,
            stop=stop,
        )
        known = {example.text for example in examples}
        pool = [text for text in dict.fromkeys(unlabelled) if text not in known][:MOST_UNLABELLED]
        return replace(data, unlabelled=_pool(data, pool, encoder)) if pool else data

    @property
    def number(self) -> int:
        """How many labels there are."""
        return len(self.names)

    def fit(self, rows: NDArray[np.intp], *, seed: int) -> tuple[Ngrams, Heads]:
        """The heads of those rows. The name of a label is one more example of it, where it says anything."""
        go_on(self.stop)
        named = np.array([place for place in np.unique(self.labels[rows]) if self.readable[place]], np.intp)
        texts = [self.texts[row] for row in rows] + [self.readable[place] for place in named]
        vectors = np.concatenate([self.vectors[rows], self.name_vectors[named]])
        labels = np.concatenate([self.labels[rows], named])
        weights = None
        if self.unlabelled is not None:
            taught, likeliest, surety = self._taught(self.unlabelled, rows, named, labels)
            texts += [self.unlabelled.texts[place] for place in taught]
            vectors = np.concatenate([vectors, self.unlabelled.vectors[taught]])
            weights = np.concatenate([np.ones(len(labels)), _OF_LABELLED * surety])
            labels = np.concatenate([labels, likeliest])
        ngrams = Ngrams.fit(texts)
        counted = ngrams.matrix(find_ngrams(texts))
        return ngrams, fit_heads(vectors, counted, labels, number=self.number, seed=seed, weights=weights)

    def scores(
        self, fitted: NDArray[np.intp], scored: NDArray[np.intp], *, seed: int, strangers: bool = False
    ) -> Scores:
        """Scores of the rows ``scored``, and then of the strangers, by heads of the rows ``fitted``."""
        ngrams, heads = self.fit(fitted, seed=seed)
        asked, asked_vectors = [self.texts[row] for row in scored], self.vectors[scored]
        if strangers and self.strangers is not None:
            asked = [*asked, *self.strangers[0]]
            asked_vectors = np.concatenate([asked_vectors, self.strangers[1]])
        return heads.scores(asked_vectors, ngrams.matrix(find_ngrams(asked)))

    def fit_scope(
        self, weights: NDArray[np.float64], *, seed: int, held: NDArray[np.bool_] | None = None
    ) -> Scope | None:
        """When none of the labels fits, from labels left out in turn; none where there are too few.

        Where ``held`` (texts,) is given, heads are fitted on the others and no others are judged.
        """
        inside: list[NDArray[np.float64]] = []
        outside: list[NDArray[np.float64]] = []
        for fitted, known, strange in label_folds(self.labels, seed=seed, aside=held):
            asked = strange if held is None else strange[held[strange]]
            scores = self.scores(fitted, np.concatenate([known, asked]), seed=seed, strangers=True)
            energies = energy(np.tensordot(weights, scores, 1))
            inside.append(energies[: len(known)])
            outside.append(energies[len(known) :])
        if not sum(map(len, inside)) or not sum(map(len, outside)):
            return None
        return fit_scope(np.concatenate(inside), np.concatenate(outside))

    def _taught(
        self, pool: Unlabelled, rows: NDArray[np.intp], named: NDArray[np.intp], labels: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        """Places of unlabelled messages, the likeliest label of each and how sure it is, in (0, 1].

        They are told by ``rows`` and the ``named`` labels alone. What most likely belongs to a label that has
        no row is left out: a label that is left out to learn what strangers look like takes its own with it.
        """
        taught = np.flatnonzero(np.isin(pool.likeliest, labels))
        first = len(self.texts)
        known = np.concatenate([rows, first + named])
        shares = pool.graph.spread(known, labels, first + self.number + taught, number=self.number)
        surety = shares.max(axis=1)
        reached = surety > 0
        return taught[reached], shares.argmax(axis=1)[reached], surety[reached]


def _pool(data: TrainingData, texts: Sequence[str], encoder: Encoder) -> Unlabelled:
    """``texts`` beside ``data``."""
    vectors = encoder.encode(texts)
    everything = [*data.texts, *data.readable, *texts]
    counted = Ngrams.fit(everything).matrix(find_ngrams(everything))
    graph = Graph.of(np.concatenate([data.vectors, data.name_vectors, vectors]), counted)
    named = np.array([place for place, name in enumerate(data.readable) if name], np.intp)
    first = len(data.texts)
    shares = graph.spread(
        np.concatenate([np.arange(first), first + named]),
        np.concatenate([data.labels, named]),
        first + data.number + np.arange(len(texts)),
        number=data.number,
    )
    return Unlabelled(texts, vectors, graph, shares.argmax(axis=1))
