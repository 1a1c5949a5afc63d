"""Answering what customers wrote: one turn at a time per conversation, never lost, never twice.

A message is stored before anything else happens. Messages that arrive while a turn is under way wait and
are answered together in the next one. After a crash ``recover`` answers what was stored and not answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot import handoff
from bot.answer import Answer, AnswerKind
from bot.conversation import (
    Author,
    Conversation,
    ConversationEvent,
    EventKind,
    Message,
    Owner,
    Status,
)
from bot.conversation_events import record
from bot.conversations import ConversationStore
from bot.destination import Destination, destination
from bot.errors import UnknownConversation
from bot.labelling import Labelling, Pending
from bot.live import Live
from kit.clock import Clock
from kit.errors import CareloopError
from kit.ids import ConversationId, WorkspaceId
from kit.log import get_logger
from kit.privacy import redact, restore
from retrieval import HistoryTurn
from store.engine import Database

_log = get_logger("bot.turns")


@dataclass(frozen=True, slots=True)
class Question:
    """One turn to answer: the customer's words, redacted, after ``history`` (oldest first, redacted).

    ``asked_back`` is true when the bot's last message was a clarifying question: it asks only once.
    ``labels`` is what triage says of the words.
    """

    workspace: WorkspaceId
    text: str
    history: Sequence[HistoryTurn] = ()
    language: str | None = None  # of the conversation so far, ISO 639-1
    asked_back: bool = False
    labels: Pending = field(default_factory=Pending)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that was answered: the bot's message, and the conversation after it."""

    conversation: Conversation
    reply: Message
    labels: Pending


class Pipeline(Protocol):
    """What turns a question into an answer."""

    async def answer(self, question: Question, *, on_text: Callable[[str], None] | None = None) -> Answer:
        """The answer; ``on_text`` hears its text piece by piece while it comes about."""
        ...


class Turns:
    """Runs the turns of every conversation in this process."""

    def __init__(
        self,
        *,
        database: Database,
        conversations: ConversationStore,
        pipeline: Pipeline,
        labelling: Labelling,
        live: Live,
        clock: Clock,
        queue: str,
        burst_window: float,
    ) -> None:
        self._database = database
        self._conversations = conversations
        self._pipeline = pipeline
        self._labelling = labelling
        self._live = live
        self._clock = clock
        self._queue = queue
        self._burst_window = burst_window
        self._running: dict[ConversationId, asyncio.Task[Turn | None]] = {}
        self._asked_again: set[ConversationId] = set()

    def start(self, workspace: WorkspaceId, conversation: ConversationId) -> asyncio.Task[Turn | None]:
        """Answer what is unanswered in ``conversation``; gives the last turn once nothing is left.

        While that is under way it is told to look again when it is done, so that a message which arrived
        meanwhile is answered too.
        """
        task = self._running.get(conversation)
        if task is None:
            task = self._running[conversation] = asyncio.create_task(self._run(workspace, conversation))
        else:
            self._asked_again.add(conversation)
        return task

    async def recover(self) -> int:
        """Answer what was stored and not answered before the last stop. Returns how many conversations."""
        async with self._database.read() as connection:
            waiting = await self._conversations.unanswered(connection)
        for workspace, conversation in waiting:
            await self.start(workspace, conversation)
        return len(waiting)

    async def stop(self) -> None:
        """Let the turns under way end."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _run(self, workspace: WorkspaceId, conversation: ConversationId) -> Turn | None:
        last = None
        try:
            while True:
                self._asked_again.discard(conversation)
                if self._burst_window:
                    await asyncio.sleep(self._burst_window)
                last = await self._next_turn(workspace, conversation) or last
                if conversation not in self._asked_again:
                    return last
        finally:
            del self._running[conversation]

    async def _next_turn(self, workspace: WorkspaceId, conversation: ConversationId) -> Turn | None:
        async with self._database.read() as connection:
            try:
                state = await self._conversations.begin_turn(connection, workspace, conversation)
            except UnknownConversation:
                return None  # it was erased meanwhile
        if (
            state.conversation.owner is not Owner.BOT
            or state.conversation.status is not Status.OPEN
            or not state.burst
        ):
            return None
        return await self._turn(state.conversation, state.history, state.burst, state.redactions)

    async def _turn(
        self,
        state: Conversation,
        before: Sequence[Message],
        burst: Sequence[Message],
        mapping: dict[str, str],
    ) -> Turn | None:
        known = len(mapping)
        history = []
        for message in before:
            redaction = redact(message.text, mapping)
            mapping = dict(redaction.mapping)
            history.append(HistoryTurn(redaction.text, by_customer=message.author is Author.CUSTOMER))
        redaction = redact("\n".join(message.text for message in burst), mapping)
        mapping = dict(redaction.mapping)
        labels = self._labelling.begin(state, burst, placeholders=mapping)
        question = Question(
            state.workspace_id,
            redaction.text,
            history,
            language=state.language,
            asked_back=bool(before) and before[-1].kind == AnswerKind.CLARIFY,
            labels=labels,
        )
        answer = await self._answer(state, question, burst[-1], mapping)
        answer = replace(answer, text=restore(answer.text, mapping))
        stored = await self._store(
            state, answer, question, burst[-1], mapping if len(mapping) > known else None
        )
        return None if stored is None else Turn(*stored, labels)

    async def _answer(
        self, state: Conversation, question: Question, last: Message, mapping: dict[str, str]
    ) -> Answer:
        on_text = None
        if self._live.has_listeners(state.id):
            on_text = _TokenStream(self._live, state.id, last, mapping).send
        try:
            return await self._pipeline.answer(question, on_text=on_text)
        except CareloopError as error:
            reason = error.code
        except Exception as error:  # noqa: BLE001 (outermost boundary: this runs in a task of its own)
            reason = "internal"
            _log.error("turn_broke", conversation=state.id, error=type(error).__name__)
        # The customer is not left without an answer because a part of ours is down.
        _log.error("turn_failed", conversation=state.id, code=reason)
        return Answer(kind=AnswerKind.HANDOVER, text=FAILED, answerer="rules", trace={"reason": reason})

    async def _store(
        self,
        state: Conversation,
        answer: Answer,
        question: Question,
        last: Message,
        mapping: dict[str, str] | None,
    ) -> tuple[Conversation, Message] | None:
        aim = None
        if answer.kind is AnswerKind.HANDOVER:
            aim = await self._aim(state, answer, question.labels)
        now = self._clock.now()
        events: list[ConversationEvent] = []
        async with self._database.write() as connection:
            try:
                current = await self._conversations.get(connection, state.workspace_id, state.id, lock=True)
            except UnknownConversation:
                return None  # it was erased meanwhile
            if current.owner is not Owner.BOT or current.status is not Status.OPEN:
                return None  # a person took over meanwhile: the bot says nothing more
            language = answer.trace.get("language")
            current = replace(
                current, language=language if isinstance(language, str) else current.language, updated_at=now
            )
            if aim is not None:
                current = handoff.hand_over(current, queue=aim.queue, priority=aim.priority)
            message, event = await self._conversations.append(
                connection, current, author=Author.BOT, text=answer.text, answer=answer, reply_to=last
            )
            events.append(event)
            if aim is not None:
                payload = owner_payload(current, reason=str(answer.trace.get("reason", "unanswerable")))
                events.append(await record(connection, current, kind=EventKind.OWNER, payload=payload))
            if mapping is not None:
                await self._conversations.save_redactions(connection, current.id, mapping)
        done = ConversationEvent(events[-1].id, EventKind.DONE, {"message_id": message.id})
        for event in (*events, done):
            self._live.publish(state.id, event)
        return current, message

    async def _aim(self, state: Conversation, answer: Answer, pending: Pending) -> Destination:
        labels = await pending.soon()
        said = [] if labels is None else [labels]
        if answer.trace.get("reason") == "customer_asked":  # what it is about was said before
            async with self._database.read() as connection:
                said = await self._conversations.messages.labels(connection, state.workspace_id, state.id)
        return destination(said, default=self._queue)


FAILED = "I'm sorry, something on our side isn't working right now. I'm passing this to a colleague."


class _TokenStream:
    """Publishes pieces of a reply under way."""

    def __init__(
        self, live: Live, conversation: ConversationId, last: Message, mapping: dict[str, str]
    ) -> None:
        self._live = live
        self._conversation = conversation
        self._last = last
        self._mapping = mapping
        self._offset = 0

    def send(self, text: str) -> None:
        restored = restore(text, self._mapping)
        payload = {"reply_to": self._last.id, "offset": self._offset, "text": restored}
        self._live.publish(self._conversation, ConversationEvent(0, EventKind.TOKEN, payload))
        self._offset += len(restored)


def owner_payload(conversation: Conversation, *, reason: str) -> dict[str, object]:
    """What a stored ``OWNER`` event says."""
    return {
        "owner": str(conversation.owner),
        "agent": conversation.agent,
        "queue": conversation.queue,
        "priority": conversation.priority,
        "reason": reason,
    }
