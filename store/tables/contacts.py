"""What turns of conversations were about: for counts, which tickets carry in columns of their own."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table

from store.columns import Id, UtcDateTime
from store.tables.base import metadata, workspace_column

contacts = Table(
    "contacts",
    metadata,
    Column("id", Id, primary_key=True),  # of the last message of the turn
    workspace_column(),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("intent", String(200), nullable=False),
    Column("queue", String(200), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_contacts_workspace_id_at", "workspace_id", "at"),
    Index("ix_contacts_conversation_id", "conversation_id"),
)
