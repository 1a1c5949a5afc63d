"""What the database knows of the passages that a search found: their documents and their vectors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import DocumentId, PassageId, VersionId, WorkspaceId
from knowledge_base.document import Passage, PassageKind
from store.tables import document_versions, documents, passages
from store.tables.knowledge import HEADING_SEPARATOR

_CACHED_PASSAGES = 50_000  # 40 MB of half-precision vectors of 384 dimensions
_AT_ONCE = 500  # parameters of one statement


@dataclass(frozen=True, slots=True)
class IndexedVersion:
    """One version of a document, as search sees it.

    ``vectors``: (passages, dimensions), in the order of ``ids``; ``mean``: (dimensions,), their mean,
    shorter than 1 the more they differ.
    """

    version_id: VersionId
    title: str
    ids: tuple[PassageId, ...]
    vectors: NDArray[np.float16]
    mean: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage with its stored vectors."""

    passage: Passage
    embedding: NDArray[np.float16]
    sentence_embeddings: NDArray[np.float16] | None


class VersionCache:
    """Vectors of the documents that searches keep finding, read once.

    Nothing in it can go stale: a version never changes and a passage's id is never used twice. What has
    been deleted is found out when the passages themselves are read.
    """

    def __init__(self, *, capacity: int = _CACHED_PASSAGES) -> None:
        self._capacity = capacity
        self._versions: OrderedDict[VersionId, IndexedVersion] = OrderedDict()
        self._version_of: dict[PassageId, VersionId] = {}

    async def versions(
        self, connection: AsyncConnection, workspace: WorkspaceId, ids: Sequence[PassageId]
    ) -> dict[PassageId, IndexedVersion]:
        """The version that each of ``ids`` belongs to; those that no longer exist may be left out."""
        missing = [key for key in ids if key not in self._version_of]
        for start in range(0, len(missing), _AT_ONCE):
            await self._read(connection, workspace, missing[start : start + _AT_ONCE])
        found: dict[PassageId, IndexedVersion] = {}
        for key in ids:
            version_id = self._version_of.get(key)
            if version_id is not None:
                self._versions.move_to_end(version_id)
                found[key] = self._versions[version_id]
        self._forget()
        return found

    async def _read(
        self, connection: AsyncConnection, workspace: WorkspaceId, ids: Sequence[PassageId]
    ) -> None:
        wanted = select(passages.c.version_id).where(
            passages.c.id.in_(ids), passages.c.workspace_id == workspace
        )
        rows = await connection.execute(
            select(passages.c.version_id, passages.c.id, passages.c.title, passages.c.embedding)
            .where(passages.c.version_id.in_(wanted), passages.c.workspace_id == workspace)
            .order_by(passages.c.version_id, passages.c.ordinal)
        )
        by_version: dict[VersionId, list[Row[Any, Any, Any, Any]]] = {}
        for row in rows:
            by_version.setdefault(VersionId(row.version_id), []).append(row)
        for version_id, members in by_version.items():
            self._remember(version_id, members)

    def _remember(self, version_id: VersionId, rows: Sequence[Row[Any, Any, Any, Any]]) -> None:
        vectors = np.stack([row.embedding for row in rows])
        ids = tuple(PassageId(row.id) for row in rows)
        self._versions[version_id] = IndexedVersion(
            version_id, rows[0].title, ids, vectors, vectors.astype(np.float32).mean(axis=0)
        )
        self._version_of.update(dict.fromkeys(ids, version_id))

    def _forget(self) -> None:
        while len(self._version_of) > self._capacity and len(self._versions) > 1:
            _, version = self._versions.popitem(last=False)
            for key in version.ids:
                self._version_of.pop(key, None)


_PASSAGES = (
    select(passages, documents.c.key, document_versions.c.url)
    .join(documents, documents.c.id == passages.c.document_id)
    .join(document_versions, document_versions.c.id == passages.c.version_id)
    .where(passages.c.id.in_(bindparam("ids", expanding=True)))
    .where(passages.c.workspace_id == bindparam("workspace"))
)


async def read_passages(
    connection: AsyncConnection, workspace: WorkspaceId, ids: Iterable[PassageId]
) -> dict[PassageId, StoredPassage]:
    """Those of ``ids`` that ``workspace`` has now."""
    wanted = list(ids)
    found: dict[PassageId, StoredPassage] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        rows = await connection.execute(_PASSAGES, {"ids": some, "workspace": workspace})
        found |= {PassageId(row.id): _stored(row) for row in rows}
    return found


def _stored(row: Row[Any, Any, Any, Any]) -> StoredPassage:
    passage = Passage(
        id=PassageId(row.id),
        document_id=DocumentId(row.document_id),
        version_id=VersionId(row.version_id),
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
    return StoredPassage(passage, row.embedding, row.sentence_embeddings)
