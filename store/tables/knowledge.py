"""Sources, documents with every version they had, and the passages of the current ones."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from store.columns import Float16Array, Id, Json, UtcDateTime
from store.tables.base import metadata, workspace_column

sources = Table(
    "sources",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    Column("kind", String(20), nullable=False),  # folder, website
    Column("location", Text, nullable=False),
    Column("state", Json, nullable=False, default=dict),  # ETags and the like, by document key
    Column("created_at", UtcDateTime, nullable=False),
    Column("synced_at", UtcDateTime),
    UniqueConstraint("workspace_id", "kind", "location"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    Column("source_id", Id, ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("current_version_id", Id),  # empty once removed: the row stays so that old answers can be traced
    Column("created_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
    UniqueConstraint("source_id", "key"),
    Index("ix_documents_workspace_id", "workspace_id"),
)

document_versions = Table(
    "document_versions",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    Column("document_id", Id, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),  # 1, 2, 3, ... within the document
    Column("content_hash", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("url", Text),
    Column("updated_at", UtcDateTime),  # as the source says
    Column("metadata", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("document_id", "number"),
)

passages = Table(
    "passages",
    metadata,
    Column("id", Integer, primary_key=True),
    workspace_column(),
    Column("document_id", Id, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("version_id", Id, ForeignKey("document_versions.id", ondelete="CASCADE"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    # What the lexical index reads. title and headings repeat on each passage on purpose.
    Column("title", Text, nullable=False),
    Column("headings", Text, nullable=False),  # joined by HEADING_SEPARATOR
    Column("context", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("embedding", Float16Array, nullable=False),  # (dimensions,), unit length
    Column("sentence_embeddings", Float16Array),  # (sentences of kit.text.sentences(text), dimensions)
    Index("ix_passages_document_id", "document_id"),
    Index("ix_passages_workspace_id", "workspace_id"),
    sqlite_autoincrement=True,  # an id is never used twice, so a stale index entry cannot name a new passage
)

HEADING_SEPARATOR = " › "

index_operations = Table(
    "index_operations",
    metadata,
    Column("id", Integer, primary_key=True),
    workspace_column(),
    Column("passage_id", Integer, nullable=False),
    Column("delete", Boolean, nullable=False),
    sqlite_autoincrement=True,
)

index_states = Table(
    "index_states",
    metadata,
    workspace_column(),
    Column("encoder", String(200), nullable=False),  # identity of the encoder that made the embeddings
    Column("dimensions", Integer, nullable=False),
    PrimaryKeyConstraint("workspace_id"),
)

ingestions = Table(
    "ingestions",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    Column("source_id", Id, ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("state", String(20), nullable=False),  # running, completed, failed
    Column("counts", Json, nullable=False),  # added, changed, unchanged, removed, failed
    Column("failures", Json, nullable=False),  # [{"key": ..., "reason": ...}]
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
)
