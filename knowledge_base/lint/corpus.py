"""The current documents and passages of a workspace, in memory to be compared with one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from sqlalchemy import select

from inference.embeddings import Matrix
from kit.ids import DocumentId, WorkspaceId
from knowledge_base.document import DocumentKind
from knowledge_base.lint.finding import Place
from store.engine import Database
from store.tables import document_versions, documents, passages


@dataclass(frozen=True, slots=True)
class LintedDocument:
    """A current document."""

    id: DocumentId
    source_id: str
    key: str
    title: str
    text: str
    kind: DocumentKind
    url: str | None
    updated_at: datetime | None

    def place(self, quote: str = "") -> Place:
        """Where a finding concerns this document."""
        return Place(self.id, self.key, self.title, quote)


@dataclass(frozen=True, slots=True)
class LintedPassage:
    """A passage; ``document`` is its document's position in the corpus."""

    id: int
    document: int
    headings: str
    text: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """``vectors``: (number of passages, dimensions), unit length, in the order of ``passages``."""

    documents: list[LintedDocument]
    passages: list[LintedPassage]
    vectors: Matrix
    owners: np.ndarray = field(repr=False)  # (number of passages,), the position of each one's document


async def read_corpus(database: Database, workspace_id: WorkspaceId) -> Corpus:
    """Everything current: for 100,000 passages about 300 MB."""
    async with database.read() as connection:
        rows = await connection.execute(
            select(
                documents.c.id,
                documents.c.source_id,
                documents.c.key,
                document_versions.c.title,
                document_versions.c.text,
                document_versions.c.kind,
                document_versions.c.url,
                document_versions.c.updated_at,
            )
            .join(document_versions, document_versions.c.id == documents.c.current_version_id)
            .where(documents.c.workspace_id == workspace_id)
            .order_by(documents.c.key, documents.c.id)
        )
        found = [
            LintedDocument(
                id=row.id,
                source_id=row.source_id,
                key=row.key,
                title=row.title,
                text=row.text,
                kind=DocumentKind(row.kind),
                url=row.url,
                updated_at=row.updated_at,
            )
            for row in rows
        ]
        positions = {document.id: position for position, document in enumerate(found)}
        rows = await connection.execute(
            select(
                passages.c.id,
                passages.c.document_id,
                passages.c.headings,
                passages.c.text,
                passages.c.embedding,
            )
            .where(passages.c.workspace_id == workspace_id)
            .order_by(passages.c.id)
        )
        cut: list[LintedPassage] = []
        vectors: list[np.ndarray] = []
        for row in rows:
            cut.append(LintedPassage(row.id, positions[row.document_id], row.headings, row.text))
            vectors.append(row.embedding)
    matrix = np.stack(vectors).astype(np.float32) if vectors else np.zeros((0, 1), dtype=np.float32)
    return Corpus(found, cut, matrix, np.array([passage.document for passage in cut], dtype=np.int64))


async def read_sentence_vectors(
    database: Database, workspace_id: WorkspaceId, passage_ids: Sequence[int]
) -> dict[int, Matrix]:
    """For each passage the vectors of its sentences: (number of sentences, dimensions), unit length."""
    query = select(passages.c.id, passages.c.sentence_embeddings).where(
        passages.c.workspace_id == workspace_id, passages.c.id.in_(passage_ids)
    )
    async with database.read() as connection:
        return {
            row.id: row.sentence_embeddings.astype(np.float32)
            for row in await connection.execute(query)
            if row.sentence_embeddings is not None
        }
