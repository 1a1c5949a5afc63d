"""Bulk triage of stored tickets."""

from __future__ import annotations

from fastapi import APIRouter

from api import backfill_models as models
from api.deps import OperationsDep, TriageReader, TriageWriter
from api.problems import CONFLICT, NOT_FOUND, problems
from kit.errors import NotFound

router = APIRouter(prefix="/v1/triage/backfill", tags=["triage"], responses=problems(NOT_FOUND))


@router.post("", operation_id="start_backfill", status_code=202, responses=problems(CONFLICT))
async def start_backfill(
    caller: TriageWriter, operations: OperationsDep, body: models.BackfillOrder
) -> models.Backfill:
    """Begin to label stored tickets anew with the models and rules that are live now.

    What people said of a ticket stays. Follow it with `GET /v1/triage/backfill`; nothing is lost when the
    server stops meanwhile. 409 while one is under way; one that was interrupted is given up, and keeps what
    it has done.
    """
    run = await operations.start_backfill(caller.workspace_id, body.selection, route=body.route)
    return models.Backfill.of(run)


@router.get("", operation_id="get_backfill")
async def get_backfill(caller: TriageReader, operations: OperationsDep) -> models.Backfill:
    """The last backfill of the workspace, on whichever server; 404 when there was none."""
    run = await operations.operations.backfiller.latest(caller.workspace_id)
    if run is None:
        raise NotFound("There was no backfill yet.")
    return models.Backfill.of(run)


@router.post("/resume", operation_id="resume_backfill", status_code=202, responses=problems(CONFLICT))
async def resume_backfill(caller: TriageWriter, operations: OperationsDep) -> models.Backfill:
    """Go on where a backfill was interrupted; 409 when none was, or other models are live by now.

    One whose server died counts as interrupted after two minutes.
    """
    return models.Backfill.of(await operations.resume_backfill(caller.workspace_id))


@router.post("/stop", operation_id="stop_backfill", responses=problems(CONFLICT))
async def stop_backfill(caller: TriageWriter, operations: OperationsDep) -> models.Backfill:
    """Interrupt a backfill, or its undoing; what it has done stays. 409 when none is under way."""
    return models.Backfill.of(await operations.operations.backfiller.stop(caller.workspace_id))


@router.post("/undo", operation_id="undo_backfill", status_code=202, responses=problems(CONFLICT))
async def undo_backfill(caller: TriageWriter, operations: OperationsDep) -> models.Backfill:
    """Begin to give tickets the labels back that they had before the last backfill that was not undone yet.

    Tickets whose labels somebody has changed since keep them. Again, it goes one backfill further back, up to
    five.
    """
    return models.Backfill.of(await operations.undo_backfill(caller.workspace_id))


@router.post("/dry-run", operation_id="try_backfill", status_code=202, responses=problems(CONFLICT))
async def try_backfill(
    caller: TriageReader, operations: OperationsDep, body: models.BackfillPreviewOrder
) -> models.BackfillPreview:
    """Begin to find out what a backfill would change; nothing is stored. 409 while one trial is under way.

    Follow it with `GET /v1/triage/backfill/dry-run`.
    """
    run = await operations.preview_backfill(
        caller.workspace_id, body.selection, route=body.route, most=body.most
    )
    return models.BackfillPreview.of(run)


@router.get("/dry-run", operation_id="get_backfill_trial")
async def get_backfill_trial(caller: TriageReader, operations: OperationsDep) -> models.BackfillPreview:
    """The last trial of a backfill that this server began; 404 when there was none since it started."""
    run = operations.previews.latest(caller.workspace_id)
    if run is None:
        raise NotFound("No backfill was tried since this server started.")
    return models.BackfillPreview.of(run)
