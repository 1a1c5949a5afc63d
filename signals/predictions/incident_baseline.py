"""How often each intent is to be expected at an hour of the week, and how much that varies by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from signals.errors import CountsInvalid

Floats = NDArray[np.float64]

BIN = timedelta(minutes=5)
LEAST_WEEKS = 2
_BINS_OF_AN_HOUR, _HOURS_OF_A_WEEK = 12, 168
_PRIOR_BINS = 24  # what an hour of the week is worth beside the shape of all days together: two hours of it
_LEAST_RATE = 1e-4  # contacts in a bin: of what was never seen one is expected in a month or so
_LEAST_DISPERSION = 0.03  # that of an intent with few contacts cannot be told from none


@dataclass(frozen=True, slots=True)
class Baseline:
    """``rates`` are contacts in five minutes, an array of hour of the week (from Monday) and intent.

    They hold in the middle of the hour, with straight lines between. ``doubt`` is the standard error of
    each as a share of it. The variance of a bin with the rate m is m + ``dispersion`` m²: negative
    binomial.
    """

    intents: tuple[str, ...]
    rates: Floats
    doubt: Floats
    dispersion: Floats

    @classmethod
    def fit(cls, intents: Sequence[str], counts: NDArray[np.integer], *, start: datetime) -> Self:
        """From ``counts`` in bins of five minutes from ``start`` on, an array of bin and intent.

        Each hour of the week is drawn toward the product of hour of the day and day of the week, the more
        the less is known of it. Raises ``CountsInvalid`` for less than two weeks, and for counts that
        cannot be.
        """
        least = LEAST_WEEKS * _HOURS_OF_A_WEEK * _BINS_OF_AN_HOUR
        if counts.ndim != 2 or counts.shape[1] != len(intents):
            raise CountsInvalid(f"Counts have the shape {counts.shape}; there are {len(intents)} intents.")
        if len(counts) < least:
            raise CountsInvalid(
                f"A baseline needs {LEAST_WEEKS} weeks ({least} bins); there are {len(counts)}."
            )
        if (counts < 0).any():
            raise CountsInvalid("Counts cannot be negative.")
        values = counts.astype(np.float64)
        hours = hours_of_week(start, len(counts))
        bins = np.bincount(hours, minlength=_HOURS_OF_A_WEEK).astype(float)[:, None]
        sums = np.zeros((_HOURS_OF_A_WEEK, len(intents)))
        np.add.at(sums, hours, values)
        shape = _product(sums / bins)
        known = sums + _PRIOR_BINS * shape
        rates = np.maximum(known / (bins + _PRIOR_BINS), _LEAST_RATE)
        expected = _between(rates, start, len(counts))
        beyond = ((values - expected) ** 2 - expected).sum(axis=0) / (expected**2).sum(axis=0)
        return cls(tuple(intents), rates, 1 / np.sqrt(1 + known), np.maximum(beyond, _LEAST_DISPERSION))

    def expected(self, at: datetime) -> Floats:
        """Contacts of each intent to expect in the bin that begins ``at``."""
        return np.asarray(_between(self.rates, at, 1)[0], float)

    def tolerance(self, at: datetime) -> Floats:
        """How many times the expected are nothing out of the ordinary: 1 and half the standard error.

        A rate that is known from a few contacts may be that much higher without anything having happened.
        """
        return np.asarray(1 + self.doubt[_hour_of_week(at)] / 2, float)


def hours_of_week(start: datetime, bins: int) -> NDArray[np.intp]:
    """Hour of the week, 0 to 167, of each of ``bins`` from ``start`` on."""
    minute = start.minute // 5
    return (_hour_of_week(start) + (minute + np.arange(bins)) // _BINS_OF_AN_HOUR) % _HOURS_OF_A_WEEK


def _hour_of_week(at: datetime) -> int:
    return at.weekday() * 24 + at.hour


def _between(rates: Floats, start: datetime, bins: int) -> Floats:
    """Rates of ``bins`` from ``start`` on: straight lines from the middle of one hour to that of the next."""
    first = _hour_of_week(start) * _BINS_OF_AN_HOUR + start.minute // 5
    hour = (first + np.arange(bins) + 0.5) / _BINS_OF_AN_HOUR - 0.5
    before = np.floor(hour).astype(np.intp)
    share = (hour - before)[:, None]
    after = (before + 1) % _HOURS_OF_A_WEEK
    return np.asarray((1 - share) * rates[before % _HOURS_OF_A_WEEK] + share * rates[after], float)


def _product(means: Floats) -> Floats:
    """Hour of the day times day of the week, as far as ``means`` are a product."""
    by_day = means.reshape(7, 24, -1)
    overall = np.maximum(by_day.mean(axis=(0, 1)), _LEAST_RATE)
    shape = by_day.mean(axis=0)[None] * by_day.mean(axis=1)[:, None] / overall
    return np.asarray(shape.reshape(_HOURS_OF_A_WEEK, -1), float)
