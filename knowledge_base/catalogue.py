"""Reading what the knowledge base holds: sources, documents, every version, and how it stands."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from kit.ids import PassageId, WorkspaceId
from knowledge_base.document import DocumentKind, Passage, PassageKind
from knowledge_base.errors import DocumentUnknown, SourceUnknown
from knowledge_base.ingestion import without_lease
from knowledge_base.records import (
    DocumentPage,
    DocumentRecord,
    IngestionRecord,
    IngestionState,
    KnowledgeHealth,
    SourceRecord,
    VersionRecord,
)
from knowledge_base.sources.source import Failure, SourceKind
from store.engine import Database
from store.tables import (
    document_versions,
    documents,
    index_operations,
    index_states,
    ingestions,
    passages,
    sources,
)
from store.tables.knowledge import HEADING_SEPARATOR

_LONGEST_PAGE = 200


class Catalogue:
    """Read access to the knowledge base; every method looks at one workspace only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sources(self, workspace_id: WorkspaceId) -> list[SourceRecord]:
        """Every source, oldest first."""
        async with self._database.read() as connection:
            return await _read_sources(connection, sources.c.workspace_id == workspace_id)

    async def source(self, workspace_id: WorkspaceId, source_id: str) -> SourceRecord:
        """One source. Raises ``SourceUnknown``."""
        mine = and_(sources.c.workspace_id == workspace_id, sources.c.id == source_id)
        async with self._database.read() as connection:
            found = await _read_sources(connection, mine)
        if not found:
            raise SourceUnknown(f"There is no source {source_id!r} in this workspace.")
        return found[0]

    async def ingestions(
        self, workspace_id: WorkspaceId, source_id: str, *, limit: int = 20
    ) -> list[IngestionRecord]:
        """The latest runs over a source, newest first."""
        query = (
            select(ingestions)
            .where(ingestions.c.workspace_id == workspace_id, ingestions.c.source_id == source_id)
            .order_by(ingestions.c.started_at.desc(), ingestions.c.id.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [_ingestion(row) for row in await connection.execute(query)]

    async def ingestion(self, workspace_id: WorkspaceId, ingestion_id: str) -> IngestionRecord:
        """One run. Raises ``SourceUnknown`` when there is none of that id."""
        query = select(ingestions).where(
            ingestions.c.workspace_id == workspace_id, ingestions.c.id == ingestion_id
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise SourceUnknown(f"There is no ingestion {ingestion_id!r} in this workspace.")
        return _ingestion(row)

    async def documents(
        self,
        workspace_id: WorkspaceId,
        *,
        source_id: str | None = None,
        containing: str | None = None,
        removed: bool = False,
        after: str | None = None,
        limit: int = 50,
    ) -> DocumentPage:
        """A page of documents, at most 200; those that were added earlier come first.

        ``containing`` keeps those whose title or key holds it, in any case; ``removed`` lists removed
        documents instead of current ones; ``after`` is the ``next_cursor`` of the page before.
        """
        limit = max(1, min(limit, _LONGEST_PAGE))
        conditions: list[ColumnElement[bool]] = [documents.c.workspace_id == workspace_id]
        conditions.append(
            documents.c.removed_at.is_not(None) if removed else documents.c.removed_at.is_(None)
        )
        if source_id is not None:
            conditions.append(documents.c.source_id == source_id)
        if after is not None:
            conditions.append(documents.c.id > after)
        if containing:
            conditions.append(
                or_(
                    document_versions.c.title.icontains(containing, autoescape=True),
                    documents.c.key.icontains(containing, autoescape=True),
                )
            )
        query = _document_rows().where(*conditions).order_by(documents.c.id).limit(limit + 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        items = tuple(_document(row) for row in rows[:limit])
        return DocumentPage(items, items[-1].id if len(rows) > limit else None)

    async def document(self, workspace_id: WorkspaceId, document_id: str) -> DocumentRecord:
        """One document, current or removed. Raises ``DocumentUnknown``."""
        query = _document_rows().where(
            documents.c.workspace_id == workspace_id, documents.c.id == document_id
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise DocumentUnknown(f"There is no document {document_id!r} in this workspace.")
        return _document(row)

    async def version(self, workspace_id: WorkspaceId, version_id: str) -> VersionRecord:
        """One version with its text, however old: what a citation refers to. Raises ``DocumentUnknown``."""
        found = await self._versions(workspace_id, document_versions.c.id == version_id)
        if not found:
            raise DocumentUnknown(f"There is no document version {version_id!r} in this workspace.")
        return found[0]

    async def versions(self, workspace_id: WorkspaceId, document_id: str) -> list[VersionRecord]:
        """Every version of a document, newest first. Raises ``DocumentUnknown``."""
        found = await self._versions(workspace_id, document_versions.c.document_id == document_id)
        if not found:
            raise DocumentUnknown(f"There is no document {document_id!r} in this workspace.")
        return found

    async def passages(self, workspace_id: WorkspaceId, document_id: str) -> list[Passage]:
        """The passages of a document's current version, in order; none for a removed one."""
        query = (
            select(passages, documents.c.key, document_versions.c.url)
            .join(documents, documents.c.id == passages.c.document_id)
            .join(document_versions, document_versions.c.id == passages.c.version_id)
            .where(passages.c.workspace_id == workspace_id, passages.c.document_id == document_id)
            .order_by(passages.c.ordinal)
        )
        async with self._database.read() as connection:
            return [_passage(row) for row in await connection.execute(query)]

    async def health(self, workspace_id: WorkspaceId) -> KnowledgeHealth:
        """How the knowledge base stands."""
        async with self._database.read() as connection:
            known = await _read_sources(connection, sources.c.workspace_id == workspace_id)
            removed = documents.c.removed_at
            return KnowledgeHealth(
                sources=len(known),
                documents=await _count(connection, workspace_id, documents.c, removed.is_(None)),
                removed_documents=await _count(connection, workspace_id, documents.c, removed.is_not(None)),
                versions=await _count(connection, workspace_id, document_versions.c),
                passages=await _count(connection, workspace_id, passages.c),
                pending_index_operations=await _count(connection, workspace_id, index_operations.c),
                failing=sum(
                    source.last_ingestion.counts.get("failed", 0) for source in known if source.last_ingestion
                ),
                encoder=await connection.scalar(
                    select(index_states.c.encoder).where(index_states.c.workspace_id == workspace_id)
                ),
                last_synced_at=max((source.synced_at for source in known if source.synced_at), default=None),
            )

    async def _versions(
        self, workspace_id: WorkspaceId, condition: ColumnElement[bool]
    ) -> list[VersionRecord]:
        query = (
            select(document_versions, documents.c.key, documents.c.current_version_id)
            .join(documents, documents.c.id == document_versions.c.document_id)
            .where(document_versions.c.workspace_id == workspace_id, condition)
            .order_by(document_versions.c.number.desc())
        )
        async with self._database.read() as connection:
            return [_version(row) for row in await connection.execute(query)]


async def _count(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    columns: ReadOnlyColumnCollection[str, Column[Any]],
    *conditions: ColumnElement[bool],
) -> int:
    query = select(func.count()).where(columns.workspace_id == workspace_id, *conditions)
    return await connection.scalar(query) or 0


async def _read_sources(connection: AsyncConnection, condition: ColumnElement[bool]) -> list[SourceRecord]:
    current = (
        select(func.count())
        .where(documents.c.source_id == sources.c.id, documents.c.removed_at.is_(None))
        .correlate(sources)
        .scalar_subquery()
    )
    last = (
        select(ingestions.c.id)
        .where(ingestions.c.source_id == sources.c.id)
        .order_by(ingestions.c.started_at.desc(), ingestions.c.id.desc())
        .limit(1)
        .correlate(sources)
        .scalar_subquery()
    )
    query = (
        select(
            sources.c.id, sources.c.kind, sources.c.location, sources.c.created_at, sources.c.synced_at,
            current.label("documents"), last.label("last_ingestion"),
        )
        .where(condition)
        .order_by(sources.c.created_at, sources.c.id)
    )  # fmt: skip
    rows = (await connection.execute(query)).all()
    wanted = [row.last_ingestion for row in rows if row.last_ingestion]
    runs = await connection.execute(select(ingestions).where(ingestions.c.id.in_(wanted)))
    latest = {row.id: _ingestion(row) for row in runs}
    return [
        SourceRecord(
            id=row.id,
            kind=SourceKind(row.kind),
            location=row.location,
            documents=row.documents,
            created_at=row.created_at,
            synced_at=row.synced_at,
            last_ingestion=latest.get(row.last_ingestion),
        )
        for row in rows
    ]


def _document_rows() -> Select[Any]:
    """Documents, each with its current version or, once removed, its last."""
    last_version = (
        select(document_versions.c.id)
        .where(document_versions.c.document_id == documents.c.id)
        .order_by(document_versions.c.number.desc())
        .limit(1)
        .correlate(documents)
        .scalar_subquery()
    )
    passage_count = (
        select(func.count())
        .where(passages.c.document_id == documents.c.id)
        .correlate(documents)
        .scalar_subquery()
    )
    return select(
        documents.c.id,
        documents.c.source_id,
        documents.c.key,
        documents.c.removed_at,
        document_versions.c.id.label("version_id"),
        document_versions.c.number,
        document_versions.c.title,
        document_versions.c.url,
        document_versions.c.updated_at,
        passage_count.label("passages"),
    ).join(
        document_versions,
        document_versions.c.id == func.coalesce(documents.c.current_version_id, last_version),
    )


def _document(row: Row[Any]) -> DocumentRecord:
    return DocumentRecord(
        id=row.id,
        source_id=row.source_id,
        key=row.key,
        title=row.title,
        url=row.url,
        version_id=row.version_id,
        version=row.number,
        passages=row.passages,
        updated_at=row.updated_at,
        removed_at=row.removed_at,
    )


def _version(row: Row[Any]) -> VersionRecord:
    return VersionRecord(
        id=row.id,
        document_id=row.document_id,
        document_key=row.key,
        number=row.number,
        title=row.title,
        text=row.text,
        kind=DocumentKind(row.kind),
        url=row.url,
        updated_at=row.updated_at,
        created_at=row.created_at,
        current=row.current_version_id == row.id,
        metadata=row.metadata,
    )


def _passage(row: Row[Any]) -> Passage:
    return Passage(
        id=PassageId(row.id),
        document_id=row.document_id,
        version_id=row.version_id,
        document_key=row.key,
        title=row.title,
        url=row.url,
        ordinal=row.ordinal,
        start=row.start,
        end=row.end,
        text=row.text,
        kind=PassageKind(row.kind),
        headings=tuple(row.headings.split(HEADING_SEPARATOR)) if row.headings else (),
        context=row.context,
        metadata=row.metadata,
    )


def _ingestion(row: Row[Any]) -> IngestionRecord:
    return IngestionRecord(
        id=row.id,
        source_id=row.source_id,
        state=IngestionState(row.state),
        counts=without_lease(row.counts),
        failures=tuple(Failure(failure["key"], failure["reason"]) for failure in row.failures),
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
