"""How many contacts each queue will have, and whether its people can answer them, refreshed every night."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import partial
from typing import Any

from kit.ids import WorkspaceId
from signals.errors import CountsInvalid
from signals.predictions.contact_counts import DailyCounts, daily_counts
from signals.predictions.forecast import LEAST_DAYS, forecast
from signals.predictions.staffing import find_shortage
from store.engine import Database
from triage.calendars import public_holidays

DUTY = "forecast"
AHEAD = 28  # days
_HISTORY = 1095  # days: three years, of which a year's season is seen


@dataclass(frozen=True, slots=True)
class Staffing:
    """``capacity`` is what a queue's people can answer from Monday to Sunday; ``country`` has holidays."""

    zone: tzinfo
    capacity: Mapping[str, Sequence[float]]
    country: str | None = None


class ContactOutlook:
    """Forecasts the contacts of a workspace, queue by queue."""

    def __init__(self, database: Database, staffing: Staffing) -> None:
        self._database = database
        self._staffing = staffing

    async def refresh(self, workspace: WorkspaceId, *, at: datetime) -> dict[str, Any]:
        """For each queue its days to come and the first week that its people cannot answer, as JSON.

        A queue with too little history has ``days_known`` and ``days_needed`` instead.
        """
        async with self._database.read() as connection:
            known = await daily_counts(
                connection, workspace, days=_HISTORY, until=at, zone=self._staffing.zone
            )
        return {"queues": [await asyncio.to_thread(self._queue, one) for one in known]}

    def _queue(self, known: DailyCounts) -> dict[str, Any]:
        named: dict[str, Any] = {"queue": known.queue, "days_known": len(known.counts)}
        if len(known.counts) < LEAST_DAYS:
            return {**named, "days_needed": LEAST_DAYS}
        try:
            coming = forecast(
                known.counts,
                start=known.start,
                ahead=AHEAD,
                is_holiday=partial(is_holiday, country=self._staffing.country),
            )
        except CountsInvalid as error:
            return {**named, "days_needed": LEAST_DAYS, "why": error.detail}
        found = {**named, "coverage": coming.coverage, "days": [_json(asdict(day)) for day in coming.days]}
        capacity = self._staffing.capacity.get(known.queue)
        if capacity is not None:
            short = find_shortage(known.queue, coming, counts=known.counts, capacity=capacity)
            found["shortage"] = None if short is None else {**_json(asdict(short)), "reason": short.reason}
        return found


def is_holiday(day: date, *, country: str | None) -> bool:
    """Whether ``day`` is a public holiday of ``country``; no day is one of none."""
    return country is not None and day in public_holidays(country, None, day.year)


def _json(value: Any) -> Any:  # noqa: ANN401 (whatever is in a dataclass)
    match value:
        case dict():
            return {name: _json(one) for name, one in value.items()}
        case list() | tuple():
            return [_json(one) for one in value]
        case date():
            return value.isoformat()
        case float() if math.isinf(value):
            return None  # growth against weeks that had no contact
        case timedelta():
            return value.total_seconds()
        case _:
            return value
