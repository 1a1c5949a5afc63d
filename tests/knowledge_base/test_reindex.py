"""A workspace moves to another encoder without ever comparing vectors of two encoders."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from sqlalchemy import select

from inference.embeddings import EncoderEmbeddings, SpanEmbeddings
from inference.fakes import HashEncoder
from kit.clock import ManualClock
from kit.ids import WorkspaceId
from knowledge_base import Catalogue, EncoderChanged, SyncProgress, SyncSuperseded, WorkspaceUnknown
from knowledge_base.index_binding import rebind
from store.engine import Database
from store.tables import index_states, passages
from tests.knowledge_base.conftest import synchroniser
from tests.knowledge_base.test_sync import ListedSource, page, passage_ids, replayed_index, texts

pytestmark = pytest.mark.anyio

DOCUMENTS = [page(f"{number}.md", f"Text number {number}.") for number in range(150)]


class FailingEncoder(HashEncoder):
    """Works for some passes, then breaks."""

    def __init__(self, *, passes: int, identity: str) -> None:
        super().__init__(dimensions=64, identity=identity)
        self.passes = passes

    def encode_with_spans(self, texts: Any, spans: Any) -> SpanEmbeddings:
        self.passes -= 1
        if self.passes < 0:
            raise RuntimeError("out of order")
        return super().encode_with_spans(texts, spans)


async def bound(database: Database) -> str:
    async with database.read() as connection:
        encoder: str | None = await connection.scalar(select(index_states.c.encoder))
    assert encoder is not None
    return encoder


async def test_every_passage_is_made_anew(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    await synchroniser(each_database, clock).sync(workspace, ListedSource(*DOCUMENTS))
    before = await passage_ids(each_database)
    new = EncoderEmbeddings(HashEncoder(dimensions=64, identity="hash@2"))
    seen: list[SyncProgress] = []
    written = await synchroniser(each_database, clock, embeddings=new).reindex(
        workspace, progress=seen.append
    )
    assert written == 150
    assert (seen[-1].read, seen[-1].passages, seen[-1].expected) == (150, 150, 150)
    assert not before & await passage_ids(each_database)
    assert await replayed_index(each_database) == await passage_ids(each_database)
    assert await bound(each_database) == "hash@2"
    async with each_database.read() as connection:
        vectors = (await connection.scalars(select(passages.c.embedding))).all()
    assert {vector.shape for vector in vectors} == {(64,)}
    health = await Catalogue(each_database).health(workspace)
    assert (health.versions, health.encoder) == (150, "hash@2")


async def test_a_rebuild_cut_short_goes_on_where_it_stopped(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    old = synchroniser(each_database, clock)
    await old.sync(workspace, ListedSource(*DOCUMENTS))
    failing = FailingEncoder(passes=1, identity="hash@2")
    broken = synchroniser(each_database, clock, embeddings=EncoderEmbeddings(failing))
    with pytest.raises(RuntimeError):
        await broken.reindex(workspace)
    assert (await bound(each_database)).startswith("rebuilding:")
    for either in (old, broken):
        with pytest.raises(EncoderChanged, match="cut short"):
            await either.sync(workspace, ListedSource())
    failing.passes = 10
    assert await broken.reindex(workspace) == 150 - 64
    assert await bound(each_database) == "hash@2"
    assert len(await texts(each_database)) == 150
    assert await replayed_index(each_database) == await passage_ids(each_database)


async def test_with_the_same_encoder_the_index_stays_searchable(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(database, clock)
    await sync.sync(workspace, ListedSource(*DOCUMENTS[:3]))
    assert await sync.reindex(workspace) == 3
    assert await bound(database) == "hash@1"


async def test_an_empty_workspace_can_be_rebuilt_but_an_unknown_one_cannot(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    assert await synchroniser(database, clock).reindex(workspace) == 0
    assert await bound(database) == "hash@1"
    with pytest.raises(WorkspaceUnknown):
        await synchroniser(database, clock).reindex(WorkspaceId("nobody"))


async def test_two_rebuilds_do_not_mix(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    await synchroniser(database, clock).sync(workspace, ListedSource(*DOCUMENTS))
    new = EncoderEmbeddings(HashEncoder(dimensions=64, identity="hash@2"))
    others: list[asyncio.Task[None]] = []

    async def another_ends() -> None:
        async with database.write() as connection:
            await rebind(connection, workspace, encoder="hash@3", dimensions=64)

    def between_batches(_progress: SyncProgress) -> None:
        others.append(asyncio.create_task(another_ends()))

    with pytest.raises(SyncSuperseded):
        await synchroniser(database, clock, embeddings=new).reindex(workspace, progress=between_batches)
    await asyncio.gather(*others)


async def test_a_document_that_changes_meanwhile_is_left_to_its_sync(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    encoder = PausingEncoder()
    sync = synchroniser(database, clock, embeddings=EncoderEmbeddings(encoder))
    await sync.sync(workspace, ListedSource(page("a.md", "Before.")))
    encoder.paused.clear()
    rebuild = asyncio.create_task(sync.reindex(workspace))
    await asyncio.to_thread(encoder.begun.wait, 10)
    # The sync encodes the new text with an encoder of the same identity that is not paused.
    await synchroniser(database, clock).sync(workspace, ListedSource(page("a.md", "After.")))
    encoder.paused.set()
    assert await rebuild == 0
    assert await texts(database) == ["After."]


class PausingEncoder(HashEncoder):
    """Waits in the middle of a pass while ``paused`` is not set."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.paused = threading.Event(), threading.Event()
        self.paused.set()

    def encode_with_spans(self, texts: Any, spans: Any) -> SpanEmbeddings:
        if not self.paused.is_set():
            self.begun.set()
            self.paused.wait(10)
        return super().encode_with_spans(texts, spans)
