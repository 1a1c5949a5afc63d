"""The parts of insights, together, as routes and commands call them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from insights.delivery.ledger import DigestLedger
from insights.delivery.sender import Sender
from insights.digester import Digester
from insights.plan import Plan
from insights.week import Week
from kit.clock import Clock
from kit.ids import WorkspaceId


@dataclass(frozen=True, slots=True)
class InsightParts:
    """``zone`` is that of workspaces whose plan names none."""

    digester: Digester
    sender: Sender
    ledger: DigestLedger
    plans: Mapping[WorkspaceId, Plan]
    zone: ZoneInfo
    clock: Clock

    def week(self, workspace: WorkspaceId, text: str) -> Week:
        """The week of ``text`` in the time zone of the workspace. Raises ``WeekInvalid``."""
        plan = self.plans.get(workspace)
        return Week.parse(text, self.zone if plan is None else plan.zone, now=self.clock.now())
