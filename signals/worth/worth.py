"""How probable it is that a signal is right, as outcomes teach it: a correction of what the detector said.

The logit is the detector's, moved by a sum: a constant, a slope, the customer's facts, what triage read, and
the message's sentence vector. Every weight is drawn to 0 (a ridge), so that without outcomes nothing moves.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signals.worth.circumstances import Circumstances

Floats = NDArray[np.float64]

FEWEST_OF_A_VALUE = 5  # signals with a fact's value before it is a column: fewer are a customer, not a group
_CERTAIN = 0.99  # a detector's probability beyond which its logit is not taken at its word
_STEPS, _ENOUGH = 30, 1e-7  # of Newton's method
_FREE = 1.0  # ridge on constant and slope, which have all rows to go by
_AXES = 64  # of the vectors of a few hundred messages: beyond them are single messages
_WORDS = "words"


@dataclass(frozen=True, slots=True)
class Case:
    """A signal as the model sees it; ``vector`` is its words', of unit length; none where there are none."""

    seen: Circumstances
    vector: Floats | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What ``what`` (``plan = free``, ``words``) adds to the logit of the detector."""

    what: str
    logit: float


@dataclass(frozen=True, slots=True)
class Worth:
    """``probability`` in (0, 1) that a signal is right, and what moved it there, the strongest first."""

    probability: float
    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """A number's column is (``log`` of it - ``mean``) / ``spread``, the logarithm with its sign kept."""

    mean: float
    spread: float


@dataclass(frozen=True, slots=True)
class WorthModel:
    """``weights`` by column; ``words`` are those of the vector less ``centre``, empty without vectors."""

    constant: float
    slope: float
    weights: Mapping[str, float]
    scales: Mapping[str, Scale]
    centre: Floats
    words: Floats

    def judge(self, case: Case) -> Worth:
        """How probable ``case`` is to be right."""
        said = detector_logit(case.seen)
        moved = [Moved("outcomes in all", self.constant + self.slope * said)]
        columns = columns_of(case.seen, self.scales)
        moved += [
            Moved(name, self.weights[name] * value) for name, value in columns.items() if name in self.weights
        ]
        if case.vector is not None and len(self.words):
            moved.append(Moved(_WORDS, float(self.words @ (case.vector - self.centre))))
        logit = said + sum(one.logit for one in moved)
        return Worth(sigmoid(logit), tuple(sorted(moved, key=lambda one: -abs(one.logit))))

    def probabilities(self, cases: Sequence[Case]) -> Floats:
        """That each is right."""
        return np.array([self.judge(case).probability for case in cases])

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "constant": self.constant,
            "slope": self.slope,
            "weights": dict(self.weights),
            "scales": {name: [scale.mean, scale.spread] for name, scale in self.scales.items()},
            "centre": [round(float(number), 6) for number in self.centre],
            "words": [round(float(number), 6) for number in self.words],
        }

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> WorthModel:
        """The model of what ``record`` gave."""
        return cls(
            record["constant"],
            record["slope"],
            record["weights"],
            {name: Scale(*numbers) for name, numbers in record["scales"].items()},
            np.array(record["centre"], dtype=np.float64),
            np.array(record["words"], dtype=np.float64),
        )


def fit_worth(
    cases: Sequence[Case],
    right: Sequence[bool],
    *,
    weights: Sequence[float],
    ridge: float = 2.0,
    ridge_words: float = 0.15,
) -> WorthModel:
    """A model of ``cases`` that turned out ``right`` or not, each counting ``weights`` times.

    ``ridge`` is the penalty on facts and labels, ``ridge_words`` that on the vector. The same rows make the
    same model.
    """
    scales = _scales(cases)
    named = [columns_of(case.seen, scales) for case in cases]
    counts = Counter(name for columns in named for name in columns)
    names = sorted(name for name, seen in counts.items() if seen >= FEWEST_OF_A_VALUE)
    said = np.array([detector_logit(case.seen) for case in cases])
    facts = np.array([[columns.get(name, 0.0) for name in names] for columns in named]).reshape(
        len(cases), len(names)
    )
    centre, axes, vectors = _vectors(cases)
    table = np.hstack([np.ones((len(cases), 1)), said[:, None], facts, vectors])
    penalty = np.concatenate(
        [np.full(2, _FREE), np.full(len(names), ridge), np.full(vectors.shape[1], ridge_words)]
    )
    found = _newton(table, np.array(right, dtype=np.float64), said, np.array(weights), penalty)
    return WorthModel(
        constant=float(found[0]),
        slope=float(found[1]),
        weights={name: float(weight) for name, weight in zip(names, found[2:], strict=False)},
        scales=scales,
        centre=centre,
        words=axes.T @ found[2 + len(names) :],
    )


def detector_logit(seen: Circumstances) -> float:
    """Of the detector's probability, with certainty taken to be ``_CERTAIN``."""
    probability = min(_CERTAIN, max(1 - _CERTAIN, seen.detected))
    return math.log(probability / (1 - probability))


def columns_of(seen: Circumstances, scales: Mapping[str, Scale]) -> dict[str, float]:
    """Columns by name: 1 for a value of a fact, intent or source; a scaled number for a number."""
    found = {f"source = {seen.source}": 1.0}
    if seen.intent is not None:
        parent = seen.intent.partition(".")[0]
        found |= {f"intent = {parent}": 1.0, f"intent = {seen.intent}": 1.0}
    if seen.sentiment is not None:
        found["sentiment"] = seen.sentiment
    for name, fact in seen.facts.items():
        if isinstance(fact, str | bool):
            found[f"{name} = {str(fact).lower()}"] = 1.0
        elif name in scales:
            scale = scales[name]
            found[name] = float(np.clip((_log(fact) - scale.mean) / scale.spread, -3, 3))
    return found


def sigmoid(logit: float) -> float:
    """In (0, 1)."""
    return 1 / (1 + math.exp(-min(30.0, max(-30.0, logit))))


def _log(number: float) -> float:
    return math.copysign(math.log1p(abs(number)), number)


def _scales(cases: Sequence[Case]) -> dict[str, Scale]:
    numbers: dict[str, list[float]] = {}
    for case in cases:
        for name, fact in case.seen.facts.items():
            if not isinstance(fact, str | bool):
                numbers.setdefault(name, []).append(_log(fact))
    return {
        name: Scale(float(np.mean(values)), spread)
        for name, values in sorted(numbers.items())
        if (spread := float(np.std(values))) > 0
    }


def _vectors(cases: Sequence[Case]) -> tuple[Floats, Floats, Floats]:
    """The mean of all vectors, the axes along which they differ the most, and each case's place on those.

    A case without a vector lies at the mean.
    """
    known = [case.vector for case in cases if case.vector is not None]
    if not known:
        return np.zeros(0), np.zeros((0, 0)), np.zeros((len(cases), 0))
    centre = np.mean(known, axis=0)
    rows = [np.zeros_like(centre) if case.vector is None else case.vector - centre for case in cases]
    _, sizes, axes = np.linalg.svd(np.array(rows), full_matrices=False)
    kept = axes[: min(_AXES, int((sizes > _ENOUGH).sum()))]
    return centre, kept, np.array(rows) @ kept.T


def _newton(table: Floats, right: Floats, offset: Floats, counts: Floats, penalty: Floats) -> Floats:
    """Weights of the least penalised log loss, from 0 on; convex, so that there is one."""

    def loss(weights: Floats) -> float:
        logits = offset + table @ weights
        rows = np.logaddexp(0.0, logits) - right * logits
        return float(counts @ rows + (penalty * weights**2).sum() / 2)

    weights = np.zeros(table.shape[1])
    for _ in range(_STEPS):
        given = 1 / (1 + np.exp(-np.clip(offset + table @ weights, -30, 30)))
        slope = table.T @ (counts * (given - right)) + penalty * weights
        bend = (table * (counts * given * (1 - given))[:, None]).T @ table + np.diag(penalty)
        step, before = np.linalg.solve(bend, slope), loss(weights)
        while (reached := loss(weights - step)) > before and np.abs(step).max() > _ENOUGH:
            step = step / 2  # a whole step overshoots where the detector was sure and wrong
        weights = weights - step
        if before - reached < _ENOUGH:
            break
    return weights
