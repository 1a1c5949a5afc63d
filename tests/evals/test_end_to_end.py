"""A tiny data set through source, sync, index and search, with an encoder that needs no model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.answer import Answer, AnswerKind, AnswerSentence, Citation
from evals.corpus import CorpusSource
from evals.dataset import load_dataset
from evals.errors import DatasetInvalid
from evals.quotations import Quotations, locate
from evals.suites.answers import evaluate_answers, judge
from evals.suites.groundedness import load_pairs
from evals.suites.retrieval import evaluate_retrieval
from inference.embeddings import EncoderEmbeddings
from kit.clock import ManualClock
from kit.ids import DocumentId, PassageId, VersionId, WorkspaceId
from knowledge_base.report import SyncReport
from knowledge_base.splitter import split
from knowledge_base.sync import Synchroniser
from retrieval import HistoryTurn, HybridRetriever, MemoryIndex
from retrieval.follower import IndexFollower
from store.engine import Database
from tests.evals.sets import CORPUS, write_dataset

pytestmark = pytest.mark.anyio


class Tiny:
    """The tiny data set, ingested."""

    def __init__(self, database: Database, embeddings: EncoderEmbeddings, workspace: WorkspaceId) -> None:
        index = MemoryIndex()
        self.database = database
        self.workspace = workspace
        self.retriever = HybridRetriever(database, embeddings, index)
        self.synchroniser = Synchroniser(database, embeddings, clock=ManualClock(), split=split)
        self.follower = IndexFollower(database, index, encoder=embeddings.identity)

    async def ingest(self, folder: Path) -> SyncReport:
        report = await self.synchroniser.sync(self.workspace, CorpusSource(load_dataset(folder)))
        await self.follower.apply()
        return report

    async def ask(self, workspace: WorkspaceId, text: str, *, history: Sequence[HistoryTurn] = ()) -> Answer:
        """Quote the best passage whole, or hand over when no word of it was asked for."""
        best = (await self.retriever.search(workspace, text, history=history, limit=1)).passages[0]
        if best.lexical == 0:
            return Answer(AnswerKind.HANDOVER, "I do not know.", answerability=0.1)
        found = best.passage
        citation = Citation(
            found.document_id,
            found.version_id,
            found.id,
            quote=found.text,
            start=found.start,
            end=found.end,
            title=found.title,
        )
        return Answer(
            AnswerKind.ANSWER, found.text, (AnswerSentence(found.text, (citation,)),), answerability=0.9
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "tiny")


@pytest.fixture
async def tiny(
    database: Database, embeddings: EncoderEmbeddings, workspace: WorkspaceId, folder: Path
) -> Tiny:
    tiny = Tiny(database, embeddings, workspace)
    report = await tiny.ingest(folder)
    assert report.added == len(CORPUS)
    return tiny


async def test_an_unchanged_corpus_is_not_encoded_again(tiny: Tiny, folder: Path) -> None:
    again = await tiny.ingest(folder)
    assert (again.unchanged, again.passages) == (len(CORPUS), 0)


async def test_ids_may_hold_any_character_and_stay_when_ingested_again(tiny: Tiny, tmp_path: Path) -> None:
    corpus = [
        {"_id": f"Plates & fees#{place}_0", "title": "Fees", "text": f"Fee {place}."} for place in range(3)
    ]
    other = write_dataset(tmp_path / "other", corpus=corpus, qrels=())
    await tiny.ingest(other)
    again = await tiny.ingest(other)
    assert (again.unchanged, again.removed, again.failed) == (3, 0, 0)


async def test_retrieval_ranks_documents_by_their_ids(tiny: Tiny, folder: Path) -> None:
    asked = []
    report = await evaluate_retrieval(
        load_dataset(folder), tiny.retriever, workspace=tiny.workspace, advance=lambda: asked.append(1)
    )
    assert (report.suite, report.data, report.n, len(asked)) == ("retrieval", "tiny", 2, 2)
    assert report.metrics["recall@1"] == report.metrics["mrr"] == report.metrics["ndcg@10"] == 1.0


async def test_answers_are_compared_with_gold_and_looked_up(tiny: Tiny, folder: Path) -> None:
    report = await evaluate_answers(load_dataset(folder), tiny, tiny.database, workspace=tiny.workspace)
    assert report.n == 3
    expected = {
        "coverage": 1.0,
        "cited_gold": 1.0,
        "answered_with_gold_passage": 1.0,
        "answerability_auroc": 1.0,
        "groundedness": 1.0,
        "quotes_verbatim": 1.0,
        "unanswerable.handed_over": 1.0,
        "follow_up.answered": 1.0,
    }
    assert {name: report.metrics[name] for name in expected} == expected


async def test_a_quote_that_is_not_verbatim_is_found(tiny: Tiny, folder: Path) -> None:
    query = load_dataset(folder).queries[0]
    answer = await tiny.ask(tiny.workspace, query.text)
    citation = answer.citations[0]
    changed = Citation(
        citation.document_id,
        citation.version_id,
        citation.passage_id,
        quote=citation.quote.replace("ten", "two"),
        start=citation.start,
        end=citation.end,
        title="",
    )
    quotations = Quotations(tiny.database, tiny.workspace)
    assert await quotations.is_verbatim(citation)
    assert not await quotations.is_verbatim(changed)
    outcome = await judge(query, Answer(answer.kind, "", (AnswerSentence("", (changed,)),)), quotations)
    assert (outcome.quotes, outcome.verbatim) == (1, 0)


async def test_a_citation_of_nothing_is_neither_verbatim_nor_gold(tiny: Tiny, folder: Path) -> None:
    query = load_dataset(folder).queries[0]
    nowhere = Citation(
        DocumentId("doc_x"), VersionId("ver_x"), PassageId(0), quote="ten", start=0, end=3, title=""
    )
    quotations = Quotations(tiny.database, tiny.workspace)
    assert not await quotations.is_verbatim(nowhere)
    assert await quotations.document_key(nowhere) is None
    assert not await quotations.cites(nowhere, query.gold_passages[0])


async def test_a_citation_of_a_passage_that_was_replaced_counts_by_its_offsets(
    tiny: Tiny, folder: Path
) -> None:
    query = load_dataset(folder).queries[0]
    citation = (await tiny.ask(tiny.workspace, query.text)).citations[0]
    gone = Citation(
        citation.document_id, citation.version_id, PassageId(10**6), quote="x", start=0, end=60, title=""
    )
    assert await Quotations(tiny.database, tiny.workspace).cites(gone, query.gold_passages[0])


async def test_gold_that_is_not_in_the_knowledge_base_is_said(tiny: Tiny, tmp_path: Path) -> None:
    queries: list[dict[str, object]] = [
        {"_id": "q1", "text": "?", "gold_passages": [{"document": "none", "quote": "x"}]},
        {"_id": "q2", "text": "?", "gold_passages": [{"document": "bill", "quote": "x y z"}]},
        {"_id": "q3", "text": "?"},
    ]
    other = write_dataset(tmp_path / "other", queries=queries, qrels=())
    (other / "corpus.jsonl").write_text('{"_id": "absent", "text": "x"}\n')
    (other / "qrels.tsv").write_text("h\nq3\tabsent\t1\n")
    with pytest.raises(DatasetInvalid) as caught:
        await evaluate_answers(load_dataset(other), tiny, tiny.database, workspace=tiny.workspace)
    assert "q1: there is no document none" in caught.value.detail
    assert "q2: bill does not say 'x y z'" in caught.value.detail
    assert "q3: there is no document absent" in caught.value.detail


def test_words_are_located_whatever_white_space_is_between_them() -> None:
    (found,) = locate("third  working day", "on the third\nworking day of")
    assert (found.start, found.end) == (7, 24)
    assert locate(" ", "anything") == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"knowledge": "k", "response": "r", "label": "maybe"}', "the label 'maybe' is not one of"),
        ('{"knowledge": "k", "label": "Generic"}', "no text under `response`"),
        ("", "is empty"),
    ],
)
def test_broken_groundedness_pairs_are_said(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(line)
    with pytest.raises(DatasetInvalid, match=says):
        load_pairs(file)
