"""Conversations in the database. Every function takes the connection of a running transaction.

Texts are encrypted on the way in and decrypted on the way out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import (
    Author,
    Conversation,
    ConversationEvent,
    EventKind,
    Message,
    Owner,
    Status,
)
from bot.errors import UnknownConversation
from bot.messages import MessageStore
from kit.ids import ConversationId, WorkspaceId
from store.encryption import Cipher
from store.tables import conversation_events, conversations, messages

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
        return [m for m in self.recent if m.author is Author.CUSTOMER and m.sequence > self.answered]

    @property
    def history(self) -> list[Message]:
        """The messages before them, oldest first."""
        waiting = {message.id for message in self.burst}
        return [message for message in self.recent if message.id not in waiting]


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
        query = select(*_CONVERSATION).where(
            conversations.c.id == conversation, conversations.c.workspace_id == workspace
        )
        row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
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

    async def update(self, connection: AsyncConnection, conversation: Conversation) -> None:
        """Write back everything about ``conversation`` that can change."""
        await connection.execute(
            conversations.update()
            .where(conversations.c.id == conversation.id)
            .values(
                owner=conversation.owner,
                status=conversation.status,
                agent=conversation.agent,
                queue=conversation.queue,
                language=conversation.language,
                updated_at=conversation.updated_at,
            )
        )

    async def begin_turn(
        self, connection: AsyncConnection, workspace: WorkspaceId, conversation: ConversationId
    ) -> TurnState:
        """What a turn starts from. Raises ``UnknownConversation``."""
        query = select(conversations).where(
            conversations.c.id == conversation, conversations.c.workspace_id == workspace
        )
        row = (await connection.execute(query)).one_or_none()
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

    async def mark_answered(self, connection: AsyncConnection, message: Message) -> None:
        """Note that the customer's messages up to ``message`` are answered."""
        await connection.execute(
            conversations.update()
            .where(conversations.c.id == message.conversation_id)
            .values(answered_sequence=message.sequence)
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
            )
            .distinct()
        )
        return [(WorkspaceId(row[0]), ConversationId(row[1])) for row in await connection.execute(query)]

    async def record(
        self,
        connection: AsyncConnection,
        conversation: Conversation,
        *,
        kind: EventKind,
        payload: Mapping[str, object],
        at: datetime,
        message: Message | None = None,
    ) -> ConversationEvent:
        """Store an event that streams can resume from."""
        result = await connection.execute(
            conversation_events.insert().values(
                workspace_id=conversation.workspace_id,
                conversation_id=conversation.id,
                kind=kind,
                payload=dict(payload),
                created_at=at,
            )
        )
        assert result.inserted_primary_key is not None
        return ConversationEvent(int(result.inserted_primary_key[0]), kind, payload, message)

    async def events(
        self, connection: AsyncConnection, workspace: WorkspaceId, conversation: ConversationId, *, after: int
    ) -> list[ConversationEvent]:
        """Stored events with an id above ``after``, oldest first; message events carry their message."""
        query = (
            select(conversation_events)
            .where(
                conversation_events.c.workspace_id == workspace,
                conversation_events.c.conversation_id == conversation,
                conversation_events.c.id > after,
            )
            .order_by(conversation_events.c.id)
        )
        rows = (await connection.execute(query)).all()
        sequences = [row.payload["sequence"] for row in rows if row.kind == EventKind.MESSAGE]
        found = (
            await self.messages.after(connection, workspace, conversation, sequence=min(sequences) - 1)
            if sequences
            else []
        )
        by_id = {message.id: message for message in found}
        return [
            ConversationEvent(
                row.id, EventKind(row.kind), row.payload, by_id.get(row.payload.get("message_id", ""))
            )
            for row in rows
        ]


_CONVERSATION = [
    column
    for column in conversations.c
    if column.name not in {"redactions", "next_sequence", "answered_sequence"}
]


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
        language=row.language,
    )
