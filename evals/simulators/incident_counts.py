"""Counts of intents in bins of five minutes, with incidents put in whose beginning is known.

Rates follow the hour of the day and the day of the week, differently for each intent, times a level that is
drawn for each day (log-normal, 10 %), and bins vary more than Poisson's (gamma, dispersion 0.02 to 0.15).
The detector knows neither number; it has no term for the level of a day but a slow one. Incidents come on
top: an outage, a broken release that is rolled out over 20 minutes, a campaign, each some times the mean
rate of its intent and at least 3 contacts in five minutes; and faint ones, of 1 contact or the mean rate if
that is more, which show where the limit is. By night half of it comes, as most customers are asleep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

BINS_OF_A_DAY, BINS_OF_A_WEEK = 288, 2016
_INTENTS = 12
_DAY_SPREAD = 0.10
_LASTS = 24  # bins: two hours
# By kind: times the mean rate of the intent that comes on top, from and to; bins until it is all there.
_KINDS = {
    "outage": ((6.0, 15.0), 1),
    "release": ((4.0, 8.0), 4),
    "campaign": ((3.0, 6.0), 1),
    "faint": ((0.0, 1.0), 1),
}
_LEAST_EXTRA = {"faint": 1.0}  # contacts in a bin; 3 for the others: 36 an hour where all are awake
FAINT = "faint"


@dataclass(frozen=True, slots=True)
class Injected:
    """An incident of ``intent`` (its place) from ``begins`` up to ``ends`` (bins)."""

    kind: str
    intent: int
    begins: int
    ends: int


class ContactCentre:
    """A centre of twelve intents, drawn from a seed; what it draws begins on a Monday at midnight."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.intents = tuple(f"intent_{place:02d}" for place in range(_INTENTS))
        self._means = np.exp(self._random.uniform(np.log(0.1), np.log(3.0), _INTENTS))
        self._dispersion = self._random.uniform(0.02, 0.15, _INTENTS)
        self._shape = self._weekly_shape()

    def quiet(self, weeks: int) -> Counts:
        """Counts without an incident, an array of bin and intent."""
        return self._counts(weeks, np.zeros((weeks * BINS_OF_A_WEEK, _INTENTS)))

    def troubled(self, weeks: int) -> tuple[Counts, list[Injected]]:
        """Counts with one incident a day, at any hour, of a kind and an intent that are drawn."""
        extra, injected = np.zeros((weeks * BINS_OF_A_WEEK, _INTENTS)), []
        for day in range(weeks * 7):
            begins = day * BINS_OF_A_DAY + int(self._random.integers(0, BINS_OF_A_DAY - 2 * _LASTS))
            kind = str(self._random.choice(list(_KINDS)))
            intent = int(self._random.integers(_INTENTS))
            (low, high), until = _KINDS[kind]
            size = max(
                _LEAST_EXTRA.get(kind, 3.0), float(self._random.uniform(low, high) * self._means[intent])
            )
            ramp = np.minimum((np.arange(_LASTS) + 1) / until, 1.0)
            activity = 0.5 + 0.5 * self._shape[np.arange(begins, begins + _LASTS) % BINS_OF_A_WEEK, intent]
            extra[begins : begins + _LASTS, intent] += size * ramp * activity
            injected.append(Injected(kind, intent, begins, begins + _LASTS))
        return self._counts(weeks, extra), injected

    def _counts(self, weeks: int, extra: Floats) -> Counts:
        levels = np.exp(self._random.normal(0, _DAY_SPREAD, (weeks * 7, _INTENTS)))
        rates = np.tile(self._shape, (weeks, 1)) * self._means * np.repeat(levels, BINS_OF_A_DAY, axis=0)
        shape = 1 / self._dispersion
        noisy = self._random.gamma(shape, (rates + extra) / shape)
        return self._random.poisson(noisy)

    def _weekly_shape(self) -> Floats:
        """Times the mean rate at each bin of the week, by intent; the mean is 1."""
        hour = (np.arange(BINS_OF_A_WEEK) % BINS_OF_A_DAY)[:, None] / 12
        peak = self._random.uniform(10, 17, _INTENTS)
        depth = self._random.uniform(0.5, 0.9, _INTENTS)
        weekend = self._random.uniform(0.3, 1.0, _INTENTS)
        shape = 1 + depth * np.cos((hour - peak) * np.pi / 12)
        days = np.arange(BINS_OF_A_WEEK) // BINS_OF_A_DAY
        shape = np.where((days >= 5)[:, None], weekend, 1.0) * shape
        return np.asarray(shape / shape.mean(axis=0), float)
