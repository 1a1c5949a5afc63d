"""The assistant: all that can be done with a conversation, by customers and by people who help them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from bot import handoff
from bot.answer import Answer, AnswerChunk
from bot.asking import Asking
from bot.briefing import brief
from bot.conversation import (
    AUTOMATIC,
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
from bot.conversation_events import record, stored_events
from bot.conversations import ConversationStore
from bot.destination import Destination, destination
from bot.errors import UnknownMessage
from bot.intake import Intake, check_text
from bot.labelling import Labelling, LabelsReader
from bot.labels import Labeller
from bot.live import Live
from bot.turns import Pipeline, Turns, owner_payload
from kit.clock import Clock
from kit.ids import ConversationId, MessageId, WorkspaceId, new_id
from retrieval import HistoryTurn
from store.engine import Database

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Assistant:
    """Conversations of every workspace, on one database.

    ``reader`` is told of labels, and of how conversations end, where that is stored.

    Without ``labeller`` nothing is triaged, and whatever is handed over waits in ``queue``. Every method
    raises ``UnknownConversation`` for an id of another workspace as for one that never was.
    """

    def __init__(
        self,
        *,
        database: Database,
        conversations: ConversationStore,
        pipeline: Pipeline,
        clock: Clock,
        labeller: Labeller | None = None,
        reader: LabelsReader | None = None,
        queue: str = "support",
        burst_window: float = 0.0,
    ) -> None:
        self._database = database
        self._conversations = conversations
        self._clock = clock
        self._queue = queue
        self._live = Live()
        self._labelling = Labelling(
            labeller,
            reader=reader,
            database=database,
            conversations=conversations,
            live=self._live,
            clock=clock,
        )
        self._asking = Asking(pipeline, self._labelling)
        self._intake = Intake(
            database=database,
            conversations=conversations,
            labelling=self._labelling,
            live=self._live,
            clock=clock,
        )
        self._turns = Turns(
            database=database,
            conversations=conversations,
            pipeline=pipeline,
            labelling=self._labelling,
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
        await self._labelling.stop()

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
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> TurnResult:
        """The customer says ``text``; waits for the reply.

        The same ``client_id`` again is the same message: it is answered once. ``headers`` are those of an
        e-mail: what a machine sent by them is stored and not answered. Raises ``EmptyMessage``,
        ``MessageTooLong``.
        """
        state, message = await self._intake.accept(
            workspace_id, conversation_id, text, client_id=client_id, headers=headers
        )
        if state.owner is Owner.BOT and message.kind != AUTOMATIC:
            turn = await asyncio.shield(self._turns.start(workspace_id, conversation_id))
            if turn and turn.reply.reply_to == message.id:
                return TurnResult(turn.conversation, replace(message, labels=turn.labels.now()), turn.reply)
        async with self._database.read() as connection:
            state = await self._conversations.get(connection, workspace_id, conversation_id)
            reply = None
            if message.kind != AUTOMATIC:
                reply = await self._conversations.messages.reply_to(connection, message)
        return TurnResult(state, message, reply)

    async def accept(
        self,
        workspace_id: WorkspaceId,
        conversation_id: ConversationId,
        text: str,
        *,
        client_id: str | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> Message:
        """As ``send``, but returns once ``text`` is stored. The reply comes through ``events``."""
        state, message = await self._intake.accept(
            workspace_id, conversation_id, text, client_id=client_id, headers=headers
        )
        if state.owner is Owner.BOT and message.kind != AUTOMATIC:
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
                stored = await stored_events(
                    connection, self._conversations.messages, workspace_id, conversation_id, after=after
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
        check_text(text)
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
        """The bot's conversation waits for a person, in ``queue`` or where triage says that it belongs."""
        aim = await self._aim(workspace_id, conversation_id)
        return await self._change(
            workspace_id,
            conversation_id,
            lambda state: handoff.hand_over(state, queue=queue or aim.queue, priority=aim.priority),
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
        """``agent`` gives the conversation back to the bot or to its queue. Raises ``WrongOwner``."""
        aim = await self._aim(workspace_id, conversation_id)
        return await self._change(
            workspace_id,
            conversation_id,
            lambda state: handoff.release(state, agent=agent, to=to, queue=aim.queue),
            "released",
        )

    async def resolve(self, workspace_id: WorkspaceId, conversation_id: ConversationId) -> Conversation:
        """Nothing more is owed to the customer."""
        return await self._change(workspace_id, conversation_id, handoff.resolve, "resolved")

    async def erase(self, workspace_id: WorkspaceId, conversation_id: ConversationId) -> None:
        """Delete the conversation with all that was said in it; a turn under way says nothing more."""
        async with self._database.write() as connection:
            await self._conversations.erase(connection, workspace_id, conversation_id)

    async def briefing(self, workspace_id: WorkspaceId, conversation_id: ConversationId) -> Briefing:
        """What a person who takes over should know."""
        async with self._database.read() as connection:
            state = await self._conversations.get(connection, workspace_id, conversation_id)
            messages = await self._conversations.messages.after(connection, workspace_id, conversation_id)
            events = await stored_events(
                connection, self._conversations.messages, workspace_id, conversation_id
            )
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
    ) -> Answer:
        """An answer to ``text`` after ``history``; nothing is stored. Raises as ``send``."""
        check_text(text)
        return await self._asking.ask(workspace_id, text, history=history)

    async def ask_stream(
        self, workspace_id: WorkspaceId, text: str, *, history: Sequence[HistoryTurn] = ()
    ) -> AsyncIterator[AnswerChunk]:
        """As ``ask``, piece by piece; the last chunk carries the answer whole."""
        check_text(text)
        async for chunk in self._asking.stream(workspace_id, text, history=history):
            yield chunk

    async def _aim(self, workspace_id: WorkspaceId, conversation_id: ConversationId) -> Destination:
        async with self._database.read() as connection:
            said = await self._conversations.messages.labels(connection, workspace_id, conversation_id)
        return destination(said, default=self._queue)

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
                events.append(await record(connection, after, kind=EventKind.OWNER, payload=payload))
            if after.status is not before.status:
                await self._labelling.ended(connection, after, solved=after.status is Status.RESOLVED, at=now)
                events.append(
                    await record(
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
