"""How often corrections uphold what the live model said; a label under another name they never do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.embeddings import Encoder
from triage.corrections import Correction
from triage.examples import OUT_OF_SCOPE
from triage.model import IntentModel

# Live messages differ from what a model was trained on, so it promises too much; twice too much is no rename.
_HELD = 0.5


@dataclass(frozen=True, slots=True)
class Upheld:
    """What corrections made of the ``said`` messages that the live model took for ``label``.

    By the model's probabilities ``expected`` of them are; by the corrections ``upheld``. ``chance`` in [0, 1]
    is how likely so few are, if each were half as likely as the model says.
    """

    label: str
    said: int
    expected: float
    upheld: int
    chance: float


def uphold(corrections: Sequence[Correction], live: IntentModel, encoder: Encoder) -> Mapping[str, Upheld]:
    """By label, for those that ``live`` takes any of the corrected messages for.

    ``live`` must not have learned from ``corrections``. Those out of scope do not count: they are no other
    label's.
    """
    counting = [each for each in corrections if each.became != OUT_OF_SCOPE]
    said: dict[str, list[tuple[float, bool]]] = {}
    found = live.predict([each.text for each in counting], encoder, others=0)
    for correction, one in zip(counting, found, strict=True):
        said.setdefault(one.label, []).append((one.probability, one.label == correction.became))
    return {label: _upheld(label, said[label]) for label in sorted(said)}


def _upheld(label: str, said: Sequence[tuple[float, bool]]) -> Upheld:
    probabilities = np.array([probability for probability, _ in said])
    count = sum(is_upheld for _, is_upheld in said)
    chance = float(_counts(_HELD * probabilities)[: count + 1].sum())
    return Upheld(label, len(said), float(probabilities.sum()), count, chance)


def _counts(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """How likely 0, 1, 2, … of independent events are that are as likely as ``probabilities``."""
    found = np.ones(1)
    for probability in probabilities.tolist():
        found = np.convolve(found, [1 - probability, probability])
    return np.asarray(found, np.float64)
