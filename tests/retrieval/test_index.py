import shutil
from pathlib import Path

import httpx
import numpy as np
import pytest

from inference.fakes import HashEncoder
from kit.ids import PassageId, WorkspaceId
from retrieval import ChromaIndex, IndexEncoderChanged, IndexUnavailable, VectorIndex
from retrieval.index import UnclosedMark

pytestmark = pytest.mark.anyio

ENCODER = HashEncoder()
TEXTS = ["reset the router", "pay a bill", "move to a new home"]
SECTIONS = [{"section": "router", "audience": "home"}, {"section": "billing"}, {"section": "moving"}]
IDS = [PassageId(number) for number in (1, 2, 3)]


async def _fill(index: VectorIndex, workspace: WorkspaceId) -> None:
    await index.upsert(workspace, IDS, embeddings=ENCODER.encode(TEXTS), metadata=SECTIONS)


async def test_the_nearest_come_first_with_their_cosines(index: VectorIndex, workspace: WorkspaceId) -> None:
    await _fill(index, workspace)

    first, second = await index.query(workspace, ENCODER.encode(["pay the bill", "new home"]), limit=2)

    assert first[0].id == 2
    assert second[0].id == 3
    expected = float(ENCODER.encode(["pay the bill"])[0] @ ENCODER.encode(["pay a bill"])[0])
    assert first[0].similarity == pytest.approx(expected, abs=1e-3)
    assert len(first) == 2


async def test_more_may_be_asked_for_than_there_are(index: VectorIndex, workspace: WorkspaceId) -> None:
    await _fill(index, workspace)

    assert len((await index.query(workspace, ENCODER.encode(["x"]), limit=100))[0]) == 3


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"section": "billing"}, {2}),
        ({"section": ["billing", "moving"]}, {2, 3}),
        ({"section": ["router", "billing"], "audience": "home"}, {1}),
        ({"section": "nothing"}, set()),
        ({}, {1, 2, 3}),
    ],
)
async def test_metadata_filters(
    index: VectorIndex, workspace: WorkspaceId, where: dict[str, str | list[str]], expected: set[int]
) -> None:
    await _fill(index, workspace)

    (hits,) = await index.query(workspace, ENCODER.encode(["the"]), limit=10, where=where)

    assert {hit.id for hit in hits} == expected


async def test_a_workspace_never_sees_another(
    index: VectorIndex, workspace: WorkspaceId, other_workspace: WorkspaceId
) -> None:
    await _fill(index, workspace)

    assert await index.query(other_workspace, ENCODER.encode(TEXTS[:2]), limit=3) == [[], []]
    assert await index.ids(other_workspace) == set()


async def test_an_upsert_replaces_the_vector(index: VectorIndex, workspace: WorkspaceId) -> None:
    await _fill(index, workspace)

    await index.upsert(workspace, IDS[:1], embeddings=ENCODER.encode(["cancel roaming"]), metadata=[{}])

    (hits,) = await index.query(workspace, ENCODER.encode(["cancel roaming"]), limit=1)
    assert hits[0].id == 1
    assert await index.ids(workspace) == {1, 2, 3}


async def test_what_is_deleted_is_gone(index: VectorIndex, workspace: WorkspaceId) -> None:
    await _fill(index, workspace)

    await index.delete(workspace, [PassageId(2), PassageId(99)])

    (hits,) = await index.query(workspace, ENCODER.encode(["pay a bill"]), limit=3)
    assert {hit.id for hit in hits} == {1, 3}
    assert await index.ids(workspace) == {1, 3}


async def test_a_dropped_workspace_is_empty_and_can_be_filled_again(
    index: VectorIndex, workspace: WorkspaceId
) -> None:
    await _fill(index, workspace)

    await index.drop(workspace)
    await index.drop(workspace)

    assert await index.ids(workspace) == set()
    await _fill(index, workspace)
    assert await index.ids(workspace) == {1, 2, 3}


async def test_nothing_to_do_does_nothing(index: VectorIndex, workspace: WorkspaceId) -> None:
    await index.upsert(workspace, [], embeddings=np.zeros((0, 384), np.float32), metadata=[])
    await index.delete(workspace, [])
    await index.delete(workspace, [PassageId(5)])

    assert await index.ids(workspace) == set()


async def test_everything_may_be_deleted(index: VectorIndex, workspace: WorkspaceId) -> None:
    await _fill(index, workspace)

    await index.delete(workspace, IDS)

    assert await index.query(workspace, ENCODER.encode(["x"]), limit=3) == [[]]


async def test_an_index_of_another_encoder_is_not_searched(tmp_path: Path, workspace: WorkspaceId) -> None:
    before = ChromaIndex.embedded(tmp_path, encoder="one@1")
    await _fill(before, workspace)
    before.close()
    changed = ChromaIndex.embedded(tmp_path, encoder="two@1")

    with pytest.raises(IndexEncoderChanged, match="careloop knowledge reindex"):
        await changed.query(workspace, ENCODER.encode(["x"]), limit=1)
    with pytest.raises(IndexEncoderChanged):
        await _fill(changed, workspace)

    assert await changed.ids(workspace) == {1, 2, 3}
    await changed.delete(workspace, IDS[:1])
    await changed.drop(workspace)
    await _fill(changed, workspace)
    assert len((await changed.query(workspace, ENCODER.encode(["x"]), limit=3))[0]) == 3


async def test_a_collection_that_another_process_rebuilt_is_found_again(
    chroma_server: str, other_workspace: WorkspaceId
) -> None:
    mine = ChromaIndex.server(chroma_server, encoder=ENCODER.identity)
    theirs = ChromaIndex.server(chroma_server, encoder=ENCODER.identity, token="secret")
    await _fill(mine, other_workspace)
    await theirs.drop(other_workspace)
    await _fill(theirs, other_workspace)

    assert len((await mine.query(other_workspace, ENCODER.encode(["x"]), limit=3))[0]) == 3
    await mine.drop(other_workspace)
    assert (await theirs.query(other_workspace, ENCODER.encode(["x"]), limit=3)) == [[]]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://127.0.0.1:9"])
def test_a_server_that_does_not_answer_says_so(url: str) -> None:
    with pytest.raises(IndexUnavailable):
        ChromaIndex.server(url, encoder="e")


async def test_a_server_that_went_away_says_so(
    chroma_server: str, workspace: WorkspaceId, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = ChromaIndex.server(chroma_server, encoder=ENCODER.identity)

    def refuse(*_: object, **__: object) -> None:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(httpx.Client, "request", refuse)
    with pytest.raises(IndexUnavailable, match="refused"):
        await index.ids(workspace)


async def test_an_index_that_was_never_closed_starts_over(tmp_path: Path, workspace: WorkspaceId) -> None:
    await _fill(ChromaIndex.embedded(tmp_path / "before", encoder="one@1"), workspace)
    folder = tmp_path / "after"  # Chroma keeps a folder's client; a copy is as new to it as to a new process
    shutil.copytree(tmp_path / "before", folder)  # what a kill leaves
    assert UnclosedMark(folder).left_behind()
    (folder / ".lock").touch()
    fresh = ChromaIndex.embedded(folder, encoder="one@1")
    assert await fresh.ids(workspace) == set()
    assert not UnclosedMark(folder).left_behind()
    assert (folder / ".lock").exists()
    await _fill(fresh, workspace)
    assert await fresh.ids(workspace) == {1, 2, 3}


async def test_an_index_that_was_closed_is_kept(tmp_path: Path, workspace: WorkspaceId) -> None:
    index = ChromaIndex.embedded(tmp_path, encoder="one@1")
    await _fill(index, workspace)
    index.close()
    assert not UnclosedMark(tmp_path).left_behind()
    again = ChromaIndex.embedded(tmp_path, encoder="one@1")
    assert await again.ids(workspace) == {1, 2, 3}
    again.close()
    assert not UnclosedMark(tmp_path).left_behind()
