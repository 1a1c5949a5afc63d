"""Conversations in the database. Every function takes the connection of a running transaction.

Texts are encrypted on the way in and decrypted on the way out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Integer, Row, bindparam, case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.answer import Answer
from bot.conversation import (
    AUTOMATIC,
    MESSAGE,
    Author,
    Conversation,
    ConversationEvent,
    EventKind,
    Message,
    Owner,
    Status,
)
from bot.conversation_events import record
from bot.errors import UnknownConversation
from bot.labels import Labels
from bot.messages import MessageStore, cited_sentences
from kit.ids import ConversationId, MessageId, WorkspaceId, new_id
from store.encryption import Cipher
from store.tables import conversations, messages
from triage.labels import Priority

_CONVERSATION = [
    column
    for column in conversations.c
    if column.name not in {"redactions", "next_sequence", "answered_sequence"}
]
# Statements of every turn, built once: building one costs more than SQLite needs to run it.
_GET = select(conversations).where(
    conversations.c.id == bindparam("conversation"), conversations.c.workspace_id == bindparam("workspace")
)
_GET_LOCKED = _GET.with_for_update()
_CHANGING = ("owner", "status", "agent", "queue", "priority", "language", "updated_at")
_UPDATE = (
    conversations.update()
    .where(conversations.c.id == bindparam("conversation"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)
_APPEND = _UPDATE.values(
    next_sequence=conversations.c.next_sequence + 1,
    answered_sequence=case(
        (bindparam("answers_all", type_=Boolean), conversations.c.next_sequence),
        (bindparam("answered", type_=Integer) > conversations.c.answered_sequence, bindparam("answered")),
        else_=conversations.c.answered_sequence,
    ),
).returning(conversations.c.next_sequence)
_HISTORY = 20  # messages that a turn looks back on


@dataclass(frozen=True, slots=True)
class TurnState:
    """A conversation before a turn: the mapping of its placeholders, its last messages, what is answered."""

    conversation: Conversation
    redactions: dict[str, str]
    recent: Sequence[Message]
    answered: int

    @property
    def burst(self) -> list[Message]:
        """The customer's messages that nobody has answered, oldest first."""
        return [m for m in self._said if m.author is Author.CUSTOMER and m.sequence > self.answered]

    @property
    def history(self) -> list[Message]:
        """The messages before them, oldest first."""
        waiting = {message.id for message in self.burst}
        return [message for message in self._said if message.id not in waiting]

    @property
    def _said(self) -> list[Message]:
        """What people and the bot said: nobody answers a machine."""
        return [message for message in self.recent if message.kind != AUTOMATIC]


class ConversationStore:
    """Reads and writes conversations; knows no rules."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self.messages = MessageStore(cipher)

    async def add(self, connection: AsyncConnection, conversation: Conversation) -> None:
        """Store a new conversation, without messages."""
        await connection.execute(
            conversations.insert().values(
                id=conversation.id,
                workspace_id=conversation.workspace_id,
                channel=conversation.channel,
                visitor_id=conversation.visitor_id,
                owner=conversation.owner,
                status=conversation.status,
                next_sequence=1,
                answered_sequence=0,
                created_at=conversation.created_at,
                updated_at=conversation.updated_at,
            )
        )

    async def get(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        conversation: ConversationId,
        *,
        lock: bool = False,
    ) -> Conversation:
        """The conversation; with ``lock`` nobody else changes it until the transaction ends.

        Raises ``UnknownConversation``.
        """
        key = {"conversation": conversation, "workspace": workspace}
        row = (await connection.execute(_GET_LOCKED if lock else _GET, key)).one_or_none()
        if row is None:
            raise UnknownConversation(f"There is no conversation {conversation}.")
        return _conversation(row)

    async def page(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        *,
        before: ConversationId | None,
        limit: int,
        matching: Mapping[str, str | None],
    ) -> list[Conversation]:
        """Conversations whose columns equal ``matching`` (none: any), newest first, before ``before``."""
        query = select(*_CONVERSATION).where(conversations.c.workspace_id == workspace)
        for column, value in matching.items():
            if value is not None:
                query = query.where(conversations.c[column] == value)
        if before is not None:
            query = query.where(conversations.c.id < before)
        rows = await connection.execute(query.order_by(conversations.c.id.desc()).limit(limit))
        return [_conversation(row) for row in rows]

    async def erase(
        self, connection: AsyncConnection, workspace: WorkspaceId, conversation: ConversationId
    ) -> None:
        """Delete the conversation with its messages, events, ratings, and signals that quote it.

        Raises ``UnknownConversation``.
        """
        gone = conversations.delete().where(
            conversations.c.workspace_id == workspace, conversations.c.id == conversation
        )
        if not (await connection.execute(gone)).rowcount:
            raise UnknownConversation(f"There is no conversation {conversation}.")

    async def update(self, connection: AsyncConnection, conversation: Conversation) -> None:
        """Write back everything about ``conversation`` that can change."""
        await connection.execute(_UPDATE, _changed(conversation))

    async def append(
        self,
        connection: AsyncConnection,
        conversation: Conversation,
        *,
        author: Author,
        text: str,
        kind: str = MESSAGE,
        client_id: str | None = None,
        answer: Answer | None = None,
        reply_to: Message | None = None,
    ) -> tuple[Message, ConversationEvent]:
        """Add a message at the end, record that, and write back ``conversation`` as ``update`` does.

        ``conversation.updated_at`` is the message's time. The customer's messages up to ``reply_to`` (for a
        person's message: all before it) count as answered.
        """
        answered = 0 if reply_to is None else reply_to.sequence
        values = {**_changed(conversation), "answered": answered, "answers_all": author is Author.AGENT}
        sequence = int((await connection.execute(_APPEND, values)).scalar_one()) - 1
        message = Message(
            id=MessageId(new_id("msg")),
            conversation_id=conversation.id,
            sequence=sequence,
            author=author,
            text=text,
            kind=str(answer.kind) if answer else kind,
            created_at=conversation.updated_at,
            citations=cited_sentences(answer) if answer else (),
            options=answer.options if answer else (),
            answerability=answer.answerability if answer else None,
            trace=answer.trace if answer else {},
            client_id=client_id,
            reply_to=reply_to.id if reply_to else None,
        )
        await self.messages.add(connection, conversation.workspace_id, message)
        payload = {
            "message_id": message.id,
            "sequence": message.sequence,
            "author": str(message.author),
            "reply_to": message.reply_to,
        }
        event = await record(
            connection, conversation, kind=EventKind.MESSAGE, payload=payload, message=message
        )
        return message, event

    async def label(
        self,
        connection: AsyncConnection,
        conversation: Conversation,
        message: Message,
        *,
        labels: Labels,
        at: datetime,
    ) -> ConversationEvent:
        """Keep ``labels`` with ``message``, and record that."""
        await self.messages.label(connection, conversation.workspace_id, message.id, labels)
        return await record(
            connection,
            replace(conversation, updated_at=at),
            kind=EventKind.LABELS,
            payload={"message_id": message.id, "sequence": message.sequence},
            message=replace(message, labels=labels),
        )

    async def begin_turn(
        self, connection: AsyncConnection, workspace: WorkspaceId, conversation: ConversationId
    ) -> TurnState:
        """What a turn starts from. Raises ``UnknownConversation``."""
        key = {"conversation": conversation, "workspace": workspace}
        row = (await connection.execute(_GET, key)).one_or_none()
        if row is None:
            raise UnknownConversation(f"There is no conversation {conversation}.")
        mapping = {} if row.redactions is None else json.loads(self._cipher.decrypt(row.redactions))
        recent = await self.messages.latest(connection, conversation, limit=_HISTORY)
        return TurnState(_conversation(row), mapping, recent, row.answered_sequence)

    async def save_redactions(
        self, connection: AsyncConnection, conversation: ConversationId, mapping: Mapping[str, str]
    ) -> None:
        """Remember what the conversation's placeholders stand for."""
        await connection.execute(
            conversations.update()
            .where(conversations.c.id == conversation)
            .values(redactions=self._cipher.encrypt(json.dumps(dict(mapping))))
        )

    async def unanswered(self, connection: AsyncConnection) -> list[tuple[WorkspaceId, ConversationId]]:
        """Open conversations of the bot, of every workspace, in which a customer waits for an answer."""
        query = (
            select(conversations.c.workspace_id, conversations.c.id)
            .join(messages, messages.c.conversation_id == conversations.c.id)
            .where(
                conversations.c.owner == Owner.BOT,
                conversations.c.status == Status.OPEN,
                messages.c.sequence > conversations.c.answered_sequence,
                messages.c.author == Author.CUSTOMER,
                messages.c.kind != AUTOMATIC,
            )
            .distinct()
        )
        return [(WorkspaceId(row[0]), ConversationId(row[1])) for row in await connection.execute(query)]


def _conversation(row: Row[Any]) -> Conversation:
    return Conversation(
        id=ConversationId(row.id),
        workspace_id=WorkspaceId(row.workspace_id),
        channel=row.channel,
        owner=Owner(row.owner),
        status=Status(row.status),
        created_at=row.created_at,
        updated_at=row.updated_at,
        visitor_id=row.visitor_id,
        agent=row.agent,
        queue=row.queue,
        priority=None if row.priority is None else Priority(row.priority),
        language=row.language,
    )


def _changed(conversation: Conversation) -> dict[str, object]:
    return {
        "conversation": conversation.id,
        **{f"new_{name}": getattr(conversation, name) for name in _CHANGING},
    }
