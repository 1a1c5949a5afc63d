"""The intent model: three heads over one encoder pass, weighed on held-out folds."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import softmax
from threadpoolctl import threadpool_limits

from inference.embeddings import Encoder, TokenEmbeddings, Vector
from inference.encoder import OpenVinoEncoder
from inference.joined import JoinedEncoder, first_part, join
from triage.calibration import Scope, energy, example_folds, fit_scope, label_folds, weigh_heads
from triage.errors import ModelUnreadable
from triage.examples import OUT_OF_SCOPE, Example, check_trainable, content_hash
from triage.heads import NAMES, Heads, Matrix, Scores, fit_heads, in_order
from triage.ngrams import Ngrams, find_ngrams
from triage.stopping import go_on
from triage.storage import arrays_of, heads_of, read_model, unreadable, write_model

_OWN_ENCODER = "encoder"  # subfolder of a model
_THREADS = 2  # passes of it that run at the same time


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a message is.

    ``label`` is the likeliest, ``probability`` in [0, 1] how likely it is given that any label fits, and
    ``in_scope`` how likely that is. ``others`` are the next labels with their probabilities.
    """

    label: str
    probability: float
    in_scope: float
    others: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How the heads did on examples they had not seen: ``labels`` (examples,) by place in the model's.

    ``by_label`` (examples, labels) are probabilities. The heads' weights were chosen on the same scores:
    three numbers, so the figures flatter by next to nothing.
    """

    labels: NDArray[np.intp]
    by_label: NDArray[np.float64]

    @classmethod
    def of(cls, labels: NDArray[np.intp], scores: Scores, weights: NDArray[np.float64]) -> HeldOut:
        """What comes of ``scores`` (heads, examples, labels) and the heads' ``weights`` (heads,)."""
        return cls(labels, softmax(np.tensordot(weights, scores, 1), axis=1))

    @property
    def predicted(self) -> NDArray[np.intp]:
        """The likeliest label of each (examples,), by place."""
        return np.asarray(self.by_label.argmax(axis=1))

    @property
    def probability(self) -> NDArray[np.float64]:
        """How likely that is (examples,)."""
        return np.asarray(self.by_label.max(axis=1))


@dataclass(frozen=True, slots=True)
class IntentModel:
    """A fitted model. ``weights`` (heads,); ``scope`` is none where too few labels were there to tell.

    A fine-tuned model has an encoder of its ``own``, whose vectors stand beside everyone's.
    """

    labels: tuple[str, ...]
    ngrams: Ngrams
    heads: Heads
    weights: NDArray[np.float64]
    scope: Scope | None
    provenance: dict[str, Any]
    own: OpenVinoEncoder | None = None

    def predict(self, texts: Sequence[str], encoder: Encoder, *, others: int = 4) -> list[Prediction]:
        """One prediction per text, from one pass of ``encoder`` and one of its own encoder, if it has one.

        Raises ``ModelUnreadable`` when the model was trained with another encoder.
        """
        self.check_encoder(encoder)
        return self.predict_encoded(texts, self.beside(encoder).encode(texts), others=others)

    def beside(self, encoder: Encoder) -> Encoder:
        """What makes the vectors that the model takes: ``encoder`` with its own encoder, if it has one."""
        return encoder if self.own is None else JoinedEncoder(encoder, self.own)

    def joined(self, texts: Sequence[str], encoded: TokenEmbeddings) -> TokenEmbeddings:
        """What ``beside`` makes of ``texts`` that everyone's encoder has ``encoded``, with tokens or not."""
        if self.own is None:
            return encoded
        own = (
            self.own.encode_with_tokens(texts)
            if encoded.tokens
            else TokenEmbeddings(self.own.encode(texts), [])
        )
        return join(encoded, own)

    def predict_encoded(self, texts: Sequence[str], vectors: Matrix, *, others: int = 4) -> list[Prediction]:
        """As ``predict``, for ``vectors`` (texts, dimensions) that ``beside`` has made already."""
        if not texts:
            return []
        total = self.logits(self.ngrams.matrix(find_ngrams(texts)), vectors)
        probabilities = softmax(total, axis=1)
        fits = self.scope.probability(energy(total)) if self.scope else np.ones(len(texts))
        found = []
        for row, fit in zip(probabilities, fits, strict=True):
            order = np.argsort(-row, kind="stable")[: others + 1].tolist()
            ranked = tuple((self.labels[place], float(row[place])) for place in order)
            found.append(Prediction(*ranked[0], float(fit), ranked[1:]))
        return found

    def probabilities(self, texts: Sequence[str], vectors: Matrix) -> NDArray[np.float64]:
        """(texts, labels), given that any label fits."""
        return np.asarray(softmax(self.logits(self.ngrams.matrix(find_ngrams(texts)), vectors), axis=1))

    def logits(self, counted: csr_matrix, vectors: Matrix) -> NDArray[np.float64]:
        """Weighed sums of the heads (messages, labels), of n-grams and ``vectors`` (messages, dimensions)."""
        scores = self.heads.scores(np.asarray(vectors, np.float32), counted)
        return np.asarray(np.tensordot(self.weights, scores, 1))

    def label_vectors(self) -> dict[str, Vector]:
        """What is in the middle of each label's examples: unit vectors of everyone's encoder by label."""
        centres = self.heads.centres()
        return dict(zip(self.labels, centres if self.own is None else first_part(centres), strict=True))

    @property
    def all_weights(self) -> NDArray[np.float64]:
        """The heads' weights for each label (heads, labels): the same for all."""
        return np.repeat(self.weights[:, None], len(self.labels), axis=1)

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise ``ModelUnreadable`` unless ``encoder`` is the one the model was trained with."""
        if self.provenance["encoder"] != encoder.identity:
            raise ModelUnreadable(
                f"The model was trained with the encoder {self.provenance['encoder']}, but "
                f"{encoder.identity} is configured. Train it again with `careloop train`."
            )

    def save(self, folder: Path) -> None:
        """Write the model into ``folder``, as ``load_model`` reads it: JSON and plain arrays, no code."""
        described = {
            "labels": self.labels,
            "scope": [self.scope.weight, self.scope.bias] if self.scope else None,
            "provenance": self.provenance,
        }
        write_model(folder, described, {**arrays_of(self.ngrams, self.heads), "weights": self.weights})
        if self.own is not None:
            self.own.save(folder / _OWN_ENCODER)
        else:
            shutil.rmtree(folder / _OWN_ENCODER, ignore_errors=True)  # of a model that was there before


def load_model(folder: Path) -> IntentModel:
    """The model that ``save`` wrote into ``folder``. Raises ``ModelUnreadable`` when there is none."""
    described, arrays = read_model(folder)
    try:
        ngrams, heads = heads_of(arrays)
        return IntentModel(
            labels=tuple(described["labels"]),
            ngrams=ngrams,
            heads=heads,
            weights=arrays["weights"],
            scope=Scope(*described["scope"]) if described["scope"] else None,
            provenance=described["provenance"],
            own=_own_encoder(folder, described["provenance"]),
        )
    except (KeyError, TypeError) as error:
        raise unreadable(folder, error) from error


def _own_encoder(folder: Path, provenance: dict[str, Any]) -> OpenVinoEncoder | None:
    identity = provenance.get("fine_tuning", {}).get("encoder")
    if identity is None:
        return None
    if not (folder / _OWN_ENCODER / "model.xml").is_file():
        raise ModelUnreadable(f"{folder} holds a fine-tuned model without its encoder. Train it again.")
    return OpenVinoEncoder(folder / _OWN_ENCODER, identity=identity, threads=_THREADS)


def readable_name(label: str) -> str:
    """``label`` in words, such as "order status" for ORDER_STATUS and orderStatus; empty without letters."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", label)
    return spaced.strip().lower() if any(map(str.isalpha, spaced)) else ""


def train(
    examples: Sequence[Example], encoder: Encoder, *, seed: int = 0, stop: threading.Event | None = None
) -> tuple[IntentModel, HeldOut]:
    """Fit a model on ``examples``; the same examples and seed give the same model.

    Those labelled ``oos`` join the labels left out of folds when the scope is fitted. Raises
    ``ExamplesInvalid`` when there are too few labels or examples, and ``Stopped`` within a fold or so after
    ``stop`` is set.
    """
    with threadpool_limits(limits=1):  # products this small: threads that wait for one another cost more
        return _train(examples, encoder, seed=seed, stop=stop)


def _train(
    examples: Sequence[Example], encoder: Encoder, *, seed: int, stop: threading.Event | None
) -> tuple[IntentModel, HeldOut]:
    check_trainable(examples)
    data = TrainingData.of(examples, encoder, stop=stop)
    scores = np.zeros((len(NAMES), len(data.texts), data.number), np.float32)
    for fitted, scored in example_folds(data.labels, seed=seed):
        scores[:, scored] = data.scores(fitted, scored, seed=seed)
    weights = weigh_heads(scores, data.labels)
    scope = data.fit_scope(weights, seed=seed)
    ngrams, heads = data.fit(np.arange(len(data.texts)), seed=seed)
    made_of = provenance(examples, encoder, seed=seed)
    return (
        IntentModel(data.names, ngrams, heads, weights, scope, made_of),
        HeldOut.of(data.labels, scores, weights),
    )


def provenance(examples: Sequence[Example], encoder: Encoder, *, seed: int) -> dict[str, Any]:
    """What a model was made of."""
    return {
        "encoder": encoder.identity,
        "examples": len(examples),
        "out_of_scope": sum(example.label == OUT_OF_SCOPE for example in examples),
        "examples_sha256": content_hash(examples),
        "seed": seed,
    }


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
    stop: threading.Event | None = None

    @classmethod
    def of(
        cls, examples: Sequence[Example], encoder: Encoder, *, stop: threading.Event | None = None
    ) -> TrainingData:
        """``examples``, encoded; those labelled ``oos`` are the strangers."""
        inside = [example for example in examples if example.label != OUT_OF_SCOPE]
        texts = [example.text for example in inside]
        names, labels = in_order([example.label for example in inside])
        readable = [readable_name(name) for name in names]
        unknown = [example.text for example in examples if example.label == OUT_OF_SCOPE]
        return cls(
            texts,
            encoder.encode(texts),
            labels,
            names,
            readable,
            encoder.encode(readable),
            (unknown, encoder.encode(unknown)) if unknown else None,
            stop,
        )

    @property
    def number(self) -> int:
        """How many labels there are."""
        return len(self.names)

    def fit(self, rows: NDArray[np.intp], *, seed: int) -> tuple[Ngrams, Heads]:
        """The heads of those rows. The name of a label is one more example of it, where it says anything."""
        go_on(self.stop)
        named = [place for place in np.unique(self.labels[rows]) if self.readable[place]]
        known = [self.texts[row] for row in rows] + [self.readable[place] for place in named]
        vectors = np.concatenate([self.vectors[rows], self.name_vectors[named]])
        labels = np.concatenate([self.labels[rows], np.array(named, dtype=np.intp)])
        ngrams = Ngrams.fit(known)
        counted = ngrams.matrix(find_ngrams(known))
        return ngrams, fit_heads(vectors, counted, labels, number=self.number, seed=seed)

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
