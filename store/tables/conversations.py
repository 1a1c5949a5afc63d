"""Conversations, their messages, what those messages quoted, and the events a client can resume from."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from store.columns import Id, Json, UtcDateTime
from store.tables.base import metadata, workspace_column

conversations = Table(
    "conversations",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    Column("channel", String(40), nullable=False),
    Column("visitor_id", String(80)),
    Column("owner", String(20), nullable=False),  # bot, queue, human
    Column("agent", String(200)),  # who, while owner is human
    Column("queue", String(80)),  # which, while owner is queue
    Column("priority", String(2)),  # P1 to P4, from the handover until it is resolved or the bot has it again
    Column("status", String(20), nullable=False),  # open, resolved
    Column("language", String(8)),
    Column("redactions", LargeBinary),  # encrypted mapping of placeholders to what they stand for
    Column("next_sequence", Integer, nullable=False),
    Column("answered_sequence", Integer, nullable=False),  # the customer's messages up to here are answered
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_conversations_workspace_id_updated_at", "workspace_id", "updated_at"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("sequence", Integer, nullable=False),  # 1, 2, 3, ... within the conversation
    Column("author", String(20), nullable=False),  # customer, bot, agent
    Column("text", LargeBinary, nullable=False),  # encrypted
    Column("kind", String(20), nullable=False),  # message, automatic; of the bot: answer, clarify, ...
    Column("answerability", Float),  # calibrated probability that the knowledge base answers, 0..1
    Column("trace", Json),  # how the answer came about: no message text
    Column("options", Json),  # choices of a clarifying question
    Column("labels", LargeBinary),  # encrypted: what triage says of the turn that ends with this message
    Column("client_id", String(80)),  # the client's own id: the same one twice is the same message
    Column("reply_to", Id),  # the customer message that a bot message answers
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("conversation_id", "sequence"),
    UniqueConstraint("conversation_id", "client_id"),
)

citations = Table(
    "citations",
    metadata,
    Column("id", Integer, primary_key=True),
    workspace_column(),
    Column("message_id", Id, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("sentence", Integer, nullable=False),  # index of the answer's sentence, from 0
    Column("document_id", Id, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("version_id", Id, ForeignKey("document_versions.id", ondelete="CASCADE"), nullable=False),
    Column("passage_id", Integer, nullable=False),  # no foreign key: passages go with their version
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("quote", Text, nullable=False),  # document_versions.text[start:end]
    Column("title", Text, nullable=False),
    Column("headings", Text, nullable=False),
    Column("url", Text),
    Column("support", Float, nullable=False),  # groundedness of the sentence, 0..1
    Index("ix_citations_message_id", "message_id"),
    sqlite_autoincrement=True,
)

conversation_events = Table(
    "conversation_events",
    metadata,
    Column("id", Integer, primary_key=True),
    workspace_column(),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(40), nullable=False),  # message, labels, owner, status
    Column("payload", Json, nullable=False),  # ids and states only, no message text
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_conversation_events_conversation_id_id", "conversation_id", "id"),
    sqlite_autoincrement=True,
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("message_id", Id, ForeignKey("messages.id", ondelete="CASCADE")),
    Column("rating", String(10), nullable=False),  # up, down
    Column("reason", LargeBinary),  # encrypted
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("conversation_id", "message_id"),
)
