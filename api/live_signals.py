"""Signals as they happen: raised, heard again, settled; and incidents; as server-sent events."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request

from api.deps import AuthenticatorDep, ConfigDep, ServicesDep, SignalReader, SignalsDep
from api.live_models import SignalNews
from api.problems import problems
from api.sse import HEARTBEAT, EventStream, Feed, frame
from signals.feed import FeedEntry, FeedLog, SignalFeed
from signals.feed_logs import IncidentLog, OutcomeLog, SightingLog

router = APIRouter(prefix="/v1/signals", tags=["signals"], responses=problems())

_STREAM: dict[str, Any] = {
    "description": "Server-sent events `signal.new`, `signal.renewed`, `outcome` and `incident`.",
    "content": {
        "text/event-stream": {
            "itemSchema": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("event", "data", "id")},
            },
            "example": (
                'event: signal.new\ndata: {"at":"2026-11-25T10:12:00Z","signal":{"id":"sig_01",'
                '"kind":"churn_risk"},"outcome":null,"incident":null}\nid: 120.7.0\n\n'
            ),
        }
    },
}


@router.get(
    "/live",
    operation_id="follow_signals",
    status_code=200,
    response_class=EventStream,
    responses={**problems(), 200: _STREAM},
)
async def follow_signals(
    *,
    request: Request,
    services: ServicesDep,
    config: ConfigDep,
    authenticator: AuthenticatorDep,
    caller: SignalReader,
    signals: SignalsDep,
    last_event_id: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            pattern=r"^[0-9]{1,18}(\.[0-9]{1,18}){0,5}$",
            description="Where to go on from; without it, from now on. `0.0.0` is from the very beginning.",
        ),
    ] = None,
) -> EventStream:
    """Signals that are raised or heard again, what becomes of them, and incidents, as events without end.

    Whatever stores them, this process or another. A reader that was cut off goes on where it was with
    `Last-Event-ID`, which browsers send by themselves.
    """
    clock = services.clock
    logs: list[FeedLog] = [
        SightingLog(signals.store, clock),
        OutcomeLog(signals.store, signals.outcomes, clock),
        *(() if services.outlook is None else (IncidentLog(services.outlook.duties),)),
    ]
    feed = SignalFeed(services.database, logs)
    place = await feed.end(caller.workspace_id) if last_event_id is None else feed.place(last_event_id)
    live = Feed(feed.follow(caller.workspace_id, place), stop=services.stopping)
    heartbeat = config.heartbeat.total_seconds()
    admitted = partial(authenticator.still_admits, request)
    return EventStream(_frames(live, heartbeat=heartbeat, admitted=admitted))


async def _frames(
    live: Feed[tuple[str, FeedEntry]], *, heartbeat: float, admitted: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """News without end; ends when the reader is no longer ``admitted``."""
    checked = time.monotonic()
    with closing(live):
        yield HEARTBEAT  # headers reach the browser at once, not with the first event
        async for found in live.items(heartbeat=heartbeat):
            if time.monotonic() - checked >= heartbeat:
                checked = time.monotonic()
                if not await admitted():
                    return
            if found is None:
                yield HEARTBEAT
            else:
                place, entry = found
                yield frame(entry.news, SignalNews.of(entry), event_id=place)
