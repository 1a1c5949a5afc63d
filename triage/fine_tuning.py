"""Intent models with a fine-tuned encoder of their own, where that wins on messages it was not tuned on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from inference.embeddings import Encoder
from inference.joined import JoinedEncoder
from inference.tuner import Tuner
from triage.calibration import weigh_heads
from triage.examples import OUT_OF_SCOPE, Example, check_trainable
from triage.heads import in_order
from triage.model import HeldOut, IntentModel, provenance, train
from triage.similar_texts import RememberingEncoder
from triage.taxonomy import read_taxonomy, shipped
from triage.training_data import TrainingData

_ONE_IN = 3  # of the examples of a label is held out

Texts = dict[str, list[str]]  # by label


@dataclass(frozen=True, slots=True)
class _Trial:
    """Heads fitted on what is not held out, weighed on what is."""

    data: TrainingData
    weights: NDArray[np.float64]
    held_out: HeldOut

    @property
    def accuracy(self) -> float:
        """On what was held out, in [0, 1]."""
        return float((self.held_out.predicted == self.held_out.labels).mean())


def train_tuned(
    examples: Sequence[Example], encoder: Encoder, tuner: Tuner, *, seed: int = 0
) -> tuple[IntentModel, HeldOut]:
    """As ``triage.model.train``, with a fine-tuned encoder beside ``encoder`` where it has more right.

    A third of the examples of each label that has three or more is held out; ``tuner`` tunes on the rest,
    and both ways are judged on what was held out. Only where tuned is better does tuning on everything
    follow: how much each head counts, when no label fits and what is reported come from the held-out third,
    for on texts that it was tuned on an encoder is always right. Labels left out to learn when none fits
    were tuned on, however: strangers look somewhat stranger than they are. ``fine_tuning`` in the provenance
    says what came of it. Raises ``ExamplesInvalid`` as ``train`` does, and ``ModelMissing``.
    """
    check_trainable(examples)
    with threadpool_limits(limits=1):
        return _train_tuned(examples, RememberingEncoder(encoder), tuner, seed=seed)


def _train_tuned(
    examples: Sequence[Example], encoder: Encoder, tuner: Tuner, *, seed: int
) -> tuple[IntentModel, HeldOut]:
    inside = [example for example in examples if example.label != OUT_OF_SCOPE]
    held = hold_out(in_order([example.label for example in inside])[1], seed=seed)
    result: dict[str, Any] = {"steps": tuner.steps, "held_out": int(held.sum())}
    if held.any():
        ours = _ours({example.text for example in examples})
        rest = by_label(example for example, aside in zip(inside, held, strict=True) if not aside)
        tuned = JoinedEncoder(encoder, tuner.tune([rest, *ours], seed=seed))
        before, after = (_try(TrainingData.of(examples, each), held, seed=seed) for each in (encoder, tuned))
        result |= {"frozen": before.accuracy, "tuned": after.accuracy}
        if after.accuracy > before.accuracy:
            own = tuner.tune([by_label(inside), *ours], seed=seed)
            data = TrainingData.of(examples, JoinedEncoder(encoder, own))
            ngrams, heads = data.fit(np.arange(len(inside)), seed=seed)
            scope = after.data.fit_scope(after.weights, seed=seed, held=held)
            made_of = provenance(examples, encoder, seed=seed)
            made_of["fine_tuning"] = {**result, "encoder": own.identity}
            model = IntentModel(data.names, ngrams, heads, after.weights, scope, made_of, own)
            return model, after.held_out
    model, held_out = train(examples, encoder, seed=seed)
    return replace(
        model, provenance={**model.provenance, "fine_tuning": {**result, "encoder": None}}
    ), held_out


def hold_out(labels: NDArray[np.intp], *, seed: int) -> NDArray[np.bool_]:
    """Which rows are held out: a third of each label's, rounded down, drawn by ``seed``."""
    random = np.random.default_rng(seed)
    held = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        own = random.permutation(np.flatnonzero(labels == label))
        held[own[: len(own) // _ONE_IN]] = True
    return held


def by_label(examples: Iterable[Example]) -> Texts:
    """The texts of each label."""
    found: Texts = {}
    for example in examples:
        found.setdefault(example.label, []).append(example.text)
    return found


def _ours(known: set[str]) -> list[Texts]:
    """The examples of every taxonomy that ships, but for those ``known`` already: some may be held out."""
    taxonomies = [read_taxonomy(file) for file in shipped().values()]
    return [
        by_label(
            example
            for example in taxonomy.examples()
            if example.label != OUT_OF_SCOPE and example.text not in known
        )
        for taxonomy in taxonomies
    ]


def _try(data: TrainingData, held: NDArray[np.bool_], *, seed: int) -> _Trial:
    asked = np.flatnonzero(held)
    scores = data.scores(np.flatnonzero(~held), asked, seed=seed)
    weights = weigh_heads(scores, data.labels[asked])
    return _Trial(data, weights, HeldOut.of(data.labels[asked], scores, weights))
