"""What the database holds of a source, to compare with what the source holds now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import DocumentId, VersionId
from knowledge_base.sources.source import ROW_SEPARATOR, Failure
from store.tables import document_versions, documents


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """A document of the source and its newest version; ``current`` is false once it was removed."""

    key: str
    document_id: DocumentId
    version_id: VersionId
    number: int
    content_hash: str
    updated_at: datetime | None
    current: bool


class Inventory:
    """The documents of one source by key, and which of them the source was seen to have still."""

    def __init__(self, known: Iterable[KnownDocument]) -> None:
        self._known = {document.key: document for document in known}
        self._seen: set[str] = set()
        self._unreadable: list[Failure] = []
        self._rows: dict[str, list[KnownDocument]] = {}
        for document in self._known.values():
            self._rows.setdefault(entry_of(document.key), []).append(document)

    def find(self, key: str) -> KnownDocument | None:
        """The document under ``key``, removed ones included."""
        return self._known.get(key)

    def count_current(self) -> int:
        """How many documents the source had when it was last synchronised."""
        return sum(document.current for document in self._known.values())

    def see(self, key: str) -> bool:
        """Note that the source has ``key``; false if that was noted before, as no two may share a key."""
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def see_entry(self, entry: str) -> int:
        """Note that the source has every current document of ``entry``; returns how many those are."""
        current = [document.key for document in self._rows.get(entry, ()) if document.current]
        self._seen.update(current)
        return len(current)

    def cannot_tell(self, failure: Failure) -> None:
        """Note that what ``failure`` concerns may well be there still."""
        if failure.subtree:
            self._unreadable.append(failure)
        else:
            self.see_entry(failure.key)
            if failure.key in self._known:
                self._seen.add(failure.key)

    def gone(self) -> list[KnownDocument]:
        """Current documents that the source no longer has."""
        prefixes = tuple(failure.key for failure in self._unreadable)
        return [
            document
            for document in self._known.values()
            if document.current and document.key not in self._seen and not document.key.startswith(prefixes)
        ]


def entry_of(key: str) -> str:
    """The key of the entry that the document ``key`` is of: itself, or for a row its file's."""
    return key.partition(ROW_SEPARATOR)[0]


async def read_inventory(connection: AsyncConnection, source_id: str) -> Inventory:
    """Every document the source ever had, each with its newest version."""
    newer = document_versions.alias("newer")
    has_newer = (
        select(newer.c.id)
        .where(newer.c.document_id == document_versions.c.document_id)
        .where(newer.c.number > document_versions.c.number)
        .exists()
    )
    rows = await connection.execute(
        select(
            documents.c.key,
            documents.c.id,
            documents.c.current_version_id,
            document_versions.c.id.label("version_id"),
            document_versions.c.number,
            document_versions.c.content_hash,
            document_versions.c.updated_at,
        )
        .join(document_versions, document_versions.c.document_id == documents.c.id)
        .where(documents.c.source_id == source_id, ~has_newer)
    )
    return Inventory(
        KnownDocument(
            key=row.key,
            document_id=row.id,
            version_id=row.version_id,
            number=row.number,
            content_hash=row.content_hash,
            updated_at=row.updated_at,
            current=row.current_version_id is not None,
        )
        for row in rows
    )
