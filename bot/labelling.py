"""Triage of what customers write, beside everything else: no turn fails by it, and none waits for it long."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation, Message
from bot.conversations import ConversationStore
from bot.labels import Labeller, Labels
from bot.live import Live
from kit.clock import Clock
from kit.errors import CareloopError
from kit.ids import WorkspaceId
from kit.log import get_logger
from store.engine import Database
from triage import message as triaged

# Seconds that a decision waits for labels. They take 20 ms and begin with the look-up, which takes as long.
_PATIENCE = 0.25
_NOTHING: Mapping[str, str] = MappingProxyType({})
_log = get_logger("bot.labelling")


class Pending:
    """Labels that are being worked out; none ever come where triage is off or has failed."""

    def __init__(self, task: asyncio.Task[Labels | None] | None = None) -> None:
        self._task = task

    def now(self) -> Labels | None:
        """The labels, if they are there."""
        return self._task.result() if self._task is not None and self._task.done() else None

    async def soon(self) -> Labels | None:
        """The labels, waited for a moment; none where they take longer."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_PATIENCE)
        return self.now()


class LabelsReader(Protocol):
    """Hears of labels, and of how conversations end, in the transaction that stores it.

    What it raises takes that back.
    """

    async def labelled(
        self,
        connection: AsyncConnection,
        conversation: Conversation,
        turn: Sequence[Message],
        labels: Labels,
        *,
        at: datetime,
    ) -> None:
        """``labels`` are of ``turn``, the customer's messages that are answered together."""
        ...

    async def ended(
        self, connection: AsyncConnection, conversation: Conversation, *, solved: bool, at: datetime
    ) -> None:
        """Somebody says that ``conversation`` is resolved, or its customer wrote again after that."""
        ...


class Labelling:
    """Has turns labelled, and keeps the labels with the last message of each; none without ``labeller``.

    ``reader`` is told of them.
    """

    def __init__(
        self,
        labeller: Labeller | None,
        *,
        reader: LabelsReader | None = None,
        database: Database,
        conversations: ConversationStore,
        live: Live,
        clock: Clock,
    ) -> None:
        self._labeller = labeller
        self._reader = reader
        self._database = database
        self._conversations = conversations
        self._live = live
        self._clock = clock
        self._running: set[asyncio.Task[Labels | None]] = set()

    def begin(
        self,
        state: Conversation,
        turn: Sequence[Message],
        *,
        placeholders: Mapping[str, str] = _NOTHING,
        headers: Mapping[str, str] = _NOTHING,
    ) -> Pending:
        """Labels of the customer's ``turn``, one message or several that are answered together.

        They are stored and told to whoever listens before they are there. ``headers`` are an e-mail's.
        """
        if self._labeller is None:
            return Pending()
        text = "\n".join(message.text for message in turn)
        message = triaged.Message(text, headers=headers)
        return self._start(self._label_and_keep(self._labeller, state, turn, message, placeholders))

    def look(self, workspace: WorkspaceId, text: str, *, placeholders: Mapping[str, str]) -> Pending:
        """Labels of a text that belongs to no conversation; not stored."""
        if self._labeller is None:
            return Pending()
        found = self._labeller.label(
            workspace, triaged.Message(text), placeholders=placeholders, channel=None
        )
        return self._start(_or_none(found, place=workspace))

    async def ended(
        self, connection: AsyncConnection, conversation: Conversation, *, solved: bool, at: datetime
    ) -> None:
        """Tell ``reader`` how a conversation ended."""
        if self._reader is not None:
            await self._reader.ended(connection, conversation, solved=solved, at=at)

    async def stop(self) -> None:
        """Let what is under way end."""
        await asyncio.gather(*self._running)

    def _start(self, work: Coroutine[None, None, Labels | None]) -> Pending:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return Pending(task)

    async def _label_and_keep(
        self,
        labeller: Labeller,
        state: Conversation,
        turn: Sequence[Message],
        message: triaged.Message,
        placeholders: Mapping[str, str],
    ) -> Labels | None:
        async def work() -> Labels:
            found = await labeller.label(
                state.workspace_id, message, placeholders=placeholders, channel=state.channel
            )
            labels = replace(found, messages=tuple(each.id for each in turn))
            await self._keep(state, turn, labels)
            return labels

        return await _or_none(work(), place=state.id)

    async def _keep(self, state: Conversation, turn: Sequence[Message], labels: Labels) -> None:
        async with self._database.write() as connection:
            # Locked: the events of a conversation are told in the order of their ids.
            current = await self._conversations.get(connection, state.workspace_id, state.id, lock=True)
            now = self._clock.now()
            event = await self._conversations.label(connection, current, turn[-1], labels=labels, at=now)
            if self._reader is not None:
                await self._reader.labelled(connection, current, turn, labels, at=now)
        self._live.publish(state.id, event)


async def _or_none(work: Coroutine[None, None, Labels], *, place: str) -> Labels | None:
    try:
        return await work
    except CareloopError as error:
        _log.warning("labels_failed", place=place, code=error.code)
    except Exception as error:  # noqa: BLE001 (outermost boundary: this runs in a task of its own)
        _log.error("labels_broke", place=place, error=type(error).__name__)
    return None
