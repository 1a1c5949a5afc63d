"""Passages by their words: BM25 inside the database that holds them, so no second index can lag behind.

SQLite's FTS5 has BM25; on PostgreSQL, whose ``ts_rank`` knows nothing of rare and common words, the same
formula runs over the ``tsvector`` of the passages that share a word with the query.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    column,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import PassageId, WorkspaceId
from retrieval.index import Filter
from store.tables import passages

TermWeights = Mapping[str, float]

# A word in the title or a heading counts as this many in the text (BM25F, Robertson et al. 2004).
TITLE_WEIGHT = 2.0
HEADINGS_WEIGHT = 1.5
CONTEXT_WEIGHT = 1.0

_K1, _B = 1.2, 0.75  # FTS5's constants, the usual ones
_RARE_FLOOR = 1e-6  # what FTS5 gives a word that more than half of the passages have
_LEVELS = 3  # FTS5 weighs a word by how often the query repeats it, so weights become 1 to 3
_STATISTICS_SECONDS = 60.0


class LexicalHit(NamedTuple):
    """A passage that has some of the words; ``score`` is its BM25, 0 or more, unbounded."""

    id: PassageId
    score: float


class LexicalSearch(Protocol):
    """BM25 over title, headings, context and text of a workspace's passages.

    Words are stemmed as English, accents and case do not matter. How rare a word is counts over the
    workspace on PostgreSQL and over the whole database on SQLite, where few workspaces share one.
    """

    async def search(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        terms: TermWeights,
        *,
        limit: int,
        where: Filter | None = None,
    ) -> list[LexicalHit]:
        """The ``limit`` passages that score highest for ``terms``, best first.

        ``terms`` maps words, as ``kit.text.words`` yields them, to weights above 0. ``where`` is as for
        ``VectorIndex.query``.
        """
        ...


def lexical_search(dialect: str) -> LexicalSearch:
    """The search for a database of ``dialect``: ``sqlite`` or ``postgresql``."""
    return PostgresLexicalSearch() if dialect == "postgresql" else SqliteLexicalSearch()


class SqliteLexicalSearch:
    """FTS5's own ``bm25``."""

    async def search(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        terms: TermWeights,
        *,
        limit: int,
        where: Filter | None = None,
    ) -> list[LexicalHit]:
        """See ``LexicalSearch``."""
        match, scale = _fts5_query(terms)
        if not match:
            return []
        statement = _fts5_select(where) if where else _FTS5_UNFILTERED
        rows = await connection.execute(statement, {"match": match, "workspace": workspace, "limit": limit})
        return [LexicalHit(PassageId(key), score * scale) for key, score in rows]


def _fts5_query(terms: TermWeights) -> tuple[str, float]:
    """An FTS5 expression in which a heavier word occurs more often, and the weight that one occurrence has.

    Each word is a quoted string, so nothing a customer types can be read as an operator.
    """
    if not terms:
        return "", 1.0
    step = max(terms.values()) / _LEVELS if len(set(terms.values())) > 1 else max(terms.values())
    quoted: list[str] = []
    for word, weight in terms.items():
        quoted += ['"' + word.replace('"', '""') + '"'] * max(1, round(weight / step))
    return " OR ".join(quoted), step


def _fts5_select(where: Filter | None) -> Select[Any]:
    index = table("passages_fts", column("rowid"))
    bm25: ColumnElement[float] = literal_column(
        f"-bm25(passages_fts, {TITLE_WEIGHT}, {HEADINGS_WEIGHT}, {CONTEXT_WEIGHT}, 1.0)"
    ).label("score")
    return (
        select(index.c.rowid, bm25)
        .select_from(index.join(passages, passages.c.id == index.c.rowid))
        .where(text("passages_fts MATCH :match"), passages.c.workspace_id == bindparam("workspace"))
        .where(matching(where))
        .order_by(literal_column("score").desc())
        .limit(bindparam("limit"))
    )


def matching(where: Filter | None) -> ColumnElement[bool]:
    """The condition that a passage's metadata has, for every key of ``where``, one of its values."""
    return and_(
        True,
        *(
            passages.c.metadata[key].as_string().in_([value] if isinstance(value, str) else list(value))
            for key, value in (where or {}).items()
        ),
    )


_FTS5_UNFILTERED = _fts5_select(None)  # building a statement takes longer than running this one


@dataclass(frozen=True, slots=True)
class _Statistics:
    """What BM25 needs to know of a workspace; ``length`` is the mean number of distinct words."""

    count: int
    length: float
    read_at: float  # seconds of time.monotonic


class PostgresLexicalSearch:
    """BM25 computed from the ``tsvector`` of the passages that the index finds.

    The size of the workspace and the mean length are read once a minute. Length is the number of distinct
    words, the only one that a ``tsvector`` tells at once.
    """

    def __init__(self) -> None:
        self._statistics: dict[WorkspaceId, _Statistics] = {}

    async def search(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        terms: TermWeights,
        *,
        limit: int,
        where: Filter | None = None,
    ) -> list[LexicalHit]:
        """See ``LexicalSearch``."""
        if not terms:
            return []
        statistics = await self._read_statistics(connection, workspace)
        rows = await connection.execute(
            _POSTGRES_BM25,
            {
                "workspace": workspace,
                "words": list(terms),
                "weights": list(terms.values()),
                "count": statistics.count,
                "length": statistics.length,
            },
        )
        hits = [LexicalHit(PassageId(key), score) for key, score in rows]
        if where and hits:
            allowed = await _allowed(connection, [hit.id for hit in hits], where)
            hits = [hit for hit in hits if hit.id in allowed]
        return hits[:limit]

    async def _read_statistics(self, connection: AsyncConnection, workspace: WorkspaceId) -> _Statistics:
        known = self._statistics.get(workspace)
        now = time.monotonic()
        if known is not None and now - known.read_at < _STATISTICS_SECONDS:
            return known
        row = (await connection.execute(_POSTGRES_STATISTICS, {"workspace": workspace})).one()
        fresh = self._statistics[workspace] = _Statistics(row[0], float(row[1] or 1.0), now)
        return fresh


async def _allowed(connection: AsyncConnection, ids: Sequence[PassageId], where: Filter) -> set[PassageId]:
    found = await connection.execute(select(passages.c.id).where(passages.c.id.in_(ids), matching(where)))
    return set(found.scalars())


_POSTGRES_STATISTICS = text(
    "SELECT count(*), avg(length(search_vector)) FROM passages WHERE workspace_id = :workspace"
)
_POSTGRES_BM25 = text(
    f"""
    WITH terms AS (
        SELECT lexeme, max(weight) AS weight
        FROM unnest(CAST(:words AS text[]), CAST(:weights AS float8[])) AS given(word, weight),
             LATERAL unnest(to_tsvector('english', word))
        GROUP BY lexeme
    ), found AS (
        SELECT passages.id, length(search_vector) AS length, terms.lexeme, terms.weight,
               (SELECT sum(CASE label WHEN 'A' THEN {TITLE_WEIGHT} WHEN 'B' THEN {HEADINGS_WEIGHT}
                                      WHEN 'C' THEN {CONTEXT_WEIGHT} ELSE 1.0 END)
                FROM unnest(word.weights) AS label) AS frequency
        FROM passages, LATERAL unnest(search_vector) AS word, terms
        WHERE workspace_id = :workspace
          AND search_vector @@ (
              SELECT CAST(string_agg(quote_literal(lexeme), ' | ') AS tsquery) FROM terms
          )
          AND word.lexeme = terms.lexeme
    ), rarity AS (
        SELECT lexeme,
               greatest(ln((CAST(:count AS float8) - count(*) + 0.5) / (count(*) + 0.5)), {_RARE_FLOOR})
                   AS idf
        FROM found GROUP BY lexeme
    )
    SELECT id, sum(
        weight * idf * frequency * {_K1 + 1}
        / (frequency + {_K1} * ({1 - _B} + {_B} * length / CAST(:length AS float8)))
    ) AS score
    FROM found JOIN rarity USING (lexeme)
    GROUP BY id ORDER BY score DESC, id LIMIT 1000
    """  # noqa: S608 (constants of this file)
)
