"""Whether an intent spikes just now: a baseline learnt every night, counts looked at every few minutes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from kit.ids import WorkspaceId
from signals.duties import Duties
from signals.predictions.contact_counts import BinCounts, bin_counts, first_contact, floor_to_bin
from signals.predictions.incident_baseline import LEAST_WEEKS, Baseline
from signals.predictions.incidents import Incident, IncidentDetector
from store.engine import Database

BASELINE_DUTY, DUTY = "baseline", "incidents"
_WEEK = timedelta(weeks=1)
_LEARNT_FROM = 8  # weeks at the most: the season of before is another
_RUN_UP = timedelta(days=2)  # what a detector looks back on: its level forgets a day in a day
_REMEMBERED = timedelta(days=7)  # how long an incident that is over is still told


class IncidentWatch:
    """Learns what is usual in a workspace, and tells what is not. ``false_alarms`` are accepted a month."""

    def __init__(self, database: Database, duties: Duties, *, false_alarms: float = 1.0) -> None:
        self._database = database
        self._duties = duties
        self._false_alarms = false_alarms

    async def learn(self, workspace: WorkspaceId, *, at: datetime) -> dict[str, Any]:
        """The baseline of the last whole weeks as JSON; or how many days there are, where too few."""
        async with self._database.read() as connection:
            first = await first_contact(connection, workspace)
            known = timedelta(0) if first is None else at - first
            weeks = min(_LEARNT_FROM, known // _WEEK)
            if weeks < LEAST_WEEKS:
                return {"days_known": known.days, "days_needed": 7 * LEAST_WEEKS}
            found = await bin_counts(connection, workspace, since=at - weeks * _WEEK, until=at)
        if not found.intents:
            return {"days_known": 0, "days_needed": 7 * LEAST_WEEKS}
        baseline = await asyncio.to_thread(Baseline.fit, found.intents, found.counts, start=found.start)
        return {"baseline": _record(baseline), "weeks": weeks}

    async def look(self, workspace: WorkspaceId, *, at: datetime) -> dict[str, Any]:
        """Incidents that are open, and those of the last week that are over, as JSON.

        Of a workspace without a baseline, how many days of contacts there are and how many it needs.
        """
        learnt = await self._duties.last(workspace, BASELINE_DUTY)
        if learnt is None or learnt.result is None or "baseline" not in learnt.result:
            missing = {} if learnt is None or learnt.result is None else learnt.result
            return {"days_known": missing.get("days_known"), "days_needed": 7 * LEAST_WEEKS}
        baseline = _baseline(learnt.result["baseline"])
        async with self._database.read() as connection:
            found = await bin_counts(
                connection, workspace, since=at - _RUN_UP, until=at, intents=baseline.intents
            )
        raised, still = await asyncio.to_thread(self._watch, baseline, found)
        before = await self._duties.last(workspace, DUTY)
        told = {} if before is None or before.result is None else before.result
        incidents = _followed(told, raised, still, at=floor_to_bin(at))
        return {"incidents": incidents, "looked_at": floor_to_bin(at).isoformat()}

    def _watch(self, baseline: Baseline, found: BinCounts) -> tuple[list[Incident], set[str]]:
        detector = IncidentDetector(baseline, start=found.start, false_alarms_a_month=self._false_alarms)
        raised = [incident for row in found.counts for incident in detector.step(row)]
        return raised, set(detector.open)


def _followed(
    before: Mapping[str, Any], raised: Sequence[Incident], still: set[str], *, at: datetime
) -> list[dict[str, Any]]:
    """What was told ``before`` and what is new, the youngest first; what is not open ``still`` ends ``at``.

    The counts of two days are read again each time: of what was ``raised`` in them only what came after the
    last look is new, and of an intent whose incident is open nothing is.
    """
    looked = before.get("looked_at")
    known = [dict(one) for one in before.get("incidents", [])]
    for one in known:
        if one["ended_at"] is None and one["intent"] not in still:
            one["ended_at"] = at.isoformat()
    is_open = {one["intent"] for one in known if one["ended_at"] is None}
    for new in raised:
        if (looked is None or new.at > datetime.fromisoformat(looked)) and new.intent not in is_open:
            ended = None if new.intent in still else at.isoformat()
            known.append({**_incident(new), "ended_at": ended})
            is_open |= {new.intent} if ended is None else set()
    kept = [one for one in known if one["ended_at"] is None or _age(one, at) < _REMEMBERED]
    return sorted(kept, key=lambda one: str(one["at"]), reverse=True)


def _age(incident: Mapping[str, Any], at: datetime) -> timedelta:
    return at - datetime.fromisoformat(incident["ended_at"])


def _incident(one: Incident) -> dict[str, Any]:
    return {
        "intent": one.intent,
        "since": one.since.isoformat(),
        "at": one.at.isoformat(),
        "count": one.count,
        "expected": round(one.expected, 2),
    }


def _record(baseline: Baseline) -> dict[str, Any]:
    return {
        "intents": list(baseline.intents),
        "rates": baseline.rates.tolist(),
        "doubt": baseline.doubt.tolist(),
        "dispersion": baseline.dispersion.tolist(),
    }


def _baseline(record: Mapping[str, Any]) -> Baseline:
    arrays = (np.array(record[name], dtype=np.float64) for name in ("rates", "doubt", "dispersion"))
    return Baseline(tuple(record["intents"]), *arrays)
