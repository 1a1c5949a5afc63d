"""Whether one model is better than another on the same messages, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from inference.embeddings import Encoder
from triage.examples import OUT_OF_SCOPE, Example
from triage.model import IntentModel

_DRAWS = 2000
_CONFIDENCE = 0.95
_CHANCE = 0.05  # how likely what is called a loss of a label would be if nothing had changed
_FEWEST_OF_LABEL = 3
_KNOWN = 0.5  # of a label's messages right: what was not known cannot be lost
_ACCURACY_LOSS = 0.2
_HALVED = 0.5  # of the probability that the true label had
# Five replays of one company's live messages, five shots of each label: corrections that rename the commonest
# label left 1 % to 4 % of its probability on trusted messages, honest ones 30 % of any label's at worst.
_DRAINED = 0.1
_NOTICEABLE = 0.1  # probability below which there is nothing to drain


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model made of messages: whether it was ``right``, and the probability of the ``truth``."""

    labels: tuple[str, ...]
    right: NDArray[np.bool_]
    truth: NDArray[np.float64]

    def __add__(self, other: Judgement) -> Judgement:
        """The judgement of both sets of messages, one after the other."""
        return Judgement(
            self.labels + other.labels,
            np.concatenate([self.right, other.right]),
            np.concatenate([self.truth, other.truth]),
        )


@dataclass(frozen=True, slots=True)
class Paired:
    """Accuracy on the same ``n`` messages, and the 95 % interval of the difference (``low``, ``high``).

    ``gained`` messages only the second model has right, ``lost`` only the first.
    """

    n: int
    before: float
    after: float
    low: float
    high: float
    gained: int
    lost: int

    @property
    def difference(self) -> float:
        """In [-1, 1]; above 0 the second model is better."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class LabelLoss:
    """A label that the second model knows worse: accuracy on its ``n`` messages, and mean probability."""

    label: str
    n: int
    before: float
    after: float
    probability_before: float
    probability_after: float

    @property
    def drained(self) -> bool:
        """Whether hardly any probability is left where there was some."""
        return self.probability_before >= _NOTICEABLE and self._left <= _DRAINED

    @property
    def known(self) -> bool:
        """Whether the first model had half of its messages right."""
        return self.before >= _KNOWN

    @property
    def less_right(self) -> bool:
        """Whether a fifth of its messages fewer are right."""
        return self.before - self.after >= _ACCURACY_LOSS

    @property
    def halved(self) -> bool:
        """Whether half of the probability is left, or less."""
        return self._left <= _HALVED

    @property
    def _left(self) -> float:
        return self.probability_after / max(self.probability_before, 1e-9)


def judge(model: IntentModel, examples: Sequence[Example], encoder: Encoder) -> Judgement:
    """What ``model`` makes of ``examples``.

    A message out of scope is right when it is likelier than not that no label fits; every other one when
    its label is the likeliest.
    """
    found = model.predict([example.text for example in examples], encoder)
    right, truth = [], []
    for example, said in zip(examples, found, strict=True):
        if example.label == OUT_OF_SCOPE:
            truth.append(1 - said.in_scope)
            right.append(said.in_scope < 0.5)
        else:
            truth.append(dict([(said.label, said.probability), *said.others]).get(example.label, 0.0))
            right.append(said.label == example.label)
    labels = tuple(example.label for example in examples)
    return Judgement(labels, np.array(right, bool), np.array(truth, float))


def compare(before: Judgement, after: Judgement, *, seed: int = 0) -> Paired:
    """Paired bootstrap (Efron & Tibshirani 1993, ch. 13) of the difference in accuracy.

    Only how many messages were gained and lost matters, so resampling messages is drawing those two counts
    and the rest from a multinomial distribution.
    """
    n = len(before.right)
    gained = int((after.right & ~before.right).sum())
    lost = int((before.right & ~after.right).sum())
    if not n:
        return Paired(0, 0.0, 0.0, 0.0, 0.0, 0, 0)
    shares = np.array([gained, lost, n - gained - lost]) / n
    draws = np.random.default_rng(seed).multinomial(n, shares, size=_DRAWS)
    differences = (draws[:, 0] - draws[:, 1]) / n
    low, high = np.quantile(differences, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    means = float(before.right.mean()), float(after.right.mean())
    return Paired(n, *means, float(low), float(high), gained, lost)


def label_losses(before: Judgement, after: Judgement) -> list[LabelLoss]:
    """Labels that the second model knows much worse than the first, by more than chance.

    Either a label that was known has a fifth of its messages fewer right, or any label half the probability,
    and an exact sign test on its messages (with fewer than five: on all of them) says that this is no
    accident. Or the label is drained: hardly any of its probability is left, which no chance does. Accuracy
    alone would miss that with a handful of messages, of which one or two were right. No accident is not yet
    anybody's mistake: trusted examples are as many of each label, live messages are not, and a label that
    they hold few of loses to those that they hold many of (``triage.objections``).
    """
    labels = np.array(before.labels)
    losses = []
    for label in sorted(set(before.labels)):
        own = np.flatnonzero(labels == label)
        loss = LabelLoss(
            label,
            len(own),
            *(float(judged.right[own].mean()) for judged in (before, after)),
            *(float(judged.truth[own].mean()) for judged in (before, after)),
        )
        steps = after.right[own].astype(float) - before.right[own].astype(float)
        if len(own) >= _FEWEST_OF_LABEL and _is_lost(loss, steps, after.truth[own] - before.truth[own]):
            losses.append(loss)
    return losses


def _is_lost(loss: LabelLoss, right: NDArray[np.float64], truth: NDArray[np.float64]) -> bool:
    """Whether the label is, given how each of its messages changed."""
    is_less_right = loss.known and loss.less_right and _is_no_accident(right)
    return loss.drained or is_less_right or (loss.halved and _is_no_accident(truth))


def _is_no_accident(steps: NDArray[np.float64]) -> bool:
    """Whether so many of ``steps`` go down that chance would seldom do it (one-sided sign test)."""
    down, moved = int((steps < 0).sum()), int((steps != 0).sum())
    if not moved:
        return False
    by_chance = float(binom.sf(down - 1, moved, 0.5))
    return by_chance <= max(_CHANCE, 0.5 ** len(steps))
