"""Writing documents, versions and passages, each with the index operations that go with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import bindparam, delete, false, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import DocumentId, VersionId, WorkspaceId, new_id
from knowledge_base.batch import EncodedPassage, EncodedRevision
from knowledge_base.document import Document
from knowledge_base.inventory import KnownDocument
from store.tables import document_versions, documents, index_operations, passages
from store.tables.knowledge import HEADING_SEPARATOR

_IDS_AT_ONCE = 500  # well under SQLite's 32,766 parameters of one statement

_T = TypeVar("_T")
Placed = tuple[DocumentId, VersionId, Document, Sequence[EncodedPassage]]


class RevisionWriter:
    """Writes into one workspace and source, on the connection of the caller's transaction."""

    def __init__(
        self, connection: AsyncConnection, *, workspace_id: WorkspaceId, source_id: str, now: datetime
    ) -> None:
        self._connection = connection
        self._workspace_id = workspace_id
        self._source_id = source_id
        self._now = now

    async def write(self, revisions: Sequence[EncodedRevision]) -> None:
        """Make each revision the current one of its document; its former passages go.

        A document that returns just as it was when it was removed gets its last version back.
        """
        fresh: list[dict[str, Any]] = []
        switched: list[dict[str, Any]] = []
        versions: list[dict[str, Any]] = []
        placed: list[Placed] = []
        for encoded in revisions:
            revision, known = encoded.revision, encoded.revision.known
            same_text = known is not None and known.content_hash == revision.content_hash
            version_id = known.version_id if known and same_text else VersionId(new_id("ver"))
            if known is None:
                document_id = DocumentId(new_id("doc"))
                fresh.append(self._document_row(document_id, revision.document.key, version_id))
            else:
                document_id = known.document_id
                switched.append({"document": document_id, "version": version_id})
            if not same_text:
                number = known.number + 1 if known else 1
                versions.append(self._version_row(version_id, document_id, number, encoded))
            placed.append((document_id, version_id, revision.document, encoded.passages))
        await self._drop_passages([row["document"] for row in switched])
        await self._insert(fresh, switched, versions)
        await self.place(placed)

    async def touch(self, touched: Sequence[tuple[KnownDocument, Document]]) -> None:
        """Note the newer date that the source gives for documents which are otherwise unchanged."""
        if touched:
            rows = [{"version": known.version_id, "at": document.updated_at} for known, document in touched]
            await self._connection.execute(
                update(document_versions)
                .where(document_versions.c.id == bindparam("version"))
                .values(updated_at=bindparam("at")),
                rows,
            )

    async def remove(self, document_ids: Sequence[DocumentId]) -> None:
        """Take documents out of every answer; their versions stay, so that old answers can be traced."""
        await self._drop_passages(document_ids)
        for some in _chunks(document_ids):
            await self._connection.execute(
                update(documents)
                .where(documents.c.id.in_(some))
                .values(current_version_id=None, removed_at=self._now)
            )

    async def replace_passages(self, placed: Sequence[Placed]) -> None:
        """Give documents, whose versions stay, new passages instead of those they have."""
        await self._drop_passages([document_id for document_id, *_ in placed])
        await self.place(placed)

    async def place(self, placed: Sequence[Placed]) -> None:
        """Store passages and ask the index to take them in."""
        rows = [
            self._passage_row(document_id, version_id, document, passage)
            for document_id, version_id, document, encoded in placed
            for passage in encoded
        ]
        if not rows:
            return
        await self._connection.execute(insert(passages), rows)
        for some in _chunks([version_id for _, version_id, _, _ in placed]):
            await self._connection.execute(
                insert(index_operations).from_select(
                    ["workspace_id", "passage_id", "delete"],
                    select(passages.c.workspace_id, passages.c.id, false())
                    .where(passages.c.version_id.in_(some))
                    .order_by(passages.c.id),
                )
            )

    async def _drop_passages(self, document_ids: Sequence[DocumentId]) -> None:
        for some in _chunks(document_ids):
            mine = passages.c.document_id.in_(some)
            await self._connection.execute(
                insert(index_operations).from_select(
                    ["workspace_id", "passage_id", "delete"],
                    select(passages.c.workspace_id, passages.c.id, true())
                    .where(mine)
                    .order_by(passages.c.id),
                )
            )
            await self._connection.execute(delete(passages).where(mine))

    async def _insert(
        self, fresh: list[dict[str, Any]], switched: list[dict[str, Any]], versions: list[dict[str, Any]]
    ) -> None:
        if fresh:
            await self._connection.execute(insert(documents), fresh)
        if versions:
            await self._connection.execute(insert(document_versions), versions)
        if switched:
            await self._connection.execute(
                update(documents)
                .where(documents.c.id == bindparam("document"))
                .values(current_version_id=bindparam("version"), removed_at=None),
                switched,
            )

    def _document_row(self, document_id: DocumentId, key: str, version_id: VersionId) -> dict[str, Any]:
        return {
            "id": document_id,
            "workspace_id": self._workspace_id,
            "source_id": self._source_id,
            "key": key,
            "current_version_id": version_id,
            "created_at": self._now,
        }

    def _version_row(
        self, version_id: VersionId, document_id: DocumentId, number: int, encoded: EncodedRevision
    ) -> dict[str, Any]:
        document = encoded.revision.document
        return {
            "id": version_id,
            "workspace_id": self._workspace_id,
            "document_id": document_id,
            "number": number,
            "content_hash": encoded.revision.content_hash,
            "title": document.title,
            "text": document.text,
            "kind": document.kind.value,
            "url": document.url,
            "updated_at": document.updated_at,
            "metadata": dict(document.metadata),
            "created_at": self._now,
        }

    def _passage_row(
        self, document_id: DocumentId, version_id: VersionId, document: Document, passage: EncodedPassage
    ) -> dict[str, Any]:
        draft = passage.draft
        return {
            "workspace_id": self._workspace_id,
            "document_id": document_id,
            "version_id": version_id,
            "ordinal": draft.ordinal,
            "start": draft.start,
            "end": draft.end,
            "kind": draft.kind.value,
            "title": document.title,
            "headings": HEADING_SEPARATOR.join(draft.headings),
            "context": draft.context,
            "text": draft.text,
            "metadata": dict(document.metadata),
            "embedding": passage.embedding,
            "sentence_embeddings": passage.sentence_embeddings,
        }


def _chunks(items: Sequence[_T]) -> Iterator[list[_T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _IDS_AT_ONCE)):
        yield chunk
