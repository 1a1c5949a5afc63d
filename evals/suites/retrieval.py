"""How well search ranks documents: recall, MRR and nDCG over questions that have judged documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evals.dataset import Dataset, Query
from evals.measures import Measures
from evals.metrics import full_recall, hit, ndcg, reciprocal_rank
from evals.report import Report, Stopwatch
from kit.ids import WorkspaceId
from retrieval import RankedPassage, Retriever

CUTOFFS = (1, 3, 5, 10, 20)
DEPTH = 100  # passages asked for; several may come from one document


def ranked_documents(passages: Sequence[RankedPassage]) -> list[str]:
    """Keys of the documents, best first, each at the rank of its best passage."""
    return list(dict.fromkeys(ranked.passage.document_key for ranked in passages))


async def evaluate_retrieval(
    dataset: Dataset,
    retriever: Retriever,
    *,
    workspace: WorkspaceId,
    advance: Callable[[], None] = lambda: None,
) -> Report:
    """Search with each judged question after its history and compare with the gold documents.

    ``advance`` is called after each question. Questions without a gold document are left out: that is
    how the baselines of ``data/README.md`` count (113 of mtragun's 141). MRR counts the documents of the
    first ``DEPTH`` passages, ``mrr@10`` the first ten documents.
    """
    stopwatch = Stopwatch()
    judged = [query for query in dataset.queries if query.gold]
    rankings = []
    for query in judged:
        found = await retriever.search(workspace, query.text, history=query.history, limit=DEPTH)
        rankings.append(ranked_documents(found.passages))
        advance()
    return stopwatch.report("retrieval", dataset.name, len(judged), measure_rankings(judged, rankings))


def measure_rankings(queries: Sequence[Query], rankings: Sequence[Sequence[str]]) -> Measures:
    """Metrics of ``rankings``, one for each of ``queries``, over document ids."""
    measures = Measures()
    pairs = list(zip(queries, rankings, strict=True))
    for k in CUTOFFS:
        measures.mean(f"recall@{k}", [hit(ranked, query.gold.keys(), k) for query, ranked in pairs])
    measures.mean("mrr@10", [reciprocal_rank(ranked, query.gold.keys(), 10) for query, ranked in pairs])
    measures.mean("mrr", [reciprocal_rank(ranked, query.gold.keys()) for query, ranked in pairs])
    measures.mean("ndcg@10", [ndcg(ranked, query.gold, 10) for query, ranked in pairs])
    for k in (5, 10):
        measures.mean(
            f"full_recall@{k}", [full_recall(ranked, query.gold.keys(), k) for query, ranked in pairs]
        )
    return measures
