"""How soon an incident is flagged, and how often one that is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from evals.measures import Measures
from evals.report import Report, Stopwatch
from evals.simulators.incident_counts import FAINT, ContactCentre, Counts, Injected
from signals.predictions.incident_baseline import Baseline
from signals.predictions.incidents import BINS_OF_A_MONTH, IncidentDetector

LEARNT_FROM, QUIET, TROUBLED = 8, 26, 4  # weeks of each seed
BOUND = 30  # minutes
_START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
_AFTER = 12  # bins after an incident in which an alarm about its intent is about it still
_MINUTES = 5
_MISSED = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Minutes from the beginning of each incident to its flag (none: missed), and alarms about nothing."""

    minutes: tuple[float | None, ...]
    kinds: tuple[str, ...]
    false: int
    bins: int


def evaluate_incidents(
    seeds: Sequence[int], *, learnt_from: int = LEARNT_FROM, quiet: int = QUIET, troubled: int = TROUBLED
) -> Report:
    """Minutes to flag, the share of incidents flagged within 30, and false alarms a month over quiet weeks.

    ``false_alarms_troubled`` are those a month in the weeks that have an incident every day. An incident
    that is missed counts as flagged at its end, two hours after it began. Faint incidents are told apart
    and in no other number.
    """
    stopwatch, measures = Stopwatch(), Measures()
    runs = [_run(seed, learnt_from, quiet, troubled) for seed in seeds]
    found = [(m, kind) for _, run in runs for m, kind in zip(run.minutes, run.kinds, strict=True)]
    clear = [m for m, kind in found if kind != FAINT]
    minutes = np.array([_MISSED if m is None else m for m in clear])
    measures.share("within_30_minutes", int((minutes <= BOUND).sum()), len(minutes))
    measures.statistic("median_minutes", len(minutes), lambda places: float(np.median(minutes[places])))
    measures.statistic("p95_minutes", len(minutes), lambda places: float(np.quantile(minutes[places], 0.95)))
    measures.number("slowest_minutes", float(minutes.max()))
    measures.number("missed", sum(m is None for m in clear))
    for kind in sorted({kind for _, kind in found}):
        own = [m for m, is_kind in found if is_kind == kind]
        measures.share(f"within_30_{kind}", sum(m is not None and m <= BOUND for m in own), len(own))
    measures.mean("false_alarms_a_month", [_a_month(calm) for calm, _ in runs])
    measures.number("false_alarms_worst_seed", max(_a_month(calm) for calm, _ in runs))
    measures.mean("false_alarms_troubled", [_a_month(run) for _, run in runs])
    return stopwatch.report("incidents", "simulated", len(found), measures)


def _run(seed: int, learnt_from: int, quiet: int, troubled: int) -> tuple[Outcome, Outcome]:
    """Of the quiet weeks and of those with incidents, by a detector that learnt from other quiet ones."""
    centre = ContactCentre(seed)
    baseline = Baseline.fit(centre.intents, centre.quiet(learnt_from), start=_START)
    calm = watch(baseline, centre.quiet(quiet), [])
    return calm, watch(baseline, *centre.troubled(troubled))


def watch(baseline: Baseline, counts: Counts, injected: Sequence[Injected]) -> Outcome:
    """What a detector says of ``counts``, which begin on a Monday at midnight."""
    detector, minutes, false = IncidentDetector(baseline, start=_START), dict[int, float](), 0
    for place, row in enumerate(counts):
        for incident in detector.step(row):
            intent = baseline.intents.index(incident.intent)
            about = _about(injected, intent, place)
            if about is None:
                false += 1
            else:  # the bin has to be over before anybody knows what was in it
                minutes.setdefault(about, (place + 1 - injected[about].begins) * _MINUTES)
    kinds = tuple(one.kind for one in injected)
    return Outcome(tuple(minutes.get(place) for place in range(len(injected))), kinds, false, len(counts))


def _about(injected: Sequence[Injected], intent: int, place: int) -> int | None:
    return next(
        (
            number
            for number, one in enumerate(injected)
            if one.intent == intent and one.begins <= place < one.ends + _AFTER
        ),
        None,
    )


def _a_month(outcome: Outcome) -> float:
    return outcome.false * BINS_OF_A_MONTH / outcome.bins
