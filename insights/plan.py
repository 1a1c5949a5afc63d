"""When and to whom the digest of a workspace goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from insights.delivery.channel import Channel
from insights.week import Week
from insights.week_time import WeekTime


@dataclass(frozen=True, slots=True)
class Plan:
    """``send_at`` is in ``zone``; without it nothing is sent but by request."""

    zone: ZoneInfo
    send_at: WeekTime | None = None
    channels: Sequence[Channel] = ()

    def due(self, now: datetime) -> Week | None:
        """The week whose digest was last due: the last that was over at that moment; none without one."""
        if self.send_at is None:
            return None
        local = now.astimezone(self.zone)
        day = local.date() - timedelta(days=(local.weekday() - self.send_at.day) % 7)
        moment = datetime.combine(day, self.send_at.time, tzinfo=self.zone)
        if moment.astimezone(UTC) > now:
            moment = datetime.combine(day - timedelta(days=7), self.send_at.time, tzinfo=self.zone)
        return Week.of(moment, self.zone).earlier(1)
