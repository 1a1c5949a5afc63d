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

from bot.answer import Answer, Citation
from bot.conversation import (
    Author,
    CitedSentence,
    Conversation,
    ConversationEvent,
    EventKind,
    Message,
    Owner,
    Rating,
    Status,
)
from bot.errors import UnknownConversation, UnknownMessage
from kit.ids import ConversationId, DocumentId, MessageId, PassageId, VersionId, WorkspaceId, new_id
from store.encryption import Cipher
from store.tables import citations, conversation_events, conversations, feedback, messages
from store.tables.knowledge import HEADING_SEPARATOR

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
        recent = await self.latest(connection, conversation, limit=_HISTORY)
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

    async def append(
        self,
        connection: AsyncConnection,
        conversation: Conversation,
        *,
        author: Author,
        text: str,
        at: datetime,
        client_id: str | None = None,
        answer: Answer | None = None,
        reply_to: MessageId | None = None,
    ) -> Message:
        """Add a message at the end, with the citations of ``answer`` when the bot wrote it."""
        sequence = await self._next_sequence(connection, conversation)
        message = Message(
            id=MessageId(new_id("msg")),
            conversation_id=conversation.id,
            sequence=sequence,
            author=author,
            text=text,
            kind=str(answer.kind) if answer else "message",
            created_at=at,
            citations=cited_sentences(answer) if answer else (),
            options=answer.options if answer else (),
            answerability=answer.answerability if answer else None,
            trace=answer.trace if answer else {},
            client_id=client_id,
            reply_to=reply_to,
        )
        await connection.execute(messages.insert().values(self._row(conversation.workspace_id, message)))
        if message.citations:
            await connection.execute(
                citations.insert(),
                [_citation_row(conversation.workspace_id, message.id, cited) for cited in message.citations],
            )
        return message

    async def messages(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        conversation: ConversationId,
        *,
        after: int = 0,
        limit: int | None = None,
    ) -> list[Message]:
        """Messages with a sequence above ``after``, oldest first, with their citations."""
        query = (
            select(messages)
            .where(
                messages.c.workspace_id == workspace,
                messages.c.conversation_id == conversation,
                messages.c.sequence > after,
            )
            .order_by(messages.c.sequence)
            .limit(limit)
        )
        return await self._with_citations(connection, (await connection.execute(query)).all())

    async def latest(
        self, connection: AsyncConnection, conversation: ConversationId, *, limit: int
    ) -> list[Message]:
        """The last ``limit`` messages, oldest first, without citations."""
        query = (
            select(messages)
            .where(messages.c.conversation_id == conversation)
            .order_by(messages.c.sequence.desc())
            .limit(limit)
        )
        rows = (await connection.execute(query)).all()
        return [self._message(row, ()) for row in reversed(rows)]

    async def message(
        self, connection: AsyncConnection, workspace: WorkspaceId, message: MessageId
    ) -> Message:
        """One message with its citations. Raises ``UnknownMessage``."""
        query = select(messages).where(messages.c.id == message, messages.c.workspace_id == workspace)
        found = await self._with_citations(connection, (await connection.execute(query)).all())
        if not found:
            raise UnknownMessage(f"There is no message {message}.")
        return found[0]

    async def by_client_id(
        self, connection: AsyncConnection, conversation: ConversationId, client_id: str
    ) -> Message | None:
        """The message that the client has already sent under this id, if any."""
        query = select(messages).where(
            messages.c.conversation_id == conversation, messages.c.client_id == client_id
        )
        row = (await connection.execute(query)).one_or_none()
        return None if row is None else self._message(row, ())

    async def reply_to(self, connection: AsyncConnection, message: Message) -> Message | None:
        """The bot's message that answers the customer's ``message``, with citations, if there is one.

        It replies to the last message of a burst, so that is ``message`` or a later one.
        """
        asked = messages.alias("asked")
        query = (
            select(messages)
            .join(asked, asked.c.id == messages.c.reply_to)
            .where(
                messages.c.conversation_id == message.conversation_id,
                messages.c.author == Author.BOT,
                asked.c.sequence >= message.sequence,
            )
            .order_by(messages.c.sequence)
            .limit(1)
        )
        found = await self._with_citations(connection, (await connection.execute(query)).all())
        return found[0] if found else None

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
            await self.messages(connection, workspace, conversation, after=min(sequences) - 1)
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

    async def rate(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        message: Message,
        *,
        rating: Rating,
        reason: str | None,
        at: datetime,
    ) -> None:
        """Store the customer's rating of a message; a later one takes the place of an earlier one."""
        await connection.execute(feedback.delete().where(feedback.c.message_id == message.id))
        await connection.execute(
            feedback.insert().values(
                id=new_id("fb"),
                workspace_id=workspace,
                conversation_id=message.conversation_id,
                message_id=message.id,
                rating=rating,
                reason=self._cipher.encrypt(reason) if reason else None,
                created_at=at,
            )
        )

    async def _next_sequence(self, connection: AsyncConnection, conversation: Conversation) -> int:
        result = await connection.execute(
            conversations.update()
            .where(conversations.c.id == conversation.id)
            .values(next_sequence=conversations.c.next_sequence + 1)
            .returning(conversations.c.next_sequence)
        )
        return int(result.scalar_one()) - 1

    async def _with_citations(self, connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Message]:
        ids = [row.id for row in rows if row.author == Author.BOT]
        cited: dict[str, list[CitedSentence]] = {}
        if ids:
            query = select(citations).where(citations.c.message_id.in_(ids)).order_by(citations.c.id)
            for row in await connection.execute(query):
                cited.setdefault(row.message_id, []).append(_cited_sentence(row))
        return [self._message(row, tuple(cited.get(row.id, ()))) for row in rows]

    def _row(self, workspace: WorkspaceId, message: Message) -> dict[str, object]:
        return {
            "id": message.id,
            "workspace_id": workspace,
            "conversation_id": message.conversation_id,
            "sequence": message.sequence,
            "author": message.author,
            "text": self._cipher.encrypt(message.text),
            "kind": message.kind,
            "answerability": message.answerability,
            "trace": dict(message.trace),
            "options": list(message.options),
            "client_id": message.client_id,
            "reply_to": message.reply_to,
            "created_at": message.created_at,
        }

    def _message(self, row: Row[Any], cited: tuple[CitedSentence, ...]) -> Message:
        return Message(
            id=MessageId(row.id),
            conversation_id=ConversationId(row.conversation_id),
            sequence=row.sequence,
            author=Author(row.author),
            text=self._cipher.decrypt(row.text),
            kind=row.kind,
            created_at=row.created_at,
            citations=cited,
            options=tuple(row.options or ()),
            answerability=row.answerability,
            trace=row.trace or {},
            client_id=row.client_id,
            reply_to=row.reply_to,
        )


_CONVERSATION = [
    column
    for column in conversations.c
    if column.name not in {"redactions", "next_sequence", "answered_sequence"}
]


def cited_sentences(answer: Answer) -> tuple[CitedSentence, ...]:
    """The citations of ``answer`` with the sentence that each supports."""
    return tuple(
        CitedSentence(number, citation, sentence.support)
        for number, sentence in enumerate(answer.sentences)
        for citation in sentence.citations
    )


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


def _citation_row(workspace: WorkspaceId, message: MessageId, cited: CitedSentence) -> dict[str, object]:
    citation = cited.citation
    return {
        "workspace_id": workspace,
        "message_id": message,
        "sentence": cited.sentence,
        "document_id": citation.document_id,
        "version_id": citation.version_id,
        "passage_id": citation.passage_id,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "title": citation.title,
        "headings": HEADING_SEPARATOR.join(citation.headings),
        "url": citation.url,
        "support": cited.support,
    }


def _cited_sentence(row: Row[Any]) -> CitedSentence:
    return CitedSentence(
        sentence=row.sentence,
        citation=Citation(
            document_id=DocumentId(row.document_id),
            version_id=VersionId(row.version_id),
            passage_id=PassageId(row.passage_id),
            quote=row.quote,
            start=row.start,
            end=row.end,
            title=row.title,
            headings=tuple(row.headings.split(HEADING_SEPARATOR)) if row.headings else (),
            url=row.url,
        ),
        support=row.support,
    )
