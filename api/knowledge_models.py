"""What the knowledge base looks like on the wire."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from api.wire import QUOTE
from knowledge_base import records
from knowledge_base.sources.source import SourceKind
from retrieval import RankedPassage

SOURCE_ID = "src_06dbmzzw1b3d5f7h9k1n3q5s7v"
DOCUMENT_ID = "doc_06dbmzzx2c4e6g8j0m2p4r6t8w"
VERSION_ID = "ver_06dbmzzx3d5f7h9k1n3q5s7v9x"
TITLE = "Change your mind: the 14-day cooling-off period"
KEY = "cancelling/cooling-off.md"
DAY = "2026-05-20T00:00:00Z"


class Failure(BaseModel):
    """A document that could not be read, and why."""

    key: str = Field(examples=["prices.pdf"])
    reason: str = Field(examples=["The PDF is damaged: it ends in the middle."])


class Ingestion(BaseModel):
    """One run over a source. ``failures`` are the first hundred."""

    id: str = Field(examples=["ing_06dbmzzw0a2c4e6g8j0m2p4r6t"])
    state: records.IngestionState = Field(examples=["completed"])
    counts: dict[str, int] = Field(examples=[{"added": 61, "changed": 0, "removed": 0, "failed": 0}])
    failures: list[Failure]
    started_at: datetime = Field(examples=["2026-11-21T09:58:00Z"])
    finished_at: datetime | None = Field(examples=["2026-11-21T09:58:09Z"])

    @classmethod
    def of(cls, record: records.IngestionRecord) -> Ingestion:
        """``record`` as it is sent."""
        return cls(
            id=record.id,
            state=record.state,
            counts=dict(record.counts),
            failures=[Failure(key=failure.key, reason=failure.reason) for failure in record.failures[:100]],
            started_at=record.started_at,
            finished_at=record.finished_at,
        )


class Source(BaseModel):
    """A place that documents come from."""

    id: str = Field(examples=[SOURCE_ID])
    kind: SourceKind = Field(examples=["website"])
    location: str = Field(examples=["https://help.brightwater.example/"])
    documents: int = Field(examples=[61])
    created_at: datetime = Field(examples=["2026-11-21T09:58:00Z"])
    synced_at: datetime | None = Field(examples=["2026-11-21T09:58:09Z"])
    last_ingestion: Ingestion | None

    @classmethod
    def of(cls, record: records.SourceRecord) -> Source:
        """``record`` as it is sent."""
        return cls(
            id=record.id,
            kind=record.kind,
            location=record.location,
            documents=record.documents,
            created_at=record.created_at,
            synced_at=record.synced_at,
            last_ingestion=Ingestion.of(record.last_ingestion) if record.last_ingestion else None,
        )


class SourceList(BaseModel):
    """Every source, oldest first."""

    items: list[Source]


class Document(BaseModel):
    """A document, as it is now or as it last was."""

    id: str = Field(examples=[DOCUMENT_ID])
    source_id: str = Field(examples=[SOURCE_ID])
    key: str = Field(description="Its name within its source.", examples=[KEY])
    title: str = Field(examples=[TITLE])
    url: str | None = Field(examples=[None])
    version_id: str = Field(examples=[VERSION_ID])
    version: int = Field(description="1, 2, 3, ... within the document.", examples=[1])
    passages: int = Field(examples=[5])
    updated_at: datetime | None = Field(description="As its source says.", examples=[DAY])
    removed_at: datetime | None = Field(examples=[None])

    @classmethod
    def of(cls, record: records.DocumentRecord) -> Document:
        """``record`` as it is sent."""
        return cls(
            id=record.id,
            source_id=record.source_id,
            key=record.key,
            title=record.title,
            url=record.url,
            version_id=record.version_id,
            version=record.version,
            passages=record.passages,
            updated_at=record.updated_at,
            removed_at=record.removed_at,
        )


class DocumentPage(BaseModel):
    """Documents in the order they were added; pass ``next`` as ``after`` for more."""

    items: list[Document]
    next: str | None = Field(examples=[None])


class Version(BaseModel):
    """One version of a document, whole. Offsets of citations count code points of ``text``."""

    id: str = Field(examples=[VERSION_ID])
    document_id: str = Field(examples=[DOCUMENT_ID])
    number: int = Field(examples=[1])
    title: str = Field(examples=[TITLE])
    text: str = Field(description="Markdown.", examples=[QUOTE])
    url: str | None = Field(examples=[None])
    updated_at: datetime | None = Field(examples=[DAY])
    created_at: datetime = Field(examples=["2026-11-21T09:58:04Z"])
    current: bool = Field(description="Whether new answers are drawn from it.", examples=[True])
    metadata: dict[str, str] = Field(examples=[{"category": "cancelling"}])

    @classmethod
    def of(cls, record: records.VersionRecord) -> Version:
        """``record`` as it is sent."""
        return cls(
            id=record.id,
            document_id=record.document_id,
            number=record.number,
            title=record.title,
            text=record.text,
            url=record.url,
            updated_at=record.updated_at,
            created_at=record.created_at,
            current=record.current,
            metadata=dict(record.metadata),
        )


class Hit(BaseModel):
    """A passage that a search found. Compare ``score`` within one search only."""

    passage_id: int = Field(examples=[17])
    document_id: str = Field(examples=[DOCUMENT_ID])
    version_id: str = Field(examples=[VERSION_ID])
    title: str = Field(examples=[TITLE])
    headings: list[str] = Field(examples=[["How"]])
    text: str = Field(examples=[QUOTE])
    start: int = Field(examples=[0])
    end: int = Field(examples=[len(QUOTE)])
    url: str | None = Field(examples=[None])
    score: float = Field(examples=[0.71])
    dense: float = Field(description="Cosine of question and passage.", examples=[0.62])
    lexical: float = Field(description="BM25 of the question's words.", examples=[8.4])

    @classmethod
    def of(cls, ranked: RankedPassage) -> Hit:
        """``ranked`` as it is sent."""
        passage = ranked.passage
        return cls(
            passage_id=passage.id,
            document_id=passage.document_id,
            version_id=passage.version_id,
            title=passage.title,
            headings=list(passage.headings),
            text=passage.text,
            start=passage.start,
            end=passage.end,
            url=passage.url,
            score=ranked.score,
            dense=ranked.dense,
            lexical=ranked.lexical,
        )


class SearchResult(BaseModel):
    """Passages, best first."""

    items: list[Hit]


class KnowledgeHealth(BaseModel):
    """How the knowledge base stands. ``failing`` documents could not be read the last time."""

    sources: int = Field(examples=[1])
    documents: int = Field(examples=[61])
    removed_documents: int = Field(examples=[0])
    versions: int = Field(examples=[61])
    passages: int = Field(examples=[412])
    pending_index_operations: int = Field(examples=[0])
    failing: int = Field(examples=[0])
    encoder: str | None = Field(examples=["all-MiniLM-L6-v2@1"])
    last_synced_at: datetime | None = Field(examples=["2026-11-21T09:58:09Z"])

    @classmethod
    def of(cls, health: records.KnowledgeHealth) -> KnowledgeHealth:
        """``health`` as it is sent."""
        return cls(
            sources=health.sources,
            documents=health.documents,
            removed_documents=health.removed_documents,
            versions=health.versions,
            passages=health.passages,
            pending_index_operations=health.pending_index_operations,
            failing=health.failing,
            encoder=health.encoder,
            last_synced_at=health.last_synced_at,
        )
