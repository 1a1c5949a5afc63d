"""Making the whole index anew from the database: after a change of encoder, or of the splitter."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import DocumentId, VersionId, WorkspaceId
from knowledge_base.batch import EncodedRevision, Revision, encode, revise
from knowledge_base.document import Document, DocumentKind
from knowledge_base.errors import SyncSuperseded
from knowledge_base.index_binding import bound_encoder, read_rebuilding_mark, rebind, rebuilding_mark
from knowledge_base.pipeline import Workshop
from knowledge_base.report import Progress, SyncProgress
from knowledge_base.revisions import Placed, RevisionWriter
from store.tables import document_versions, documents, passages

_DOCUMENTS_AT_ONCE = 64

_Stored = tuple[DocumentId, VersionId, Document]


class Rebuild:
    """One rebuild of one workspace's index.

    While the encoder changes, ``index_states`` holds a mark instead of an encoder, so that no search
    compares vectors of two encoders. The mark remembers the newest passage of the former encoder: ids only
    grow, so a document with a passage beyond it has been done, and a rebuild cut short goes on from there.
    """

    def __init__(self, workshop: Workshop, workspace_id: WorkspaceId, *, progress: Progress | None) -> None:
        self._shop = workshop
        self._workspace_id = workspace_id
        self._progress = progress
        self._bound = ""  # what index_states must hold for this rebuild to go on
        self._newest_old = 0

    async def carry_out(self) -> int:
        """Do it all; returns the number of passages written."""
        await self._begin()
        expected = await self._count()
        done = written = 0
        last = ""
        while stored := await self._next(last):
            revisions = await asyncio.to_thread(self._revise, [document for _, _, document in stored])
            encoded = await asyncio.to_thread(encode, self._shop.embeddings.encoder, revisions)
            written += await self._replace(stored, encoded)
            last, done = stored[-1][0], done + len(stored)
            if self._progress is not None:
                self._progress(SyncProgress(done, done, written, 0, expected, stored[-1][2].key))
        await self._finish()
        return written

    async def _begin(self) -> None:
        embeddings = self._shop.embeddings
        async with self._shop.database.write() as connection:
            bound = await bound_encoder(connection, self._workspace_id, lock=True)
            begun = read_rebuilding_mark(bound, embeddings.identity)
            if begun is None:
                newest = select(func.max(passages.c.id)).where(passages.c.workspace_id == self._workspace_id)
                begun = await connection.scalar(newest) or 0
            self._newest_old = begun
            # With the same encoder old and new passages can be searched together meanwhile.
            same = bound == embeddings.identity
            self._bound = embeddings.identity if same else rebuilding_mark(embeddings.identity, begun)
            await rebind(
                connection, self._workspace_id, encoder=self._bound, dimensions=embeddings.dimensions
            )

    async def _finish(self) -> None:
        embeddings = self._shop.embeddings
        async with self._shop.database.write() as connection:
            await self._require_mine(connection)
            await rebind(
                connection,
                self._workspace_id,
                encoder=embeddings.identity,
                dimensions=embeddings.dimensions,
            )

    async def _require_mine(self, connection: AsyncConnection) -> None:
        if await bound_encoder(connection, self._workspace_id, lock=True) != self._bound:
            raise SyncSuperseded("Another rebuild of this index has begun, or has just ended.")

    async def _count(self) -> int:
        query = select(func.count()).where(
            documents.c.workspace_id == self._workspace_id, documents.c.current_version_id.is_not(None)
        )
        async with self._shop.database.read() as connection:
            return await connection.scalar(query) or 0

    async def _next(self, last: str) -> list[_Stored]:
        """The next documents by id that have no passage of this rebuild yet."""
        rebuilt = (
            select(passages.c.id)
            .where(passages.c.document_id == documents.c.id, passages.c.id > self._newest_old)
            .exists()
        )
        query = (
            select(documents.c.key, documents.c.id.label("document_id"), document_versions)
            .join(document_versions, document_versions.c.id == documents.c.current_version_id)
            .where(documents.c.workspace_id == self._workspace_id, documents.c.id > last, ~rebuilt)
            .order_by(documents.c.id)
            .limit(_DOCUMENTS_AT_ONCE)
        )
        async with self._shop.database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            (
                row.document_id,
                row.id,
                Document(
                    key=row.key,
                    title=row.title,
                    text=row.text,
                    kind=DocumentKind(row.kind),
                    url=row.url,
                    updated_at=row.updated_at,
                    metadata=row.metadata,
                ),
            )
            for row in rows
        ]

    def _revise(self, found: Sequence[Document]) -> list[Revision]:
        return [revise(document, "", None, split=self._shop.split) for document in found]

    async def _replace(self, stored: Sequence[_Stored], encoded: Sequence[EncodedRevision]) -> int:
        """Swap the passages of documents which are still at the version that was read."""
        async with self._shop.database.write() as connection:
            await self._require_mine(connection)
            query = select(documents.c.id, documents.c.current_version_id)
            rows = await connection.execute(query.where(documents.c.id.in_([place[0] for place in stored])))
            current = {row.id: row.current_version_id for row in rows}
            placed: list[Placed] = [
                (document_id, version_id, document, revision.passages)
                for (document_id, version_id, document), revision in zip(stored, encoded, strict=True)
                if current.get(document_id) == version_id
            ]
            writer = RevisionWriter(
                connection, workspace_id=self._workspace_id, source_id="", now=self._shop.clock.now()
            )
            await writer.replace_passages(placed)
        return sum(len(passages_of_it) for *_, passages_of_it in placed)
