"""Digests of a week: read as JSON, Markdown or HTML, and sent."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from api import digest_models as models
from api.accept import preferred
from api.deps import InsightsDep, SignalReader, SignalWriter
from api.idempotency import OnceDep
from api.problems import CONFLICT, problems
from insights.delivery.edition import Edition
from insights.document import DigestDocument

router = APIRouter(prefix="/v1/insights", tags=["insights"], responses=problems())

_JSON, _MARKDOWN, _HTML = "application/json", "text/markdown", "text/html"
# Styles and pictures are in the page itself; nothing else may be loaded or run.
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
_FORMS: dict[str, Any] = {
    "content": {
        _MARKDOWN: {"schema": {"type": "string"}, "example": "# Brightwater Broadband: week 48\n"},
        _HTML: {"schema": {"type": "string"}, "example": "<!DOCTYPE html>"},
    }
}
Week = Annotated[
    models.WeekName,
    Query(description="ISO 8601; `last` is the last that is over, `current` the running one."),
]


@router.get(
    "/digest",
    operation_id="get_digest",
    response_model=DigestDocument,
    responses={**problems(), 200: _FORMS},
)
async def get_digest(
    *,
    caller: SignalReader,
    insights: InsightsDep,
    week: Week = "last",
    accept: Annotated[str, Header(description="JSON unless Markdown or HTML is preferred.")] = _JSON,
) -> Response:
    """What customers said in a week, compared with the weeks before; made anew from what is stored.

    Quotes hold no personal data that rules or the customer's own profile know of.
    """
    wanted = preferred(accept, (_JSON, _MARKDOWN, _HTML))
    found = insights.week(caller.workspace_id, week)
    edition = Edition(caller.workspace_id, await insights.digester.digest(caller.workspace_id, found))
    if wanted == _MARKDOWN:
        return PlainTextResponse(edition.markdown(), media_type=_MARKDOWN)
    if wanted == _HTML:
        page = await asyncio.to_thread(edition.html)
        return HTMLResponse(page, headers={"Content-Security-Policy": _PAGE_POLICY})
    return JSONResponse(DigestDocument.of(edition.digest).model_dump(mode="json"))


@router.get("/digest/deliveries", operation_id="list_digest_deliveries")
async def list_deliveries(
    caller: SignalReader, insights: InsightsDep, week: Week = "last"
) -> models.DigestDeliveries:
    """To whom the digest of a week was delivered, and to whom not yet."""
    known = await insights.ledger.of(caller.workspace_id, insights.week(caller.workspace_id, week).name)
    return models.DigestDeliveries(items=[models.DigestDelivery.of(one) for one in known.values()])


@router.post(
    "/digest/deliveries",
    operation_id="send_digest",
    status_code=201,
    response_model=models.DigestDeliveries,
    responses=problems(CONFLICT),
)
async def send_digest(
    caller: SignalWriter, insights: InsightsDep, once: OnceDep, body: models.SendOrder
) -> Response:
    """Send the digest of a week now, to every receiver that does not have it; says how each stands.

    409 where the workspace has none, or while another server is sending it.
    """

    async def produce() -> models.DigestDeliveries:
        week = insights.week(caller.workspace_id, body.week)
        sent = await insights.sender.send(caller.workspace_id, week, anew=body.anew)
        return models.DigestDeliveries(items=[models.DigestDelivery.of(one) for one in sent])

    return await once(produce)
