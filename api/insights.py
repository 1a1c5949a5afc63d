"""What stored tickets tell: intents without a name, drift, and what other rules would have done."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter

from api import dry_run_models, insight_models
from api.deps import OperationsDep, TriageReader
from api.problems import CONFLICT, NOT_FOUND, problems
from kit.errors import NotFound
from triage.stored_tickets import Selection

router = APIRouter(prefix="/v1/triage", tags=["triage"], responses=problems(NOT_FOUND))


@router.post("/discovery", operation_id="start_discovery", status_code=202, responses=problems(CONFLICT))
async def start_discovery(
    caller: TriageReader, operations: OperationsDep, body: insight_models.DiscoveryOrder
) -> insight_models.Discovery:
    """Begin to look for new intents among the tickets that triage was not sure of.

    Tickets that somebody has given an intent are left out. Follow it with `GET /v1/triage/discovery`; 409
    while one is under way.
    """
    run = operations.discover(
        caller.workspace_id, Selection(since=body.since), most=body.most, least=body.least
    )
    return insight_models.Discovery.of(run)


@router.get("/discovery", operation_id="get_discovery")
async def get_discovery(caller: TriageReader, operations: OperationsDep) -> insight_models.Discovery:
    """The last proposals that this server worked out; 404 when there were none since it started."""
    run = operations.discoveries.latest(caller.workspace_id)
    if run is None:
        raise NotFound("Nobody looked for new intents since this server started.")
    return insight_models.Discovery.of(run)


@router.post("/drift", operation_id="start_drift_report", status_code=202, responses=problems(CONFLICT))
async def start_drift_report(
    caller: TriageReader, operations: OperationsDep, body: insight_models.DriftOrder
) -> insight_models.Drift:
    """Begin to compare the tickets of the last days with those of the days before.

    Both are read by the model that is live now. Follow it with `GET /v1/triage/drift`; 409 while one is under
    way.
    """
    run = operations.compare_times(
        caller.workspace_id,
        recent=timedelta(days=body.recent_days),
        reference=timedelta(days=body.reference_days),
        most=body.most,
    )
    return insight_models.Drift.of(run)


@router.get("/drift", operation_id="get_drift_report")
async def get_drift_report(caller: TriageReader, operations: OperationsDep) -> insight_models.Drift:
    """The last report that this server worked out; 404 when there was none since it started."""
    run = operations.drifts.latest(caller.workspace_id)
    if run is None:
        raise NotFound("No drift was measured since this server started.")
    return insight_models.Drift.of(run)


@router.post("/routing/dry-run", operation_id="try_routing")
async def try_routing(
    caller: TriageReader, operations: OperationsDep, body: dry_run_models.DryRunOrder
) -> dry_run_models.RoutingDryRun:
    """Say where stored tickets would have gone by other rules, and which rule is responsible.

    Nothing is changed. Rules that cannot be used are refused with every place and reason.
    """
    found = await operations.operations.dry_run(
        caller.workspace_id,
        body.selection,
        operations.operations.router_of(body.proposed),
        recorded=body.against is dry_run_models.Against.RECORDED,
        most=body.most,
        examples=body.examples,
    )
    return dry_run_models.RoutingDryRun.of(found)
