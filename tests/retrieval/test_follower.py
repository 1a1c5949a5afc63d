import asyncio
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from sqlalchemy import delete, select

from inference.fakes import HashEncoder
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE, PassageId, WorkspaceId
from retrieval.errors import IndexEncoderChanged, IndexUnavailable
from retrieval.follower import IndexFollower
from retrieval.index import Matrix, MemoryIndex
from store.engine import Database
from store.tables import document_versions, documents, index_operations, index_states, passages, sources

pytestmark = pytest.mark.anyio

ENCODER = HashEncoder()


class BoundIndex(MemoryIndex):
    """An index that refuses vectors of another encoder, as Chroma's collections do, and can be down."""

    def __init__(self, encoder: str = ENCODER.identity) -> None:
        super().__init__()
        self.encoder = encoder
        self.down = False

    async def upsert(
        self,
        workspace: WorkspaceId,
        ids: Sequence[PassageId],
        *,
        embeddings: Matrix,
        metadata: Sequence[Mapping[str, str]],
    ) -> None:
        if self.down:
            raise IndexUnavailable("down")
        if self.encoder != ENCODER.identity:
            raise IndexEncoderChanged("changed")
        await super().upsert(workspace, ids, embeddings=embeddings, metadata=metadata)

    async def drop(self, workspace: WorkspaceId) -> None:
        self.encoder = ENCODER.identity
        await super().drop(workspace)


@pytest.fixture
async def knowledge(each_database: Database, clock: ManualClock) -> Database:
    """A database with one document version to hang passages on."""
    base = {"workspace_id": DEFAULT_WORKSPACE, "created_at": clock.now()}
    version = {
        "number": 1,
        "content_hash": "0" * 64,
        "title": "t",
        "text": "x",
        "kind": "article",
        "metadata": {},
    }
    async with each_database.write() as connection:
        await connection.execute(
            sources.insert().values(**base, id="s", kind="folder", location="l", state={})
        )
        await connection.execute(documents.insert().values(**base, id="d", source_id="s", key="k"))
        await connection.execute(
            document_versions.insert().values(**base, id="v", document_id="d", **version)
        )
        await connection.execute(
            index_states.insert().values(
                workspace_id=DEFAULT_WORKSPACE, encoder=ENCODER.identity, dimensions=384
            )
        )
    return each_database


async def _add(database: Database, *texts: str) -> list[PassageId]:
    added = []
    async with database.write() as connection:
        for text in texts:
            row = await connection.execute(
                passages.insert().values(
                    workspace_id=DEFAULT_WORKSPACE,
                    document_id="d",
                    version_id="v",
                    ordinal=0,
                    start=0,
                    end=1,
                    kind="prose",
                    title="t",
                    headings="",
                    context="",
                    text=text,
                    metadata={"section": text},
                    embedding=ENCODER.encode([text])[0],
                )
            )
            assert row.inserted_primary_key is not None
            added.append(PassageId(row.inserted_primary_key[0]))
            await connection.execute(
                index_operations.insert().values(
                    workspace_id=DEFAULT_WORKSPACE, passage_id=added[-1], delete=False
                )
            )
    return added


async def _remove(database: Database, passage: PassageId) -> None:
    async with database.write() as connection:
        await connection.execute(delete(passages).where(passages.c.id == passage))
        await connection.execute(
            index_operations.insert().values(workspace_id=DEFAULT_WORKSPACE, passage_id=passage, delete=True)
        )


async def _pending(database: Database) -> int:
    async with database.read() as connection:
        return len((await connection.execute(select(index_operations))).all())


async def test_what_appeared_can_be_found_and_what_went_cannot(knowledge: Database) -> None:
    index = BoundIndex()
    follower = IndexFollower(knowledge, index, encoder=ENCODER.identity)
    first, second = await _add(knowledge, "moving home", "paying a bill")
    assert await follower.apply() == 2
    hits = await index.query(
        DEFAULT_WORKSPACE, ENCODER.encode(["moving"]), limit=1, where={"section": "moving home"}
    )
    assert [hit.id for hit in hits[0]] == [first]
    await _remove(knowledge, first)
    assert await follower.apply() == 1
    assert await index.ids(DEFAULT_WORKSPACE) == {second}
    assert await _pending(knowledge) == 0
    assert await follower.apply() == 0


async def test_what_came_and_went_between_two_looks_leaves_nothing(knowledge: Database) -> None:
    index = BoundIndex()
    (passage,) = await _add(knowledge, "a")
    await _remove(knowledge, passage)
    await IndexFollower(knowledge, index, encoder=ENCODER.identity).apply()
    assert await index.ids(DEFAULT_WORKSPACE) == set()


async def test_operations_stay_until_the_index_has_them(knowledge: Database) -> None:
    index = BoundIndex()
    follower = IndexFollower(knowledge, index, encoder=ENCODER.identity)
    await _add(knowledge, "a", "b")
    index.down = True
    with pytest.raises(IndexUnavailable):
        await follower.apply()
    assert await _pending(knowledge) == 2
    index.down = False
    assert await follower.apply() == 2


async def test_an_index_that_lost_or_kept_too_much_is_mended(knowledge: Database) -> None:
    index = BoundIndex()
    follower = IndexFollower(knowledge, index, encoder=ENCODER.identity)
    kept, lost = await _add(knowledge, "a", "b")
    await follower.apply()
    await index.delete(DEFAULT_WORKSPACE, [lost])
    stray = PassageId(10_000)
    await index.upsert(DEFAULT_WORKSPACE, [stray], embeddings=np.ones((1, 384), np.float32), metadata=[{}])
    assert await follower.reconcile() == 2
    assert await index.ids(DEFAULT_WORKSPACE) == {kept, lost}
    assert await follower.reconcile() == 0


async def test_after_a_reindex_the_index_starts_over(knowledge: Database) -> None:
    index = BoundIndex(encoder="former@1")
    passage_ids = await _add(knowledge, "a", "b")
    await IndexFollower(knowledge, index, encoder=ENCODER.identity).apply()
    assert await index.ids(DEFAULT_WORKSPACE) == set(passage_ids)


async def test_before_a_reindex_the_old_index_is_left_alone(knowledge: Database) -> None:
    async with knowledge.write() as connection:
        await connection.execute(index_states.update().values(encoder="former@1"))
    index = BoundIndex(encoder="former@1")
    await _add(knowledge, "a")
    follower = IndexFollower(knowledge, index, encoder=ENCODER.identity)
    with pytest.raises(IndexEncoderChanged, match="careloop knowledge reindex"):
        await follower.apply()
    assert await follower.reconcile() == 0


async def test_following_applies_when_woken_and_outlives_an_outage(knowledge: Database) -> None:
    index = BoundIndex()
    index.down = True
    follower = IndexFollower(knowledge, index, encoder=ENCODER.identity)
    following = asyncio.create_task(follower.follow(interval=0.05))
    (passage,) = await _add(knowledge, "a")
    await asyncio.sleep(0.12)
    index.down = False
    follower.wake()
    async with asyncio.timeout(5):
        while await _pending(knowledge):  # noqa: ASYNC110 (the database is what is waited for)
            await asyncio.sleep(0.01)
    following.cancel()
    assert await index.ids(DEFAULT_WORKSPACE) == {passage}
