"""Which words speak for the labels that are shown of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from triage.evidence import Asked

# By the place of a label, the labels that exclude one another, with it, and how likely they are.
Contrasts = Mapping[int, Mapping[int, float]]


def asked_of(shown: Sequence[Contrasts], *, number: int) -> Asked:
    """For each label that is ``shown`` of each message what its logit is set against, of ``number`` labels.

    That is nothing, or the mean of those of the labels that exclude it.
    """
    message: list[int] = []
    row: list[int] = []
    column: list[int] = []
    value: list[float] = []
    for owner, labels in enumerate(shown):
        for label, probabilities in labels.items():
            others = {place: given for place, given in probabilities.items() if place != label}
            total = sum(others.values())
            weights = [-given / total if total > 0 else -1 / len(others) for given in others.values()]
            row += [len(message)] * (1 + len(others))
            column += [label, *others]
            value += [1.0, *weights]
            message.append(owner)
    toward = np.zeros((len(message), number), np.float32)
    toward[row, column] = value
    return Asked(np.array(message, np.intp), toward)
