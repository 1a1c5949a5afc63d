"""Checking citations against the database: is the quote there, and is it the passage that was wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from bot.answer import Citation
from evals.dataset import GoldPassage, Query
from evals.errors import DatasetInvalid
from kit.ids import DocumentId, PassageId, VersionId, WorkspaceId
from kit.text import Span
from store.engine import Database
from store.tables import document_versions, documents, passages


@dataclass(frozen=True, slots=True)
class _Version:
    document_id: DocumentId
    key: str
    text: str


@dataclass(slots=True)
class Quotations:
    """Looks citations up in the database of the run, each version and passage once."""

    database: Database
    workspace: WorkspaceId
    _versions: dict[VersionId, _Version | None] = field(default_factory=dict)
    _passages: dict[PassageId, tuple[int, int] | None] = field(default_factory=dict)

    async def is_verbatim(self, citation: Citation) -> bool:
        """Whether the quote stands, character for character, at its offsets in the version it names."""
        version = await self._version(citation.version_id)
        return (
            version is not None
            and version.document_id == citation.document_id
            and bool(citation.quote)
            and version.text[citation.start : citation.end] == citation.quote
        )

    async def document_key(self, citation: Citation) -> str | None:
        """Key of the cited document; none if the cited version does not exist."""
        version = await self._version(citation.version_id)
        return version.key if version else None

    async def cites(self, citation: Citation, gold: GoldPassage) -> bool:
        """Whether the passage that was quoted holds some of the gold words, in the gold document."""
        version = await self._version(citation.version_id)
        if version is None or version.key != gold.document:
            return False
        start, end = await self._passage(citation.passage_id) or (citation.start, citation.end)
        return any(span.start < end and start < span.end for span in locate(gold.quote, version.text))

    async def require(self, queries: Sequence[Query]) -> None:
        """Raise ``DatasetInvalid`` if a gold quote or document is not in the knowledge base as it is now."""
        texts = await self._current_texts()
        missing = [
            f"question {query.id}: {problem}" for query in queries for problem in _problems(query, texts)
        ]
        if missing:
            raise DatasetInvalid(
                "Gold passages that are not in the knowledge base:\n  " + "\n  ".join(missing[:20])
            )

    async def _version(self, version_id: VersionId) -> _Version | None:
        if version_id not in self._versions:
            query = (
                select(document_versions.c.document_id, documents.c.key, document_versions.c.text)
                .join(documents, documents.c.id == document_versions.c.document_id)
                .where(
                    document_versions.c.id == version_id, document_versions.c.workspace_id == self.workspace
                )
            )
            async with self.database.read() as connection:
                row = (await connection.execute(query)).one_or_none()
            self._versions[version_id] = (
                _Version(DocumentId(row.document_id), row.key, row.text) if row else None
            )
        return self._versions[version_id]

    async def _passage(self, passage_id: PassageId) -> tuple[int, int] | None:
        if passage_id not in self._passages:
            query = select(passages.c.start, passages.c.end).where(
                passages.c.id == passage_id, passages.c.workspace_id == self.workspace
            )
            async with self.database.read() as connection:
                row = (await connection.execute(query)).one_or_none()
            self._passages[passage_id] = (row.start, row.end) if row else None
        return self._passages[passage_id]

    async def _current_texts(self) -> dict[str, str]:
        query = (
            select(documents.c.key, document_versions.c.text)
            .join(document_versions, document_versions.c.id == documents.c.current_version_id)
            .where(documents.c.workspace_id == self.workspace)
        )
        async with self.database.read() as connection:
            return {row.key: row.text for row in await connection.execute(query)}


def locate(quote: str, text: str) -> list[Span]:
    """Where ``quote`` stands in ``text``; white space may differ, as line breaks do between formats."""
    pattern = r"\s+".join(re.escape(word) for word in quote.split())
    return (
        [Span(match.start(), match.end(), match.group()) for match in re.finditer(pattern, text)]
        if pattern
        else []
    )


def _problems(query: Query, texts: dict[str, str]) -> Iterable[str]:
    for document in query.gold:
        if document not in texts:
            yield f"there is no document {document}"
    for gold in query.gold_passages:
        if gold.document not in texts:
            yield f"there is no document {gold.document}"
        elif not locate(gold.quote, texts[gold.document]):
            yield f"{gold.document} does not say {gold.quote[:60]!r}"
