"""What the catalogue returns: sources, documents, their versions, and how an ingestion went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kit.ids import DocumentId, VersionId
from knowledge_base.document import DocumentKind
from knowledge_base.sources.source import Failure, SourceKind


class IngestionState(StrEnum):
    """How far an ingestion came."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"  # ended early; what it had committed stands, and the next one goes on from there


@dataclass(frozen=True, slots=True)
class IngestionRecord:
    """One run of a sync. ``counts``: added, changed, unchanged, removed, failed, skipped, passages."""

    id: str
    source_id: str
    state: IngestionState
    counts: Mapping[str, int]
    failures: tuple[Failure, ...]
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A source, the number of its current documents, and its last ingestion."""

    id: str
    kind: SourceKind
    location: str
    documents: int
    created_at: datetime
    synced_at: datetime | None
    last_ingestion: IngestionRecord | None


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document in a list: what it is now, or what it last was if ``removed_at`` is set."""

    id: DocumentId
    source_id: str
    key: str
    title: str
    url: str | None
    version_id: VersionId
    version: int
    passages: int
    updated_at: datetime | None
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """One page of a list. ``next_cursor`` asks for the following one; none on the last."""

    items: tuple[DocumentRecord, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One version of a document, whole. ``number`` counts 1, 2, 3, ... within the document.

    ``text`` is the canonical Markdown that the offsets of a citation of this version count in.
    ``current`` is false for a version that no new answer is drawn from.
    """

    id: VersionId
    document_id: DocumentId
    document_key: str
    number: int
    title: str
    text: str
    kind: DocumentKind
    url: str | None
    updated_at: datetime | None
    created_at: datetime
    current: bool
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnowledgeHealth:
    """How a workspace's knowledge base stands: counts, and what an operator should look at.

    ``encoder`` is the identity of the encoder that made the index, none before the first sync.
    ``failing`` counts documents whose last ingestion could not read them.
    """

    sources: int
    documents: int
    removed_documents: int
    versions: int
    passages: int
    pending_index_operations: int
    failing: int
    encoder: str | None
    last_synced_at: datetime | None
