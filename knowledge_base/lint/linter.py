"""Looking through a whole knowledge base for what will mislead a customer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from kit.clock import Clock
from kit.ids import WorkspaceId
from kit.text import words
from knowledge_base.document import DocumentKind
from knowledge_base.lint.contradictions import ABOUT_THE_SAME, candidates, contradictions
from knowledge_base.lint.corpus import Corpus, LintedDocument, read_corpus, read_sentence_vectors
from knowledge_base.lint.finding import Finding, FindingKind
from knowledge_base.lint.likeness import duplicates, near_duplicates, repeated_questions
from knowledge_base.lint.links import dead_links, dead_outside_links
from knowledge_base.lint.neighbours import Pair, neighbours
from knowledge_base.sources.safe_http import SafeClient
from store.engine import Database

STALE_AFTER_MONTHS = 12
_MONTH = timedelta(days=30.44)
_NEAREST = 16  # passages compared with each; more say the same again
_FEWEST_WORDS = {DocumentKind.ARTICLE: 15, DocumentKind.QUESTION_ANSWER: 3}
_PAIRS_AT_ONCE = 250  # their sentences' vectors are read together: a few megabytes


class Linter:
    """Finds duplicates, contradictions, stale and empty documents, and dead links."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def lint(
        self,
        workspace_id: WorkspaceId,
        *,
        stale_after_months: int = STALE_AFTER_MONTHS,
        outside: SafeClient | None = None,
    ) -> list[Finding]:
        """Everything worth a look, by kind, the surest first.

        Reads, never writes; takes a minute for 100,000 passages. Only with ``outside`` are links to other
        sites followed.
        """
        corpus = await read_corpus(self._database, workspace_id)
        found = await asyncio.to_thread(_look_at_documents, corpus.documents)
        found += _stale(corpus.documents, self._clock.now(), stale_after_months)
        pairs = await asyncio.to_thread(_pairs, corpus)
        same = {
            frozenset(place.document_id for place in one.places)
            for one in found
            if one.kind is FindingKind.DUPLICATE
        }
        for finding in await asyncio.to_thread(near_duplicates, corpus, pairs):
            those = {place.document_id for place in finding.places}
            if not any(those <= group for group in same):
                found.append(finding)
        found += await self._contradictions(workspace_id, corpus, pairs)
        if outside is not None:
            found += await dead_outside_links(corpus.documents, outside)
        order = list(FindingKind)
        return sorted(found, key=lambda one: (order.index(one.kind), -one.score, one.places[0].key))

    async def _contradictions(
        self, workspace_id: WorkspaceId, corpus: Corpus, pairs: Sequence[Pair]
    ) -> list[Finding]:
        worth_reading = await asyncio.to_thread(candidates, corpus, pairs)
        found: list[Finding] = []
        for start in range(0, len(worth_reading), _PAIRS_AT_ONCE):
            some = worth_reading[start : start + _PAIRS_AT_ONCE]
            ids = {corpus.passages[side].id for pair in some for side in (pair.left, pair.right)}
            vectors = await read_sentence_vectors(self._database, workspace_id, sorted(ids))
            found += await asyncio.to_thread(contradictions, corpus, some, vectors)
        return found


def _look_at_documents(documents: list[LintedDocument]) -> list[Finding]:
    return [
        *duplicates(documents),
        *repeated_questions(documents),
        *_too_short(documents),
        *dead_links(documents),
    ]


def _pairs(corpus: Corpus) -> list[Pair]:
    return list(neighbours(corpus.vectors, corpus.owners, floor=ABOUT_THE_SAME, most=_NEAREST))


def _too_short(documents: Sequence[LintedDocument]) -> list[Finding]:
    found = []
    for document in documents:
        count = len(words(document.text))
        if count == 0:
            found.append(Finding(FindingKind.EMPTY, (document.place(),), "There is no text in it."))
        elif count < _FEWEST_WORDS[document.kind]:
            reason = f"Its {count} words can hardly answer a question."
            found.append(Finding(FindingKind.TOO_SHORT, (document.place(document.text),), reason))
    return found


def _stale(documents: Sequence[LintedDocument], now: datetime, months: int) -> list[Finding]:
    return [
        Finding(
            FindingKind.STALE,
            (document.place(),),
            f"It was last updated on {document.updated_at:%Y-%m-%d}, more than {months} months ago.",
        )
        for document in documents
        if document.updated_at is not None and now - document.updated_at > months * _MONTH
    ]
