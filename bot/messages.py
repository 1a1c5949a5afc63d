"""Messages in the database, with what they quote. Every function takes a running transaction's connection.

Texts are encrypted on the way in and decrypted on the way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.answer import Answer, Citation
from bot.conversation import AUTOMATIC, Author, CitedSentence, Message, Rating
from bot.errors import UnknownMessage
from bot.labels import Labels, of_record, to_record
from kit.ids import ConversationId, DocumentId, MessageId, PassageId, VersionId, WorkspaceId, new_id
from store.encryption import Cipher
from store.tables import citations, feedback, messages
from store.tables.knowledge import HEADING_SEPARATOR

_TURNS = 10  # that a handover looks back on, to find what the conversation is about
# Statements of every turn, built once: building one costs more than SQLite needs to run it.
_INSERT = messages.insert()
_INSERT_CITATIONS = citations.insert()
_LATEST = (
    select(messages)
    .where(messages.c.conversation_id == bindparam("conversation"))
    .order_by(messages.c.sequence.desc())
    .limit(bindparam("count"))
)


class MessageStore:
    """Reads and writes messages; knows no rules."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    async def add(self, connection: AsyncConnection, workspace: WorkspaceId, message: Message) -> None:
        """Store a new message with its citations."""
        await connection.execute(_INSERT, self._row(workspace, message))
        if message.citations:
            await connection.execute(
                _INSERT_CITATIONS,
                [_citation_row(workspace, message.id, cited) for cited in message.citations],
            )

    async def after(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        conversation: ConversationId,
        *,
        sequence: int = 0,
        limit: int | None = None,
    ) -> list[Message]:
        """Messages with a sequence above ``sequence``, oldest first, with their citations."""
        query = (
            select(messages)
            .where(
                messages.c.workspace_id == workspace,
                messages.c.conversation_id == conversation,
                messages.c.sequence > sequence,
            )
            .order_by(messages.c.sequence)
            .limit(limit)
        )
        return await self._with_citations(connection, (await connection.execute(query)).all())

    async def label(
        self, connection: AsyncConnection, workspace: WorkspaceId, message: MessageId, labels: Labels
    ) -> None:
        """Keep what triage says of the turn that ends with ``message``."""
        await connection.execute(
            messages.update()
            .where(messages.c.id == message, messages.c.workspace_id == workspace)
            .values(labels=self._cipher.encrypt(to_record(labels)))
        )

    async def labels(
        self, connection: AsyncConnection, workspace: WorkspaceId, conversation: ConversationId
    ) -> list[Labels]:
        """What triage said of the last turns of a conversation, newest first."""
        query = (
            select(messages.c.labels)
            .where(
                messages.c.workspace_id == workspace,
                messages.c.conversation_id == conversation,
                messages.c.labels.is_not(None),
                messages.c.kind != AUTOMATIC,
            )
            .order_by(messages.c.sequence.desc())
            .limit(_TURNS)
        )
        found = [self._labels(row.labels) for row in await connection.execute(query)]
        return [labels for labels in found if labels is not None]

    async def latest(
        self, connection: AsyncConnection, conversation: ConversationId, *, limit: int
    ) -> list[Message]:
        """The last ``limit`` messages, oldest first, without citations and labels."""
        rows = (await connection.execute(_LATEST, {"conversation": conversation, "count": limit})).all()
        return [self._message(row, (), with_labels=False) for row in reversed(rows)]

    async def get(self, connection: AsyncConnection, workspace: WorkspaceId, message: MessageId) -> Message:
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

    def _labels(self, stored: bytes | None) -> Labels | None:
        return None if stored is None else of_record(self._cipher.decrypt(stored))

    def _message(
        self, row: Row[Any], cited: tuple[CitedSentence, ...], *, with_labels: bool = True
    ) -> Message:
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
            labels=self._labels(row.labels) if with_labels else None,
        )


def cited_sentences(answer: Answer) -> tuple[CitedSentence, ...]:
    """The citations of ``answer`` with the sentence that each supports."""
    return tuple(
        CitedSentence(number, citation, sentence.support)
        for number, sentence in enumerate(answer.sentences)
        for citation in sentence.citations
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
