"""What streams see while it happens: events of a conversation, handed to whoever is listening."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from bot.conversation import ConversationEvent
from kit.ids import ConversationId

# A reader this far behind (a stalled connection) is cut off; it resumes from the stored events.
_LONGEST_QUEUE = 2000


class Listener:
    """One reader of one conversation's events."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[ConversationEvent | None] = asyncio.Queue(_LONGEST_QUEUE)

    async def next(self) -> ConversationEvent | None:
        """The next event; none when the reader fell too far behind and was cut off."""
        return await self._queue.get()

    def put(self, event: ConversationEvent) -> bool:
        """Hand over an event; false when the reader is too far behind."""
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self._queue.get_nowait()
            self._queue.put_nowait(None)
            return False
        return True


class Live:
    """Who is listening to which conversation, in this process."""

    def __init__(self) -> None:
        self._listeners: dict[ConversationId, set[Listener]] = {}

    @contextmanager
    def listening(self, conversation: ConversationId) -> Iterator[Listener]:
        """A listener that hears every event published while the block runs."""
        listener = Listener()
        self._listeners.setdefault(conversation, set()).add(listener)
        try:
            yield listener
        finally:
            listeners = self._listeners.get(conversation, set())
            listeners.discard(listener)
            if not listeners:
                self._listeners.pop(conversation, None)

    def has_listeners(self, conversation: ConversationId) -> bool:
        """Whether anyone would see a token now."""
        return conversation in self._listeners

    def publish(self, conversation: ConversationId, event: ConversationEvent) -> None:
        """Hand ``event`` to every listener; a stalled one is cut off."""
        for listener in list(self._listeners.get(conversation, ())):
            if not listener.put(event):
                self._listeners[conversation].discard(listener)
