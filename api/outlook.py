"""What is to be expected: contacts of each queue, and intents that spike."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import OutlookDep, SignalReader
from api.outlook_models import ContactForecast, IncidentList
from api.problems import NOT_FOUND, problems
from signals.predictions import contact_outlook, incident_watch

router = APIRouter(prefix="/v1/insights", tags=["insights"], responses=problems(NOT_FOUND))


@router.get("/forecast", operation_id="get_contact_forecast")
async def get_contact_forecast(caller: SignalReader, outlook: OutlookDep) -> ContactForecast:
    """Contacts of each queue on the next 28 days, made last night.

    `shortage` is the first week that outruns the queue's people, where the settings say what they can answer.
    """
    return ContactForecast.of(await outlook.duties.last(caller.workspace_id, contact_outlook.DUTY))


@router.get("/incidents", operation_id="list_incidents")
async def list_incidents(caller: SignalReader, outlook: OutlookDep) -> IncidentList:
    """Intents that spike, or did in the last seven days; looked at every few minutes."""
    return IncidentList.of(await outlook.duties.last(caller.workspace_id, incident_watch.DUTY))
