"""Whose corrections contradict what is well known, far more often than anybody else's do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from inference.embeddings import Encoder
from triage.corrections import Correction, CorrectionSource
from triage.examples import OUT_OF_SCOPE
from triage.model import IntentModel

_CONFIDENT = 0.8  # a calibrated model is wrong about one in ten of what it is this sure of
_FEWEST = 5  # contradictions; a bad afternoon is no attack
_TIMES = 2.0  # as often as the others
_CHANCE = 0.001  # one batch in a thousand honest ones is held back


@dataclass(frozen=True, slots=True)
class Batch:
    """The corrections of one person by one way in, as the live model sees them.

    Of ``confident`` corrections of messages that the model was sure of, ``contradicted`` say otherwise;
    ``others_rate`` is that share among everybody else's.
    """

    source: CorrectionSource
    who: str
    corrections: int
    confident: int
    contradicted: int
    others_rate: float

    @property
    def rate(self) -> float:
        """Share of what the model was sure of that they contradict."""
        return self.contradicted / self.confident if self.confident else 0.0


def suspicious(corrections: Sequence[Correction], live: IntentModel, encoder: Encoder) -> list[Batch]:
    """Batches that contradict ``live`` where it is sure, far more than everybody else's corrections do.

    By Fisher's exact test, one-sided. Who corrects only what is wrong contradicts often, and so do their
    colleagues; whoever renames a label, or answers at random, contradicts more. A single person has nobody
    to be compared with: the trusted examples stand guard there.
    """
    sure, contradicted = _contradictions(corrections, live, encoder)
    keys = [(correction.source, correction.who) for correction in corrections]
    found = []
    for key in sorted(set(keys)):
        own = np.array([each == key for each in keys])
        theirs = int((sure & own).sum()), int((contradicted & own).sum())
        others = int((sure & ~own).sum()), int((contradicted & ~own).sum())
        if _stands_out(theirs, others):
            found.append(Batch(*key, int(own.sum()), *theirs, others[1] / others[0]))
    return found


def _contradictions(
    corrections: Sequence[Correction], live: IntentModel, encoder: Encoder
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the model was sure of each message, and whether it then was said to be wrong.

    A label that the model does not know, and that no label fits, is news rather than contradiction.
    """
    known = {*live.labels}
    said = live.predict([correction.text for correction in corrections], encoder)
    sure = [
        found.probability * found.in_scope >= _CONFIDENT
        and correction.became in known
        and correction.became != OUT_OF_SCOPE
        for correction, found in zip(corrections, said, strict=True)
    ]
    differs = [found.label != correction.became for correction, found in zip(corrections, said, strict=True)]
    return np.array(sure, bool), np.array(sure, bool) & np.array(differs, bool)


def _stands_out(theirs: tuple[int, int], others: tuple[int, int]) -> bool:
    if theirs[1] < _FEWEST or not others[0]:
        return False
    if theirs[1] / theirs[0] < _TIMES * others[1] / others[0]:
        return False
    table = [[theirs[1], theirs[0] - theirs[1]], [others[1], others[0] - others[1]]]
    return float(fisher_exact(table, alternative="greater")[1]) < _CHANCE
