"""Incidents of a week: the detector of ``signals.predictions.incidents`` over stored contacts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from insights.contact import Contact
from insights.history import Counts
from insights.week import Period, Week
from signals.predictions.incident_baseline import BIN, LEAST_WEEKS, Baseline
from signals.predictions.incidents import Incident, IncidentDetector

_LEAST_HEARD = 20  # times in the weeks before: of a rarer intent no hour is known
_MOST_INTENTS = 40

Heard = Iterable[tuple[str, datetime]]


def incidents(
    contacts: Sequence[Contact], before: Sequence[Counts], *, week: Week, period: Period
) -> tuple[Incident, ...]:
    """Intents that spiked in ``period``, the first first; none where fewer than two weeks came before."""
    known = Counter(intent for counts in before for intent, _ in counts.heard)
    intents = [name for name, count in known.most_common(_MOST_INTENTS) if count >= _LEAST_HEARD]
    if len(before) < LEAST_WEEKS or not intents:
        return ()
    start = week.earlier(len(before)).start
    past = _binned((one for counts in before for one in counts.heard), intents, start, week.start)
    detector = IncidentDetector(Baseline.fit(intents, past, start=start), start=week.start)
    heard = ((turn.intent, turn.at) for one in contacts for turn in one.turns if turn.intent is not None)
    found: list[Incident] = []
    for counts in _binned(heard, intents, week.start, period.end):
        found += detector.step(counts)
    return tuple(found)


def _binned(heard: Heard, intents: Sequence[str], start: datetime, end: datetime) -> NDArray[np.int64]:
    """Counts in bins of five minutes from ``start`` up to ``end``, an array of bin and intent."""
    places = {name: place for place, name in enumerate(intents)}
    counts = np.zeros((max(0, (end - start) // BIN), len(intents)), dtype=np.int64)
    for name, at in heard:
        row = (at - start) // BIN
        if name in places and 0 <= row < len(counts):
            counts[row, places[name]] += 1
    return counts
