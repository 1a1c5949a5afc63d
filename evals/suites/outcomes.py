"""Whether what sales says of signals makes the next ones better, and again after the world has changed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals.measures import Measures
from evals.report import Report, Stopwatch
from evals.simulators.outcome_desk import START, Candidate, OutcomeDesk
from evals.simulators.outcome_world import A_WEEK, BEFORE, KINDS, SHIFT, OutcomeWorld, Written
from inference.embeddings import Encoder
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE
from signals.worth.worth_learning import Aims
from store.access import Access
from store.engine import Database, sqlite_url
from store.migrate import upgrade
from triage.labels import Triage
from triage.message import Message
from triage.similar_texts import RememberingEncoder

Floats = NDArray[np.float64]
Triaged = Callable[[Sequence[Message]], Sequence[Triage]]
Noted = Callable[[str], None]

WEEKS_BEFORE, WEEKS_AFTER = 5, 4  # the first week of either has no outcome of its world yet
AIMS = Aims()
_CUSTOMERS_A_MESSAGE = 20  # one customer in twenty writes in a week


@dataclass(frozen=True, slots=True)
class _Rows:
    """Candidates of one kind and week over all seeds, as columns."""

    seed: NDArray[np.intp]
    detected: Floats
    learnt: Floats
    chance: Floats
    told: NDArray[np.bool_]
    worth: NDArray[np.bool_]


def evaluate_outcomes(
    seeds: Sequence[int],
    encoder: Encoder,
    triaged: Triaged,
    *,
    aims: Aims = AIMS,
    before: int = WEEKS_BEFORE,
    after: int = WEEKS_AFTER,
    a_week: int = A_WEEK,
    noted: Noted = lambda _: None,
) -> Report:
    """Precision of ``upsell`` and ``churn_risk`` by week, over simulated worlds that change after ``before``.

    ``KIND_learnt_wN`` is the precision in week N at the recall of ``aims``, of the messages that the detector
    would tell, in the order of the probabilities in force when each came; ``KIND_detector_wN`` in the
    detector's own order, ``KIND_bayes_wN`` in that of the true chances, which nobody knows. ``KIND_rise`` is
    that of learnt from the first week to the last before the change, ``KIND_gain`` the same against the
    detector in that last week; ``KIND_after_shift`` and ``KIND_recovered`` are the gains in the first and
    last week after the change. ``told`` are precision and recall of what was told in fact.
    """
    stopwatch, remembering = Stopwatch(), RememberingEncoder(encoder)
    found: list[tuple[int, Candidate]] = []
    for seed in seeds:
        world = OutcomeWorld(seed, customers=_CUSTOMERS_A_MESSAGE * a_week, a_week=a_week)
        messages = [world.week(week, BEFORE if week < before else SHIFT) for week in range(before + after)]
        heard = asyncio.run(_run(world, messages, remembering, triaged, aims=aims, noted=noted))
        found += [(seed, one) for one in heard]
        noted(f"seed {seed}: {len(heard)} candidates")
    measures = Measures()
    for kind in KINDS:
        weeks = [_rows(found, kind, week) for week in range(before + after)]
        _add_weeks(measures, kind, weeks, aims.recall)
        _add_change(measures, kind, weeks, before=before, recall=aims.recall)
    return stopwatch.report("outcomes", "simulated", len(found), measures)


def precision_at_recall(scores: Floats, worth: NDArray[np.bool_], recall: float) -> float:
    """The precision of the highest ``scores`` that hold ``recall`` of what is ``worth``; NaN of nothing."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(worth[order])
    if not len(hits) or hits[-1] == 0:
        return float("nan")
    place = int(np.argmax(hits >= recall * hits[-1]))
    return float(hits[place] / (place + 1))


async def _run(
    world: OutcomeWorld,
    messages: Sequence[Sequence[Written]],
    encoder: RememberingEncoder,
    triaged: Triaged,
    *,
    aims: Aims,
    noted: Noted,
) -> list[Candidate]:
    texts = sorted({message.text for week in messages for message in week})
    read = dict(zip(texts, triaged([Message(text) for text in texts]), strict=True))
    with tempfile.TemporaryDirectory(prefix="careloop-outcomes-") as folder:
        url = sqlite_url(Path(folder) / "outcomes.db")
        await asyncio.to_thread(upgrade, url)
        database = Database(url)
        try:
            await Access(database, ManualClock(START)).ensure_workspace(DEFAULT_WORKSPACE, name="Simulated")
            desk = OutcomeDesk(world, database, encoder, aims=aims)
            await desk.open()
            found = []
            for number, week in enumerate(messages):
                found += await desk.hear(number, week, read=read)
            for at, kind, why in await desk.learnt():
                noted(f"day {(at - START).days}: {kind}: {why}")
        finally:
            await database.close()
    return found


def _rows(found: Sequence[tuple[int, Candidate]], kind: str, week: int) -> _Rows:
    own = [(seed, one) for seed, one in found if one.kind == kind and one.week == week]
    return _Rows(
        np.array([seed for seed, _ in own], dtype=np.intp),
        np.array([one.detected for _, one in own]),
        np.array([one.learnt for _, one in own]),
        np.array([one.chance for _, one in own]),
        np.array([one.told for _, one in own], dtype=np.bool_),
        np.array([one.worth for _, one in own], dtype=np.bool_),
    )


def _add_weeks(measures: Measures, kind: str, weeks: Sequence[_Rows], recall: float) -> None:
    for number, rows in enumerate(weeks, start=1):
        for name in ("learnt", "detector", "bayes"):
            measures.statistic(
                f"{kind}_{name}_w{number}", len(rows.seed), partial(_precision, rows, name, recall)
            )
        told = rows.told
        measures.share(f"{kind}_told_precision_w{number}", int(rows.worth[told].sum()), int(told.sum()))
        measures.share(f"{kind}_told_recall_w{number}", int(told[rows.worth].sum()), int(rows.worth.sum()))


def _add_change(measures: Measures, kind: str, weeks: Sequence[_Rows], *, before: int, recall: float) -> None:
    first, last = weeks[0], weeks[before - 1]
    size = len(first.seed)

    def rise(places: NDArray[np.intp]) -> float:
        of_first, of_last = places[places < size], places[places >= size] - size
        if not len(of_first) or not len(of_last):
            return float("nan")
        return _precision(last, "learnt", recall, of_last) - _precision(first, "learnt", recall, of_first)

    measures.statistic(f"{kind}_rise", size + len(last.seed), rise)
    gains = {"gain": last, "after_shift": weeks[before], "recovered": weeks[-1]}
    for name, rows in gains.items():
        measures.statistic(f"{kind}_{name}", len(rows.seed), partial(_gain, rows, recall))


def _gain(rows: _Rows, recall: float, places: NDArray[np.intp]) -> float:
    return _precision(rows, "learnt", recall, places) - _precision(rows, "detector", recall, places)


def _precision(rows: _Rows, by: str, recall: float, places: NDArray[np.intp]) -> float:
    """The mean over seeds of the precision at ``recall``: two worlds have no common order."""
    scores = {"learnt": rows.learnt, "detector": rows.detected, "bayes": rows.chance}[by][places]
    seeds, worth = rows.seed[places], rows.worth[places]
    found = [
        precision_at_recall(scores[seeds == seed], worth[seeds == seed], recall) for seed in np.unique(seeds)
    ]
    return float(np.nanmean(found)) if found and not np.isnan(found).all() else float("nan")
