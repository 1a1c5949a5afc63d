from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from inference.embeddings import EncoderEmbeddings
from inference.fakes import HashEncoder
from kit.ids import PassageId, WorkspaceId
from retrieval import ChromaIndex, HistoryTurn, HybridRetriever, IndexEncoderChanged, LastTurnOnly
from retrieval.candidates import VersionCache
from store.errors import DatabaseUnavailable
from tests.retrieval.conftest import ENCODER, Shelf

pytestmark = pytest.mark.anyio


@pytest.fixture
async def venues(shelf: Shelf) -> Shelf:
    """Three hotels that answer the same questions, and some other things."""
    for name in ("Alder Lodge", "Birch House", "Cedar Inn"):
        await shelf.add(f"{name}: Is there parking?", "Parking costs extra here.")
        await shelf.add(f"{name}: Do you serve breakfast?", "Breakfast is from seven.")
    await shelf.add("Moving home", "Tell us four weeks before.", "An engineer visits the new address.")
    await shelf.add("Roaming", "Roaming in Europe is free.", metadata={"audience": "mobile"})
    return shelf


async def test_the_best_passage_comes_first_with_what_its_score_is_made_of(
    venues: Shelf, retriever: HybridRetriever, workspace: WorkspaceId
) -> None:
    found = await retriever.search(workspace, "Is roaming in Europe free?", limit=3)

    best = found.passages[0]
    assert best.passage.title == "Roaming"
    assert best.passage.document_key == "Roaming.md"
    assert best.passage.url == "https://help.example/8"
    assert best.passage.metadata == {"audience": "mobile"}
    assert best.passage.headings == ()
    assert best.lexical > 0
    assert best.dense == pytest.approx(float(found.vector @ np.asarray(best.embedding, np.float32)), abs=1e-3)
    assert best.subject == pytest.approx(1.0)
    assert best.sentence_embeddings is None
    assert best.history_dense == best.history_lexical == 0
    assert len(found.passages) == 3
    assert [each.score for each in found.passages] == sorted(
        (each.score for each in found.passages), reverse=True
    )
    assert found.dependence == 0
    assert found.standalone == "Is roaming in Europe free?"


async def test_the_name_said_before_decides_between_alike_answers(
    venues: Shelf, retriever: HybridRetriever, workspace: WorkspaceId
) -> None:
    history = [
        HistoryTurn("I want to stay at Alder Lodge."),
        HistoryTurn("Alder Lodge is full. How about Birch House?", by_customer=False),
        HistoryTurn("Fine, book Birch House."),
        HistoryTurn("Done.", by_customer=False),
    ]

    found = await retriever.search(workspace, "Do they have parking?", history=history)

    assert found.passages[0].passage.title == "Birch House: Is there parking?"
    assert found.passages[0].history_dense > 0
    assert found.passages[0].history_lexical > 0


async def test_a_turn_that_says_little_leans_on_the_history(
    venues: Shelf, retriever: HybridRetriever, workspace: WorkspaceId
) -> None:
    history = [HistoryTurn("I am moving home next month"), HistoryTurn("Shall I explain?", by_customer=False)]

    vague = await retriever.search(workspace, "yes please", history=history)
    clear = await retriever.search(workspace, "Roaming in Europe is free", history=history)

    assert vague.passages[0].passage.title == "Moving home"
    assert clear.passages[0].passage.title == "Roaming"
    assert 0 <= clear.dependence < vague.dependence <= 1


async def test_without_reranking_only_the_last_turn_counts(venues: Shelf, workspace: WorkspaceId) -> None:
    plain = HybridRetriever(
        venues.database, EncoderEmbeddings(ENCODER), venues.index, reranker=LastTurnOnly()
    )
    history = [HistoryTurn("Cedar Inn, please")]

    with_history = await plain.search(workspace, "parking", history=history)
    without = await plain.search(workspace, "parking")

    assert with_history.passages[0].score == pytest.approx(without.passages[0].score)
    assert with_history.dependence == 0


async def test_deleted_passages_are_never_returned_though_the_index_has_them(
    venues: Shelf, retriever: HybridRetriever, workspace: WorkspaceId
) -> None:
    before = await retriever.search(workspace, "roaming Europe", limit=2)
    gone = before.passages[0].passage.id
    await venues.remove([gone])

    after = await retriever.search(workspace, "roaming Europe", limit=2)

    assert gone in await venues.index.ids(workspace)
    assert gone not in [each.passage.id for each in after.passages]
    assert len(after.passages) == 2


async def test_a_workspace_never_sees_another(
    venues: Shelf, retriever: HybridRetriever, workspace: WorkspaceId, other_workspace: WorkspaceId
) -> None:
    (theirs,) = await venues.add("Roaming", "Our roaming differs.", workspace=other_workspace)

    assert [each.passage.id for each in (await retriever.search(other_workspace, "roaming")).passages] == [
        theirs
    ]
    found = await retriever.search(workspace, "roaming", limit=50)
    assert theirs not in [each.passage.id for each in found.passages]


async def test_an_empty_workspace_finds_nothing(
    retriever: HybridRetriever, other_workspace: WorkspaceId
) -> None:
    found = await retriever.search(other_workspace, "roaming", history=[HistoryTurn("hello")])

    assert found.passages == ()
    assert found.vector.shape == (384,)


async def test_filters_hold_for_both_searches(
    venues: Shelf, retriever: HybridRetriever, workspace: WorkspaceId
) -> None:
    found = await retriever.search(workspace, "breakfast parking roaming", where={"audience": "mobile"})

    assert [each.passage.title for each in found.passages] == ["Roaming"]


class _Rewriter:
    async def rewrite(self, question: str, history: Sequence[HistoryTurn]) -> str:
        return f"{question} in Europe while roaming" if history else question


async def test_a_rewriter_makes_the_question_stand_alone(venues: Shelf, workspace: WorkspaceId) -> None:
    retriever = HybridRetriever(
        venues.database, EncoderEmbeddings(ENCODER), venues.index, rewriter=_Rewriter()
    )

    found = await retriever.search(workspace, "What does it cost", history=[HistoryTurn("Hi")])

    assert found.standalone == "What does it cost in Europe while roaming"
    assert found.passages[0].passage.title == "Roaming"


async def test_postgresql_and_sqlite_agree(each_shelf: Shelf, workspace: WorkspaceId) -> None:
    await each_shelf.add("Moving home", "Tell us four weeks before.", "An engineer visits the new address.")
    await each_shelf.add("Roaming", "Roaming in Europe is free.")
    retriever = HybridRetriever(each_shelf.database, EncoderEmbeddings(ENCODER), each_shelf.index)

    found = await retriever.search(workspace, "Will an engineer visit my new address?")

    assert found.passages[0].passage.text == "An engineer visits the new address."


async def test_an_index_of_another_encoder_is_refused(
    shelf: Shelf, tmp_path: Path, workspace: WorkspaceId
) -> None:
    old = ChromaIndex.embedded(tmp_path, encoder="old@1")
    await old.upsert(workspace, [PassageId(1)], embeddings=ENCODER.encode(["x"]), metadata=[{}])
    old.close()
    index = ChromaIndex.embedded(tmp_path, encoder=HashEncoder().identity)
    retriever = HybridRetriever(shelf.database, EncoderEmbeddings(ENCODER), index)

    with pytest.raises(IndexEncoderChanged, match="reindex"):
        await retriever.search(workspace, "roaming")


async def test_a_database_that_fails_does_not_leave_the_vector_search_behind(
    venues: Shelf, retriever: HybridRetriever, workspace: WorkspaceId, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr(retriever, "_search_words", fail)
    with pytest.raises(DatabaseUnavailable):
        await retriever.search(workspace, "roaming")


async def test_the_cache_forgets_what_was_used_least_lately(shelf: Shelf, workspace: WorkspaceId) -> None:
    first = await shelf.add("One", "a", "b", "c")
    second = await shelf.add("Two", "d", "e", "f")
    cache = VersionCache(capacity=4)
    async with shelf.database.read() as connection:
        found = await cache.versions(connection, workspace, [*first, *second])
        assert found.keys() == {*first, *second}
        again = await cache.versions(connection, workspace, first)

    assert again[first[0]].ids == tuple(first)
    assert again[first[0]].vectors.shape == (3, 384)
    assert found[second[1]].title == "Two"
