"""The assistant: all that can be done with a conversation, by customers and by people who help them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import replace

from bot import handoff
from bot.answer import Answer, AnswerChunk
from bot.briefing import brief
from bot.conversation import (
    Author,
    Briefing,
    Conversation,
    ConversationEvent,
    EventKind,
    Message,
    Owner,
    Rating,
    Status,
    TurnResult,
)
from bot.conversations import ConversationStore
from bot.errors import EmptyMessage, MessageTooLong, UnknownMessage
from bot.live import Live
from bot.turns import Pipeline, Question, Turns, owner_payload
from kit.clock import Clock
from kit.ids import ConversationId, MessageId, WorkspaceId, new_id
from kit.privacy import redact, restore
from retrieval import HistoryTurn
from store.engine import Database

LONGEST_MESSAGE = 8000  # characters; a long e-mail has about 3,000


class Assistant:
    """Conversations of every workspace, on one database.

    Every method raises ``UnknownConversation`` for an id of another workspace as for one that never was.
    """

    def __init__(
        self,
        *,
        database: Database,
        conversations: ConversationStore,
        pipeline: Pipeline,
        clock: Clock,
        queue: str = "support",
        burst_window: float = 0.0,
    ) -> None:
        self._database = database
        self._conversations = conversations
        self._pipeline = pipeline
        self._clock = clock
        self._queue = queue
        self._live = Live()
        self._turns = Turns(
            database=database,
            conversations=conversations,
            pipeline=pipeline,
            live=self._live,
            clock=clock,
            queue=queue,
            burst_window=burst_window,
        )

    async def recover(self) -> int:
        """Answer what an earlier process stored and did not answer. Returns how many conversations."""
        return await self._turns.recover()

    async def stop(self) -> None:
        """Let the turns under way end."""
        await self._turns.stop()

    async def open(
        self, workspace_id: WorkspaceId, *, channel: str = "api", visitor_id: str | None = None
    ) -> Conversation:
        """A new conversation, owned by the bot."""
        now = self._clock.now()
        conversation = Conversation(
            id=ConversationId(new_id("conv")),
            workspace_id=workspace_id,
            channel=channel,
            owner=Owner.BOT,
            status=Status.OPEN,
            created_at=now,
            updated_at=now,
            visitor_id=visitor_id,
        )
        async with self._database.write() as connection:
            await self._conversations.add(connection, conversation)
        return conversation

    async def get(self, workspace_id: WorkspaceId, conversation_id: ConversationId) -> Conversation:
        """The conversation as it stands."""
        async with self._database.read() as connection:
            return await self._conversations.get(connection, workspace_id, conversation_id)

    async def messages(
        self, workspace_id: WorkspaceId, conversation_id: ConversationId, *, after: int = 0, limit: int = 200
    ) -> Sequence[Message]:
        """Messages with a sequence above ``after``, oldest first."""
        async with self._database.read() as connection:
            await self._conversations.get(connection, workspace_id, conversation_id)
            return await self._conversations.messages.after(
                connection, workspace_id, conversation_id, sequence=after, limit=limit
            )

    async def message(self, workspace_id: WorkspaceId, message_id: MessageId) -> Message:
        """One message with its citations. Raises ``UnknownMessage``."""
        async with self._database.read() as connection:
            return await self._conversations.messages.get(connection, workspace_id, message_id)

    async def send(
        self,
        workspace_id: WorkspaceId,
        conversation_id: ConversationId,
        text: str,
        *,
        client_id: str | None = None,
    ) -> TurnResult:
        """The customer says ``text``; waits for the reply.

        The same ``client_id`` again is the same message: it is answered once. Raises ``EmptyMessage``,
        ``MessageTooLong``.
        """
        state, message = await self._accept(workspace_id, conversation_id, text, client_id)
        if state.owner is Owner.BOT:
            turn = await asyncio.shield(self._turns.start(workspace_id, conversation_id))
            if turn and turn.reply.reply_to == message.id:
                return TurnResult(turn.conversation, message, turn.reply)
        async with self._database.read() as connection:
            state = await self._conversations.get(connection, workspace_id, conversation_id)
            reply = await self._conversations.messages.reply_to(connection, message)
        return TurnResult(state, message, reply)

    async def accept(
        self,
        workspace_id: WorkspaceId,
        conversation_id: ConversationId,
        text: str,
        *,
        client_id: str | None = None,
    ) -> Message:
        """The customer says ``text``; returns once that is stored. The reply comes through ``events``."""
        state, message = await self._accept(workspace_id, conversation_id, text, client_id)
        if state.owner is Owner.BOT:
            self._turns.start(workspace_id, conversation_id)
        return message

    async def events(
        self, workspace_id: WorkspaceId, conversation_id: ConversationId, *, after: int = 0
    ) -> AsyncGenerator[ConversationEvent, None]:
        """Stored events with an id above ``after``, then live ones as they happen, without end.

        Ends only when the reader falls too far behind; it then resumes from the last id it saw.
        """
        with self._live.listening(conversation_id) as listener:
            async with self._database.read() as connection:
                await self._conversations.get(connection, workspace_id, conversation_id)
                stored = await self._conversations.events(
                    connection, workspace_id, conversation_id, after=after
                )
            last = after
            for event in stored:
                last = event.id
                yield event
            while (live := await listener.next()) is not None:
                if live.kind in {EventKind.TOKEN, EventKind.DONE}:
                    yield replace(live, id=last)
                elif live.id > last:
                    last = live.id
                    yield live

    async def reply_as_agent(
        self,
        workspace_id: WorkspaceId,
        conversation_id: ConversationId,
        *,
        agent: str,
        text: str,
        client_id: str | None = None,
    ) -> Message:
        """``agent``, who has claimed the conversation, says ``text``. Raises ``WrongOwner``."""
        _check_text(text)
        now = self._clock.now()
        async with self._database.write() as connection:
            state = await self._conversations.get(connection, workspace_id, conversation_id, lock=True)
            handoff.require_holder(state, agent=agent)
            if client_id and (
                known := await self._conversations.messages.by_client_id(
                    connection, conversation_id, client_id
                )
            ):
                return known
            message, event = await self._conversations.append(
                connection,
                replace(state, updated_at=now),
                author=Author.AGENT,
                text=text,
                client_id=client_id,
            )
        self._live.publish(conversation_id, event)
        return message

    async def hand_over(
        self,
        workspace_id: WorkspaceId,
        conversation_id: ConversationId,
        *,
        reason: str,
        queue: str | None = None,
    ) -> Conversation:
        """The bot's conversation waits in ``queue`` for a person."""
        return await self._change(
            workspace_id,
            conversation_id,
            lambda state: handoff.hand_over(state, queue=queue or self._queue),
            reason,
        )

    async def claim(
        self, workspace_id: WorkspaceId, conversation_id: ConversationId, *, agent: str
    ) -> Conversation:
        """``agent`` takes the conversation. Raises ``AlreadyClaimed``, naming who has it."""
        return await self._change(
            workspace_id, conversation_id, lambda state: handoff.claim(state, agent=agent), "claimed"
        )

    async def release(
        self, workspace_id: WorkspaceId, conversation_id: ConversationId, *, agent: str, to: Owner
    ) -> Conversation:
        """``agent`` gives the conversation back to the bot or to the queue. Raises ``WrongOwner``."""
        return await self._change(
            workspace_id,
            conversation_id,
            lambda state: handoff.release(state, agent=agent, to=to, queue=self._queue),
            "released",
        )

    async def resolve(self, workspace_id: WorkspaceId, conversation_id: ConversationId) -> Conversation:
        """Nothing more is owed to the customer."""
        return await self._change(workspace_id, conversation_id, handoff.resolve, "resolved")

    async def briefing(self, workspace_id: WorkspaceId, conversation_id: ConversationId) -> Briefing:
        """What a person who takes over should know."""
        async with self._database.read() as connection:
            state = await self._conversations.get(connection, workspace_id, conversation_id)
            messages = await self._conversations.messages.after(connection, workspace_id, conversation_id)
            events = await self._conversations.events(connection, workspace_id, conversation_id, after=0)
        return brief(state, messages, events)

    async def rate(
        self,
        workspace_id: WorkspaceId,
        conversation_id: ConversationId,
        message_id: MessageId,
        *,
        rating: Rating,
        reason: str | None = None,
    ) -> None:
        """The customer's opinion of ``message``. Raises ``UnknownMessage``."""
        async with self._database.write() as connection:
            rated = await self._conversations.messages.get(connection, workspace_id, message_id)
            if rated.conversation_id != conversation_id:
                raise UnknownMessage(f"There is no message {message_id} in conversation {conversation_id}.")
            await self._conversations.messages.rate(
                connection, workspace_id, rated, rating=rating, reason=reason, at=self._clock.now()
            )

    async def ask(
        self,
        workspace_id: WorkspaceId,
        text: str,
        *,
        history: Sequence[HistoryTurn] = (),
        on_text: Callable[[str], None] | None = None,
    ) -> Answer:
        """An answer to ``text`` after ``history``; nothing is stored. Raises as ``send``."""
        _check_text(text)
        mapping: dict[str, str] = {}
        turns = []
        for turn in history:
            redaction = redact(turn.text, mapping)
            mapping = dict(redaction.mapping)
            turns.append(replace(turn, text=redaction.text))
        redaction = redact(text, mapping)
        asked_back = bool(turns) and not turns[-1].by_customer and turns[-1].text.rstrip().endswith("?")
        answer = await self._pipeline.answer(
            Question(workspace_id, redaction.text, turns, asked_back=asked_back),
            on_text=None if on_text is None else lambda piece: on_text(restore(piece, redaction.mapping)),
        )
        return replace(answer, text=restore(answer.text, redaction.mapping))

    async def ask_stream(
        self, workspace_id: WorkspaceId, text: str, *, history: Sequence[HistoryTurn] = ()
    ) -> AsyncIterator[AnswerChunk]:
        """As ``ask``, piece by piece; the last chunk carries the answer whole."""
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        task = asyncio.create_task(self.ask(workspace_id, text, history=history, on_text=pieces.put_nowait))
        task.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                yield AnswerChunk(text=piece)
            yield AnswerChunk(answer=await task)
        finally:
            task.cancel()

    async def _accept(
        self, workspace_id: WorkspaceId, conversation_id: ConversationId, text: str, client_id: str | None
    ) -> tuple[Conversation, Message]:
        _check_text(text)
        now = self._clock.now()
        events = []
        async with self._database.write() as connection:
            state = await self._conversations.get(connection, workspace_id, conversation_id, lock=True)
            if client_id and (
                known := await self._conversations.messages.by_client_id(
                    connection, conversation_id, client_id
                )
            ):
                return state, known
            reopened = state.status is Status.RESOLVED
            state = replace(handoff.customer_wrote(state), updated_at=now)
            if reopened:
                payload = {"status": str(state.status)}
                events.append(
                    await self._conversations.record(
                        connection, state, kind=EventKind.STATUS, payload=payload
                    )
                )
            message, event = await self._conversations.append(
                connection, state, author=Author.CUSTOMER, text=text, client_id=client_id
            )
            events.append(event)
        for event in events:
            self._live.publish(conversation_id, event)
        return state, message

    async def _change(
        self,
        workspace_id: WorkspaceId,
        conversation_id: ConversationId,
        step: Callable[[Conversation], Conversation],
        reason: str,
    ) -> Conversation:
        now = self._clock.now()
        events = []
        async with self._database.write() as connection:
            before = await self._conversations.get(connection, workspace_id, conversation_id, lock=True)
            after = replace(step(before), updated_at=now)
            await self._conversations.update(connection, after)
            if (after.owner, after.agent, after.queue) != (before.owner, before.agent, before.queue):
                payload = owner_payload(after, reason=reason)
                events.append(
                    await self._conversations.record(connection, after, kind=EventKind.OWNER, payload=payload)
                )
            if after.status is not before.status:
                events.append(
                    await self._conversations.record(
                        connection,
                        after,
                        kind=EventKind.STATUS,
                        payload={"status": str(after.status)},
                    )
                )
        for event in events:
            self._live.publish(conversation_id, event)
        if after.owner is Owner.BOT and after.status is Status.OPEN and before.owner is not Owner.BOT:
            self._turns.start(workspace_id, conversation_id)  # what the customer wrote last may be unanswered
        return after

    async def list(
        self,
        workspace_id: WorkspaceId,
        *,
        owner: Owner | None = None,
        status: Status | None = None,
        queue: str | None = None,
        visitor_id: str | None = None,
        before: ConversationId | None = None,
        limit: int = 50,
    ) -> Sequence[Conversation]:
        """Conversations that match, newest first, ``limit`` at a time: pass the last id as ``before``."""
        matching = {"owner": owner, "status": status, "queue": queue, "visitor_id": visitor_id}
        async with self._database.read() as connection:
            return await self._conversations.page(
                connection, workspace_id, before=before, limit=limit, matching=matching
            )


def _check_text(text: str) -> None:
    if not text.strip():
        raise EmptyMessage("The message is empty.")
    if len(text) > LONGEST_MESSAGE:
        raise MessageTooLong(
            f"The message has {len(text):,} characters; {LONGEST_MESSAGE:,} is the most that is accepted."
        )
