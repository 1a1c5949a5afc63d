"""When an intent spikes: an outage, a broken release, a campaign that went wrong.

A cumulative sum of log likelihood ratios for each intent and for each of a few sizes of spike (Page 1954).
Such a sum passes h once in e^h bins at the least where nothing is wrong (Lorden 1971), whatever the season,
so that the false alarms accepted in a month say where h is: not quite as high, as the bound is loose.
What is compared with is not the mean but a little more, as the mean is known from a few weeks only; how much
more was chosen on simulated centres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from signals.errors import CountsInvalid
from signals.predictions.incident_baseline import BIN, Baseline

Floats = NDArray[np.float64]

BINS_OF_A_MONTH = 30 * 24 * 12
_FACTORS = np.array([3.0, 6.0, 12.0, 24.0])[:, None]  # a spike between two of them is caught by both
# How many times fewer false alarms there are than the bound says, as simulated centres have it: sums of
# several sizes rise together, and a baseline is a little above what is usual. With 15 alarms came near the
# budget.
OVERSTATED = 8.0
_MEMORY = math.exp(-1 / (24 * 12))  # the level follows a day behind, as quiet and busy days do
_PRIOR = 50.0  # contacts by which a level is drawn to 1
_HELD = 3.0  # what one bin may say of the level: this many times the expected, and this many contacts more
_CALM_BINS = 6  # half an hour as expected ends an incident
_CALM = 2.0  # standard deviations


@dataclass(frozen=True, slots=True)
class Incident:
    """An intent of which more is heard than its season explains.

    ``count`` contacts came between ``since`` and ``at``, where ``expected`` would have been usual.
    """

    intent: str
    since: datetime
    at: datetime
    count: int
    expected: float

    @property
    def reason(self) -> str:
        """One sentence for those who look after it."""
        minutes = round((self.at - self.since) / timedelta(minutes=1))
        return (
            f"{self.count} contacts about {self.intent} in {minutes} minutes since "
            f"{self.since:%Y-%m-%d %H:%M}, where {self.expected:.1f} are usual."
        )


class IncidentDetector:
    """Told the counts of one bin after the other, it says which intents spike; each incident once.

    An incident is over when half an hour was as expected. A change that stays does not end: fit the baseline
    again, every night or so, on weeks without the incidents.
    """

    def __init__(self, baseline: Baseline, *, start: datetime, false_alarms_a_month: float = 1.0) -> None:
        """``start`` is when the first bin begins; the budget is over all intents together.

        Raises ``CountsInvalid`` for a budget that is not above 0.
        """
        if false_alarms_a_month <= 0:
            raise CountsInvalid("The false alarms accepted in a month have to be more than 0.")
        intents = len(baseline.intents)
        self._baseline = baseline
        self._now = start
        self.threshold = math.log(
            BINS_OF_A_MONTH * intents * len(_FACTORS) / (false_alarms_a_month * OVERSTATED)
        )
        self._size = 1 / baseline.dispersion
        self._sums = np.zeros((len(_FACTORS), intents))
        self._ages = np.zeros((len(_FACTORS), intents), dtype=np.intp)  # bins since a sum was last 0
        self._counted, self._foreseen = np.zeros_like(self._sums), np.zeros_like(self._sums)
        self._seen, self._usual = np.zeros(intents), np.zeros(intents)  # of the level, forgotten over a day
        self._open = np.zeros(intents, dtype=np.bool_)
        self._last_seen, self._last_usual = np.zeros((_CALM_BINS, intents)), np.zeros((_CALM_BINS, intents))
        self._place = 0

    @property
    def open(self) -> tuple[str, ...]:
        """Intents with an incident that is not over."""
        return tuple(
            intent for intent, is_open in zip(self._baseline.intents, self._open, strict=True) if is_open
        )

    def step(self, counts: Sequence[int] | NDArray[np.integer]) -> list[Incident]:
        """Incidents that the next bin makes certain; ``counts`` are in the order of the baseline's intents.

        Raises ``CountsInvalid`` where there is not one count for each, or one is negative.
        """
        seen = np.asarray(counts, dtype=np.float64)
        if seen.shape != self._open.shape or (seen < 0).any():
            raise CountsInvalid(f"A bin needs {len(self._open)} counts of 0 or more.")
        season = self._baseline.expected(self._now)
        usual = season * (_PRIOR + self._seen) / (_PRIOR + self._usual)
        self._now += BIN
        self._close(seen, usual)
        self._add(seen, usual, self._baseline.tolerance(self._now - BIN) * usual)
        alarms = (self._sums >= self.threshold).any(axis=0) & ~self._open
        incidents = [self._incident(int(place)) for place in np.flatnonzero(alarms)]
        self._open |= alarms
        self._follow(seen, season)
        return incidents

    def _add(self, seen: Floats, usual: Floats, most: Floats) -> None:
        raised = _FACTORS * most
        ratio = seen * np.log(_FACTORS) - (seen + self._size) * np.log(
            (self._size + raised) / (self._size + most)
        )
        self._sums = np.where(self._open, 0.0, np.maximum(self._sums + ratio, 0.0))
        going = self._sums > 0
        self._ages = np.where(going, self._ages + 1, 0)
        self._counted = np.where(going, self._counted + seen, 0.0)
        self._foreseen = np.where(going, self._foreseen + usual, 0.0)

    def _incident(self, place: int) -> Incident:
        surest = int(np.argmax(self._sums[:, place]))
        return Incident(
            intent=self._baseline.intents[place],
            since=self._now - int(self._ages[surest, place]) * BIN,
            at=self._now,
            count=int(self._counted[surest, place]),
            expected=float(self._foreseen[surest, place]),
        )

    def _close(self, seen: Floats, usual: Floats) -> None:
        self._last_seen[self._place], self._last_usual[self._place] = seen, usual
        self._place = (self._place + 1) % _CALM_BINS
        if not self._open.any():
            return
        total = self._last_usual.sum(axis=0)
        spread = np.sqrt(total + (self._last_usual**2).sum(axis=0) / self._size)
        self._open &= self._last_seen.sum(axis=0) > total + _CALM * spread

    def _follow(self, seen: Floats, season: Floats) -> None:
        """Let the level follow: not during an incident, and by no bin more than it could say in peace."""
        calm = ~self._open
        held = np.minimum(seen, _HELD * season + _HELD)
        self._seen = np.where(calm, _MEMORY * self._seen + held, self._seen)
        self._usual = np.where(calm, _MEMORY * self._usual + season, self._usual)
