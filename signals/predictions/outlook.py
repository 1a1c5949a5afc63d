"""What a workspace has to expect, together, as routes and commands call it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signals.duties import Duties
from signals.predictions.churn_watch import ChurnWatch
from signals.predictions.contact_outlook import ContactOutlook
from signals.predictions.incident_watch import IncidentWatch
from signals.rounds import Chore


@dataclass(frozen=True, slots=True)
class Outlook:
    """The parts; ``chores`` keep them up to date, and are none where other servers do."""

    duties: Duties
    churn: ChurnWatch
    contacts: ContactOutlook
    incidents: IncidentWatch
    chores: Sequence[Chore] = ()
