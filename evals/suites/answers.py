"""How well the assistant answers: what it cites, what it leaves to people, whether its probabilities hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from bot.answer import Answer, Citation
from evals.dataset import Dataset, Query
from evals.outcomes import SUPPORTED, Outcome, measure_outcomes
from evals.quotations import Quotations
from evals.report import Report, Stopwatch
from kit.ids import WorkspaceId
from retrieval import HistoryTurn
from store.engine import Database


class Asker(Protocol):
    """What answers a question without storing anything: the assistant."""

    async def ask(self, workspace: WorkspaceId, text: str, *, history: Sequence[HistoryTurn]) -> Answer:
        """The answer to ``text``, said after ``history`` (oldest first)."""
        ...


async def evaluate_answers(
    dataset: Dataset,
    assistant: Asker,
    database: Database,
    *,
    workspace: WorkspaceId,
    advance: Callable[[], None] = lambda: None,
) -> Report:
    """Ask every question after its history, one after another, and judge each answer.

    ``advance`` is called after each question. Raises ``DatasetInvalid`` when gold words are not in the
    knowledge base, before anything is asked.
    """
    stopwatch = Stopwatch()
    quotations = Quotations(database, workspace)
    await quotations.require(dataset.queries)
    outcomes = []
    for query in dataset.queries:
        answer = await assistant.ask(workspace, query.text, history=query.history)
        outcomes.append(await judge(query, answer, quotations))
        advance()
    return stopwatch.report("answers", dataset.name, len(outcomes), measure_outcomes(outcomes))


async def judge(query: Query, answer: Answer, quotations: Quotations) -> Outcome:
    """Compare ``answer`` with what is known of ``query``; every quote is looked up."""
    quoted = [citation for sentence in answer.sentences for citation in sentence.citations]
    claims = [sentence for sentence in answer.sentences if sentence.citations]
    keys = {await quotations.document_key(citation) for citation in quoted}
    return Outcome(
        query=query,
        answer=answer,
        cites_document=bool(keys & query.gold.keys()) if query.gold else None,
        cites_passage=await _cites_any(quotations, quoted, query) if query.gold_passages else None,
        claims=len(claims),
        supported=sum(sentence.support >= SUPPORTED for sentence in claims),
        quotes=len(quoted),
        verbatim=sum([await quotations.is_verbatim(citation) for citation in quoted]),
    )


async def _cites_any(quotations: Quotations, quoted: Sequence[Citation], query: Query) -> bool:
    for gold in query.gold_passages:
        for citation in quoted:
            if await quotations.cites(citation, gold):
                return True
    return False
