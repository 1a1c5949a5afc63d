"""The intent model: three heads over one encoder pass, weighed on held-out folds."""

from __future__ import annotations

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
from triage.calibration import Scope, energy, example_folds, weigh_heads
from triage.errors import ModelUnreadable
from triage.examples import OUT_OF_SCOPE, Example, check_trainable, content_hash
from triage.heads import NAMES, Heads, Matrix, Scores
from triage.ngrams import Ngrams, find_ngrams
from triage.storage import arrays_of, heads_of, read_model, unreadable, write_model
from triage.training_data import TrainingData

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


def train(
    examples: Sequence[Example],
    encoder: Encoder,
    *,
    unlabelled: Sequence[str] = (),
    seed: int = 0,
    stop: threading.Event | None = None,
) -> tuple[IntentModel, HeldOut]:
    """Fit a model on ``examples``; the same input and seed give the same model.

    Those labelled ``oos`` join the labels left out of folds when the scope is fitted. Messages ``unlabelled``
    teach what the examples say of them (``triage.propagation``): that pays where labels have few examples.
    Raises ``ExamplesInvalid`` when there are too few labels or examples, and ``Stopped`` within a fold or so
    after ``stop`` is set.
    """
    check_trainable(examples)
    with threadpool_limits(limits=1):  # products this small: threads that wait for one another cost more
        data = TrainingData.of(examples, encoder, unlabelled=unlabelled, stop=stop)
        made_of = provenance(examples, encoder, seed=seed, unlabelled=unlabelled)
        return _train(data, made_of, seed=seed)


def _train(data: TrainingData, made_of: dict[str, Any], *, seed: int) -> tuple[IntentModel, HeldOut]:
    scores = np.zeros((len(NAMES), len(data.texts), data.number), np.float32)
    for fitted, scored in example_folds(data.labels, seed=seed):
        scores[:, scored] = data.scores(fitted, scored, seed=seed)
    weights = weigh_heads(scores, data.labels)
    scope = data.fit_scope(weights, seed=seed)
    ngrams, heads = data.fit(np.arange(len(data.texts)), seed=seed)
    return (
        IntentModel(data.names, ngrams, heads, weights, scope, made_of),
        HeldOut.of(data.labels, scores, weights),
    )


def provenance(
    examples: Sequence[Example], encoder: Encoder, *, seed: int, unlabelled: Sequence[str] = ()
) -> dict[str, Any]:
    """What a model was made of."""
    made_of = {
        "encoder": encoder.identity,
        "examples": len(examples),
        "out_of_scope": sum(example.label == OUT_OF_SCOPE for example in examples),
        "examples_sha256": content_hash(examples),
        "seed": seed,
    }
    if unlabelled:
        texts = [Example(text, "") for text in unlabelled]
        made_of |= {"unlabelled": len(texts), "unlabelled_sha256": content_hash(texts)}
    return made_of
