"""Server-sent events: conversations as they happen, with heartbeats, ended when the server stops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import closing
from typing import Generic, TypeVar

from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel, JsonValue, TypeAdapter

from api import conversation_models as models
from bot.conversation import AUTOMATIC, Author, Conversation, ConversationEvent, EventKind, Message, Owner

T = TypeVar("T")

HEARTBEAT = b": still here\n\n"
_FOR_AGENTS = frozenset({"reason", "queue", "priority"})
_PAYLOAD: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


class EventStream(StreamingResponse):
    """A response of server-sent events that no proxy buffers."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[bytes]) -> None:
        super().__init__(content, headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"})


class Feed(Generic[T]):
    """Reads an iterator one item ahead, so that a reader can stop waiting without breaking the iterator.

    Ends early once ``stop`` is set: a stream without end would keep the server from stopping.
    """

    def __init__(self, source: AsyncIterator[T], *, stop: asyncio.Event) -> None:
        self._source = source
        self._stopped = asyncio.ensure_future(stop.wait())
        self._next = asyncio.ensure_future(source.__anext__())

    async def begin(self) -> None:
        """Let the source run up to where it first waits: from then on it misses nothing."""
        await asyncio.sleep(0)

    async def items(self, *, heartbeat: float) -> AsyncIterator[T | None]:
        """The items as they come; none each time ``heartbeat`` seconds went by without one."""
        while True:
            await asyncio.wait(
                {self._next, self._stopped}, timeout=heartbeat, return_when=asyncio.FIRST_COMPLETED
            )
            if self._next.done():
                try:
                    item = self._next.result()
                except StopAsyncIteration:
                    return
                self._next = asyncio.ensure_future(self._source.__anext__())
                yield item
            elif self._stopped.done():
                return
            else:
                yield None

    def close(self) -> None:
        """Stop reading. The source is cancelled where it waits."""
        self._stopped.cancel()
        self._next.cancel()
        # An error nobody waits for any more would be logged as lost.
        self._next.add_done_callback(_retrieve)


def frame(name: str, data: BaseModel | Mapping[str, object], *, event_id: int | str | None = None) -> bytes:
    """One event on the wire."""
    text = data.model_dump_json() if isinstance(data, BaseModel) else _PAYLOAD.dump_json(dict(data)).decode()  # type: ignore[arg-type]  # payloads are JSON
    return format_sse_event(data_str=text, event=name, id=None if event_id is None else str(event_id))


def frames(event: ConversationEvent, *, for_agent: bool) -> bytes:
    """``event`` on the wire; a bot's message is preceded by its citations, one event each.

    Those carry no id: whoever is cut off between them and the message gets both again.
    What triage says, and why a conversation changed hands and where it waits, is told to agents only.
    """
    if event.kind is EventKind.LABELS:
        return _labels(event) if for_agent else b""
    if event.kind is EventKind.MESSAGE and event.message is not None:
        message = models.Message.of(event.message, for_agent=for_agent)
        cited = b"".join(
            frame("citation", {"message_id": message.id, **item.model_dump()}) for item in message.citations
        )
        return cited + frame("message", message, event_id=event.id)
    payload = event.payload if for_agent else {k: v for k, v in event.payload.items() if k not in _FOR_AGENTS}
    return frame(event.kind, payload, event_id=event.id)


def _labels(event: ConversationEvent) -> bytes:
    """What triage says of a message; nothing where it is gone or its labels can no longer be read."""
    if event.message is None or event.message.labels is None:
        return b""
    said = models.MessageTriage.of(event.message.labels)
    payload = {"message_id": event.message.id, "triage": said.model_dump(mode="json")}
    return frame(event.kind, payload, event_id=event.id)


async def turn_frames(
    feed: Feed[ConversationEvent],
    message: Message,
    *,
    state: Callable[[], Awaitable[Conversation]],
    heartbeat: float,
    for_agent: bool,
) -> AsyncIterator[bytes]:
    """What follows the customer's ``message``, up to the bot's reply or a person's taking over.

    ``state`` gives the conversation as it stands; it goes with the closing ``done``.
    """
    begun, reply_id = False, None
    answered = message.kind != AUTOMATIC
    waiting = answered and (await state()).owner is Owner.BOT
    with closing(feed):
        async for event in feed.items(heartbeat=heartbeat):
            if event is None:
                yield HEARTBEAT
                waiting = answered and (await state()).owner is Owner.BOT
            elif begun or _is_of(event, message):
                begun = True
                if sent := frames(event, for_agent=for_agent):
                    yield sent
                if event.message and event.message.author is Author.BOT:
                    reply_id = event.message.id
            if reply_id or (begun and not waiting):
                break
            if event is not None and event.kind is EventKind.OWNER:
                waiting = event.payload.get("owner") == Owner.BOT
    conversation = models.Conversation.of(await state(), for_agent=for_agent)
    yield frame("done", {"message_id": reply_id, "conversation": conversation.model_dump(mode="json")})


async def conversation_frames(
    feed: Feed[ConversationEvent],
    *,
    heartbeat: float,
    for_agent: bool,
    admitted: Callable[[], Awaitable[bool]],
) -> AsyncIterator[bytes]:
    """Everything that happens, without end; ends when the reader is no longer ``admitted``."""
    checked = time.monotonic()
    with closing(feed):
        yield HEARTBEAT  # headers reach the browser at once, not with the first event
        async for event in feed.items(heartbeat=heartbeat):
            if time.monotonic() - checked >= heartbeat:
                checked = time.monotonic()
                if not await admitted():
                    return
            if sent := HEARTBEAT if event is None else frames(event, for_agent=for_agent):
                yield sent


def _is_of(event: ConversationEvent, message: Message) -> bool:
    return event.message is not None and event.message.sequence >= message.sequence


def _retrieve(task: asyncio.Future[T]) -> None:
    if not task.cancelled():
        task.exception()
