import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.ids import PassageId, WorkspaceId
from kit.text import words
from retrieval.lexical import LexicalHit, lexical_search
from retrieval.query import content_words
from tests.retrieval.conftest import Shelf

pytestmark = pytest.mark.anyio


async def _search(
    shelf: Shelf,
    workspace: WorkspaceId,
    query: str | dict[str, float],
    *,
    limit: int = 10,
    where: dict[str, str | list[str]] | None = None,
) -> list[LexicalHit]:
    terms = dict.fromkeys(content_words(query), 1.0) if isinstance(query, str) else query
    async with shelf.database.read() as connection:
        return await lexical_search(shelf.database.dialect).search(
            connection, workspace, terms, limit=limit, where=where
        )


def _ids(hits: list[LexicalHit]) -> list[PassageId]:
    return [hit.id for hit in hits]


@pytest.fixture
async def filled(each_shelf: Shelf) -> Shelf:
    await each_shelf.add("Router", "Reset the router.", "The lights of the box.", metadata={"section": "kit"})
    await each_shelf.add(
        "Bills", "You can pay bills monthly.", "A router costs money.", metadata={"section": "money"}
    )
    await each_shelf.add("Filler", *(f"Words about nothing {number}." for number in range(10)))
    return each_shelf


async def test_more_of_the_words_scores_higher_and_stems_meet(filled: Shelf, workspace: WorkspaceId) -> None:
    hits = await _search(filled, workspace, "how do I reset routers?")

    assert _ids(hits)[0] == 1
    assert set(_ids(hits)) == {1, 2, 4}  # the title counts too
    assert hits == sorted(hits, key=lambda hit: -hit.score)
    assert all(hit.score > 0 for hit in hits)


async def test_a_word_in_the_title_counts_more(each_shelf: Shelf, workspace: WorkspaceId) -> None:
    (in_text,) = await each_shelf.add("Guide", "All about roaming abroad.")
    (in_title,) = await each_shelf.add("Roaming", "All about phones abroad.")
    (in_heading,) = await each_shelf.add("Manual", "All about phones abroad.", headings="Roaming")
    await each_shelf.add("Filler", *("Nothing at all." for _ in range(9)))

    assert _ids(await _search(each_shelf, workspace, "roaming")) == [in_title, in_heading, in_text]


async def test_a_rare_word_counts_more(each_shelf: Shelf, workspace: WorkspaceId) -> None:
    await each_shelf.add(
        "Common", *("the plan is good" for _ in range(6)), *("nothing here now" for _ in range(9))
    )
    (rare,) = await each_shelf.add("Rare", "the eSIM is good")

    assert _ids(await _search(each_shelf, workspace, "plan eSIM"))[0] == rare


async def test_scores_are_those_of_bm25(each_shelf: Shelf, workspace: WorkspaceId) -> None:
    await each_shelf.add("alpha", "bravo charlie")
    await each_shelf.add("delta", *["echo foxtrot"] * 3)

    (hit,) = await _search(each_shelf, workspace, "bravo")

    # One passage of four has it once, and all have three words: k1 and b cancel out.
    assert hit.score == pytest.approx(math.log((4 - 1 + 0.5) / (1 + 0.5)), rel=1e-3)


async def test_a_heavier_word_decides(filled: Shelf, workspace: WorkspaceId) -> None:
    assert _ids(await _search(filled, workspace, {"lights": 1.0, "monthly": 0.2}))[0] == 2
    assert _ids(await _search(filled, workspace, {"lights": 0.2, "monthly": 1.0}))[0] == 3


async def test_equal_weights_only_scale(filled: Shelf, workspace: WorkspaceId) -> None:
    (whole,) = await _search(filled, workspace, {"lights": 1.0})
    (half,) = await _search(filled, workspace, {"lights": 0.5})

    assert half.score == pytest.approx(whole.score / 2)


@pytest.mark.parametrize(
    ("where", "expected"),
    [({"section": "kit"}, {1, 2}), ({"section": ["kit", "money"]}, {1, 2, 4}), ({"section": "none"}, set())],
)
async def test_metadata_filters(
    filled: Shelf, workspace: WorkspaceId, where: dict[str, str | list[str]], expected: set[int]
) -> None:
    assert set(_ids(await _search(filled, workspace, "router", where=where))) == expected


async def test_a_workspace_never_sees_another(
    filled: Shelf, workspace: WorkspaceId, other_workspace: WorkspaceId
) -> None:
    assert await _search(filled, other_workspace, "router") == []

    (theirs,) = await filled.add("Router", "Another router.", workspace=other_workspace)

    assert _ids(await _search(filled, other_workspace, "router")) == [theirs]
    assert theirs not in _ids(await _search(filled, workspace, "router"))


async def test_no_more_than_the_limit(filled: Shelf, workspace: WorkspaceId) -> None:
    assert len(await _search(filled, workspace, "words nothing", limit=3)) == 3


async def test_without_words_nothing_is_found(filled: Shelf, workspace: WorkspaceId) -> None:
    assert await _search(filled, workspace, {}) == []
    assert await _search(filled, workspace, "zzz") == []


async def test_deleted_passages_are_not_found(filled: Shelf, workspace: WorkspaceId) -> None:
    await filled.remove([PassageId(1)])

    assert 1 not in _ids(await _search(filled, workspace, "reset router"))


async def test_the_statistics_are_read_once_a_minute(filled: Shelf, workspace: WorkspaceId) -> None:
    search = lexical_search(filled.database.dialect)
    async with filled.database.read() as connection:
        first = await search.search(connection, workspace, {"lights": 1.0}, limit=5)
        again = await search.search(connection, workspace, {"lights": 1.0}, limit=5)

    assert first == again


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            '" OR "',
            "NEAR(a b)",
            "title:router",
            "a* -b ^c",
            "'; DROP TABLE passages; --",
            "(()",
            "\x00",
            "AND OR NOT",
        ]
    ),
)


@given(text=HOSTILE)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
async def test_nothing_that_is_typed_is_an_operator(filled: Shelf, workspace: WorkspaceId, text: str) -> None:
    terms = dict.fromkeys(words(text), 1.0)

    await _search(filled, workspace, terms)
    await _search(filled, workspace, {f'{text}"'.replace("\x00", ""): 1.0})
