"""A sync makes the database hold what the source holds, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event, func, select, text

from inference.embeddings import EncoderEmbeddings
from inference.fakes import HashEncoder
from kit.clock import ManualClock
from kit.ids import WorkspaceId
from kit.text import sentences
from knowledge_base import (
    Catalogue,
    Document,
    EncoderChanged,
    Failure,
    FolderSource,
    IngestionState,
    PassageDraft,
    SourceInvalid,
    SourceKind,
    SourceUnavailable,
    SourceUnknown,
    Synchroniser,
    SyncProgress,
    SyncRunning,
    SyncSuperseded,
    WorkspaceUnknown,
)
from knowledge_base.sources import Entry, EntryState, Listed, Loaded, Skipped, Unchanged
from store.engine import Database
from store.errors import DatabaseUnwritable
from store.tables import index_operations, index_states, ingestions, passages, sources
from tests.knowledge_base.conftest import split_by_blank_lines, synchroniser, write

pytestmark = pytest.mark.anyio


class ListedSource:
    """A source that lists what it was given."""

    kind = SourceKind.FOLDER
    location = "memory:"

    def __init__(self, *items: Listed | Document | Exception) -> None:
        self.items = list(items)
        self.known: Mapping[str, EntryState] = {}

    async def entries(self, known: Mapping[str, EntryState]) -> AsyncGenerator[Listed, None]:
        self.known = known
        for item in self.items:
            match item:
                case Exception():
                    raise item
                case Document():
                    yield entry(item.key, Loaded((item,), {"hash": item.content_hash}))
                case _:
                    yield item


def entry(key: str, outcome: Loaded | Unchanged | Exception) -> Entry:
    async def load() -> Loaded | Unchanged:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return Entry(key, load)


def page(key: str, body: str = "One sentence. Another one.\n\nA second passage.") -> Document:
    return Document(key=key, title=f"About {key}", text=body)


async def texts(database: Database) -> list[str]:
    async with database.read() as connection:
        return list(await connection.scalars(select(passages.c.text).order_by(passages.c.text)))


async def replayed_index(database: Database) -> set[int]:
    """The passages an index holds after it applied every operation in order."""
    held: set[int] = set()
    async with database.read() as connection:
        for row in await connection.execute(select(index_operations).order_by(index_operations.c.id)):
            (held.discard if row.delete else held.add)(row.passage_id)
    return held


async def passage_ids(database: Database) -> set[int]:
    async with database.read() as connection:
        return set(await connection.scalars(select(passages.c.id)))


async def test_a_first_sync_stores_documents_versions_and_passages(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    source = ListedSource(page("a.md"), page("b.md", "Only this."))
    report = await synchroniser(each_database, clock).sync(workspace, source)

    assert (report.added, report.changed, report.unchanged, report.removed) == (2, 0, 0, 0)
    assert report.passages == 3
    catalogue = Catalogue(each_database)
    first = next(item for item in (await catalogue.documents(workspace)).items if item.key == "a.md")
    assert (first.key, first.title, first.version, first.passages) == ("a.md", "About a.md", 1, 2)
    stored = await catalogue.passages(workspace, first.id)
    version = await catalogue.version(workspace, first.version_id)
    assert [version.text[passage.start : passage.end] for passage in stored] == [p.text for p in stored]
    assert await replayed_index(each_database) == await passage_ids(each_database)


async def test_embeddings_are_of_the_embedding_text_and_of_its_sentences(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    document = page("a.md", "Zebras are striped. Lions are not.")
    await synchroniser(database, clock).sync(workspace, ListedSource(document))
    async with database.read() as connection:
        row = (await connection.execute(select(passages))).one()
    encoder = HashEncoder()
    draft = split_by_blank_lines(document)[0]
    expected = encoder.encode([draft.embedding_text(document.title)])[0]
    assert np.allclose(row.embedding, expected, atol=1e-3)
    expected_sentences = encoder.encode([span.text for span in sentences(document.text)])
    assert row.sentence_embeddings.shape == (2, encoder.dimensions)
    assert np.allclose(row.sentence_embeddings, expected_sentences, atol=1e-3)


async def test_what_did_not_change_is_left_alone(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    source = ListedSource(page("a.md"), page("b.md"))
    sync = synchroniser(each_database, clock)
    await sync.sync(workspace, source)
    before = await passage_ids(each_database)
    report = await sync.sync(workspace, source)
    assert (report.added, report.changed, report.unchanged, report.passages) == (0, 0, 2, 0)
    assert await passage_ids(each_database) == before
    assert source.known["a.md"] == {"hash": page("a.md").content_hash}


async def test_a_changed_document_gets_a_new_version_and_new_passages(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(each_database, clock)
    await sync.sync(workspace, ListedSource(page("a.md", "It costs £20.")))
    report = await sync.sync(workspace, ListedSource(page("a.md", "It costs £25.")))
    assert (report.changed, report.passages) == (1, 1)
    assert await texts(each_database) == ["It costs £25."]
    catalogue = Catalogue(each_database)
    document = (await catalogue.documents(workspace)).items[0]
    new, old = await catalogue.versions(workspace, document.id)
    assert (new.number, new.text, new.current) == (2, "It costs £25.", True)
    assert (old.number, old.text, old.current) == (1, "It costs £20.", False)
    assert await replayed_index(each_database) == await passage_ids(each_database)


async def test_a_removed_document_leaves_every_answer_but_can_be_traced(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(each_database, clock)
    await sync.sync(workspace, ListedSource(page("a.md"), page("b.md", "Stays.")))
    report = await sync.sync(workspace, ListedSource(page("b.md", "Stays.")))
    assert report.removed == 1
    assert await texts(each_database) == ["Stays."]
    catalogue = Catalogue(each_database)
    assert [item.key for item in (await catalogue.documents(workspace)).items] == ["b.md"]
    removed = (await catalogue.documents(workspace, removed=True)).items[0]
    assert (removed.key, removed.passages, removed.removed_at) == ("a.md", 0, clock.now())
    assert (await catalogue.version(workspace, removed.version_id)).text == page("a.md").text
    assert await replayed_index(each_database) == await passage_ids(each_database)


async def test_a_document_that_returns_unchanged_gets_its_last_version_back(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(each_database, clock)
    await sync.sync(workspace, ListedSource(page("a.md", "Here.")))
    await sync.sync(workspace, ListedSource())
    await sync.sync(workspace, ListedSource(page("a.md", "Here.")))
    catalogue = Catalogue(each_database)
    document = (await catalogue.documents(workspace)).items[0]
    assert (document.version, document.passages, document.removed_at) == (1, 1, None)
    assert len(await catalogue.versions(workspace, document.id)) == 1


async def test_a_newer_date_alone_makes_no_new_version(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(each_database, clock)
    dates = [datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)]
    for date in dates:
        dated = Document(key="a.md", title="A", text="Same.", updated_at=date)
        report = await sync.sync(workspace, ListedSource(dated))
    assert (report.unchanged, report.changed) == (1, 0)
    document = (await Catalogue(each_database).documents(workspace)).items[0]
    assert (document.version, document.updated_at) == (1, dates[1])


async def test_a_failing_file_keeps_its_last_good_version_and_says_why(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(each_database, clock)
    await sync.sync(workspace, ListedSource(page("a.md", "Good."), page("b.md", "Also good.")))
    source = ListedSource(
        entry("a.md", RuntimeError("secret words")),
        Failure("b.md", "The link leads nowhere."),
        page("c.md", "New."),
    )
    report = await sync.sync(workspace, source)
    assert report.failures == (
        Failure("a.md", "It could not be read: an unexpected RuntimeError."),
        Failure("b.md", "The link leads nowhere."),
    )
    assert await texts(each_database) == ["Also good.", "Good.", "New."]
    run = await Catalogue(each_database).ingestion(workspace, report.ingestion_id)
    assert run.state is IngestionState.COMPLETED
    assert run.failures == report.failures
    assert run.counts == {
        "added": 1, "changed": 0, "unchanged": 0, "removed": 0, "failed": 2, "skipped": 0, "passages": 1,
    }  # fmt: skip


async def test_what_an_unreadable_folder_holds_is_not_taken_for_gone(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(database, clock)
    await sync.sync(workspace, ListedSource(page("sub/a.md", "In it."), page("b.md", "Beside it.")))
    source = ListedSource(Failure("sub/", "The folder cannot be read.", subtree=True))
    report = await sync.sync(workspace, source)
    assert report.removed == 1
    assert await texts(database) == ["In it."]
    await sync.sync(workspace, source)
    assert set(source.known) == {"sub/a.md"}


async def test_rows_of_an_unchanged_file_stay(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(database, clock)
    rows = Loaded((page("f.csv#1", "One."), page("f.csv#2", "Two.")), {"size": 1})
    await sync.sync(workspace, ListedSource(entry("f.csv", rows)))
    report = await sync.sync(workspace, ListedSource(entry("f.csv", Unchanged({"size": 1}))))
    assert (report.unchanged, report.removed) == (2, 0)
    fewer = Loaded((page("f.csv#2", "Two."),), {"size": 2}, (Failure("f.csv#1", "Broken row."),))
    source = ListedSource(entry("f.csv", fewer))
    report = await sync.sync(workspace, source)
    assert (report.unchanged, report.removed, report.failed) == (1, 0, 1)
    await sync.sync(workspace, source)
    assert source.known == {
        "f.csv": {"size": 1}
    }  # not size 2: the file is read again until its row is mended


async def test_two_documents_cannot_share_a_key(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    report = await synchroniser(database, clock).sync(
        workspace, ListedSource(page("a.md", "First."), page("a.md", "Second."))
    )
    assert await texts(database) == ["First."]
    assert report.failures == (Failure("a.md", "Another document of this source has the same key."),)


async def test_a_splitter_that_lies_or_breaks_costs_one_document(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    def split(document: Document) -> list[PassageDraft]:
        if document.key == "broken":
            raise ZeroDivisionError
        drafts = split_by_blank_lines(document)
        if document.key == "lying":
            return [PassageDraft(0, 1, 2, "not there", drafts[0].kind)]
        return drafts

    sync = Synchroniser(database, EncoderEmbeddings(HashEncoder()), clock=clock, split=split)
    report = await sync.sync(
        workspace, ListedSource(page("broken"), page("lying"), page("x" * 2001), page("fine", "Fine."))
    )
    assert await texts(database) == ["Fine."]
    assert [failure.reason for failure in report.failures] == [
        "It could not be read: an unexpected ZeroDivisionError.",
        "Passage 0 is not what stands at its offsets in the text.",
        "Its name is longer than 2,000 bytes.",
    ]


async def test_skipped_entries_are_counted_by_reason(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    source = ListedSource(
        Skipped(".git", "hidden"), Skipped(".env", "hidden"), Skipped("x.exe", "unsupported")
    )
    report = await synchroniser(database, clock).sync(workspace, source)
    assert report.skipped == {"hidden": 2, "unsupported": 1}


async def test_progress_tells_how_far_it_came(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(database, clock)
    await sync.sync(workspace, ListedSource(page("a.md", "One.")))
    seen: list[SyncProgress] = []
    await sync.sync(workspace, ListedSource(page("a.md", "Two."), page("b.md", "New.")), progress=seen.append)
    assert seen[-1] == SyncProgress(read=2, settled=2, passages=2, failed=0, expected=1, key="b.md")


async def test_many_documents_go_in_many_batches(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    documents = tuple(page(f"f.csv#{number}", f"Row {number}.") for number in range(700))
    report = await synchroniser(each_database, clock).sync(
        workspace, ListedSource(entry("f.csv", Loaded(documents, {"size": 1})))
    )
    assert (report.added, report.passages) == (700, 700)
    report = await synchroniser(each_database, clock).sync(workspace, ListedSource())
    assert report.removed == 700
    assert await replayed_index(each_database) == set()


async def test_many_unchanged_entries_need_no_commit(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    source = ListedSource(*(page(f"{number}.md", "") for number in range(600)))
    sync = synchroniser(database, clock)
    assert (await sync.sync(workspace, source)).added == 600
    assert (await sync.sync(workspace, source)).unchanged == 600
    assert len(source.known) == 600


async def test_each_workspace_has_its_own_documents(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId, other_workspace: WorkspaceId
) -> None:
    sync = synchroniser(each_database, clock)
    await sync.sync(workspace, ListedSource(page("a.md", "Mine.")))
    await sync.sync(other_workspace, ListedSource(page("a.md", "Theirs.")))
    catalogue = Catalogue(each_database)
    assert (await catalogue.documents(workspace)).items[0].id != (
        await catalogue.documents(other_workspace)
    ).items[0].id
    await sync.sync(other_workspace, ListedSource())
    assert await texts(each_database) == ["Mine."]


async def test_an_unknown_workspace_is_refused(database: Database, clock: ManualClock) -> None:
    with pytest.raises(WorkspaceUnknown):
        await synchroniser(database, clock).sync(WorkspaceId("nobody"), ListedSource())


async def test_a_source_that_cannot_be_listed_changes_nothing(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(each_database, clock)
    await sync.sync(workspace, ListedSource(page("a.md", "Here.")))
    clock.advance(timedelta(seconds=1))
    with pytest.raises(SourceUnavailable):
        await sync.sync(workspace, ListedSource(SourceUnavailable("The site does not answer.")))
    with pytest.raises(SourceInvalid):
        await sync.sync(workspace, ListedSource(entry("a.md", SourceInvalid("Not a site."))))
    assert await texts(each_database) == ["Here."]
    catalogue = Catalogue(each_database)
    source = (await catalogue.sources(workspace))[0]
    states = [run.state for run in await catalogue.ingestions(workspace, source.id)]
    assert sorted(states) == [IngestionState.COMPLETED, IngestionState.FAILED, IngestionState.FAILED]
    assert source.last_ingestion is not None
    assert source.last_ingestion.failures[0].key == ""
    assert source.last_ingestion.finished_at == clock.now()


async def test_another_encoder_is_refused_until_the_index_is_rebuilt(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    await synchroniser(each_database, clock).sync(workspace, ListedSource(page("a.md", "Here.")))
    other = EncoderEmbeddings(HashEncoder(dimensions=64, identity="hash@2"))
    changed = synchroniser(each_database, clock, embeddings=other)
    with pytest.raises(EncoderChanged, match="careloop knowledge reindex"):
        await changed.sync(workspace, ListedSource(page("a.md", "Changed.")))
    assert await texts(each_database) == ["Here."]
    await changed.reindex(workspace)
    await changed.sync(workspace, ListedSource(page("a.md", "Changed.")))
    assert await texts(each_database) == ["Changed."]


class WaitingSource(ListedSource):
    """Lists nothing until it is told to go on."""

    def __init__(self, *items: Listed | Document | Exception) -> None:
        super().__init__(*items)
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def entries(self, known: Mapping[str, EntryState]) -> AsyncGenerator[Listed, None]:
        self.begun.set()
        await self.go_on.wait()
        async for item in super().entries(known):
            yield item


async def test_a_second_sync_of_the_same_source_is_refused(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(each_database, clock)
    slow = WaitingSource(page("a.md", "Here."))
    first = asyncio.create_task(sync.sync(workspace, slow))
    await slow.begun.wait()
    with pytest.raises(SyncRunning):
        await sync.sync(workspace, ListedSource())
    source = (await Catalogue(each_database).sources(workspace))[0]
    with pytest.raises(SyncRunning):
        await sync.retire(workspace, source.id)
    slow.go_on.set()
    assert (await first).added == 1


async def test_a_silent_run_is_taken_over_and_cannot_write_any_more(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(each_database, clock)
    silent = WaitingSource(page("a.md", "From the dead."))
    first = asyncio.create_task(sync.sync(workspace, silent))
    await silent.begun.wait()
    clock.advance(timedelta(minutes=1))
    await sync.sync(workspace, ListedSource(page("a.md", "From the living.")))
    silent.go_on.set()
    with pytest.raises(SyncSuperseded):
        await first
    assert await texts(each_database) == ["From the living."]
    source = (await Catalogue(each_database).sources(workspace))[0]
    runs = await Catalogue(each_database).ingestions(workspace, source.id)
    assert sorted(run.state for run in runs) == [IngestionState.COMPLETED, IngestionState.FAILED]


@pytest.mark.parametrize(
    ("lease", "alive"),
    [
        ({"host": "elsewhere", "pid": 1, "born": 0}, True),
        ({"pid": 2**22 + 1, "born": 0}, False),
        ({"pid": os.getpid(), "born": 12345}, False),
    ],
    ids=["on another machine", "process gone", "process id used again"],
)
async def test_a_run_of_a_dead_process_is_taken_over_at_once(
    database: Database, clock: ManualClock, workspace: WorkspaceId, lease: dict[str, object], alive: bool
) -> None:
    sync = synchroniser(database, clock)
    report = await sync.sync(workspace, ListedSource())
    async with database.write() as connection:
        row = (await connection.execute(select(ingestions))).one()
        crashed = {"lease": {"host": os.uname().nodename, "beat": clock.now().timestamp(), **lease}}
        values = {**row._mapping, "id": "ing_crashed", "state": "running", "counts": crashed}
        await connection.execute(ingestions.insert().values(values))
    if alive:
        with pytest.raises(SyncRunning):
            await sync.sync(workspace, ListedSource())
        return
    await sync.sync(workspace, ListedSource())
    run = await Catalogue(database).ingestion(workspace, "ing_crashed")
    assert (run.state, run.counts, run.source_id) == (IngestionState.FAILED, {}, report.source_id)
    assert run.failures == (Failure("", "The process that ran it ended without a word."),)


async def test_a_cancelled_run_lets_the_next_one_begin(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(database, clock)
    endless = WaitingSource()
    first = asyncio.create_task(sync.sync(workspace, endless))
    await endless.begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (await sync.sync(workspace, ListedSource(page("a.md")))).added == 1


async def test_a_long_run_keeps_its_lease_and_remembers_what_is_done(
    database: Database, clock: ManualClock, workspace: WorkspaceId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge_base.pipeline.HEARTBEAT", timedelta(milliseconds=5))
    slow = WaitingSource(page("a.md", "Here."))
    run = asyncio.create_task(synchroniser(database, clock).sync(workspace, slow))
    await slow.begun.wait()
    clock.advance(timedelta(minutes=10))
    for _ in range(200):
        await asyncio.sleep(0.01)
        async with database.read() as connection:
            lease = (await connection.scalars(select(ingestions.c.counts))).one()["lease"]
        if lease["beat"] == clock.now().timestamp():
            break
    with pytest.raises(SyncRunning):
        await synchroniser(database, clock).sync(workspace, ListedSource())
    slow.go_on.set()
    await run


async def test_a_retired_source_is_in_no_answer(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(each_database, clock)
    report = await sync.sync(workspace, ListedSource(page("a.md"), page("b.md")))
    assert await sync.retire(workspace, report.source_id) == 2
    assert await texts(each_database) == []
    assert await replayed_index(each_database) == set()
    async with each_database.read() as connection:
        assert await connection.scalar(select(sources.c.state)) == {}
    with pytest.raises(SourceUnknown):
        await sync.retire(workspace, "src_unknown")


async def test_a_full_disk_says_so_and_the_next_sync_goes_on(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(database, clock)
    await sync.sync(workspace, ListedSource(page("a.md", "Here.")))
    async with database.write() as connection:
        pages = await connection.scalar(text("PRAGMA page_count"))
    many = [page(f"{number}.md", f"Words {number}. " * 300) for number in range(90)]
    await database.close()
    # Every new connection may grow the file by 60 pages and no more, as on a disk that is nearly full.
    engine = database._engine.sync_engine

    def limit(connection: object, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages + 60}")  # type: ignore[attr-defined]

    event.listen(engine, "connect", limit)
    with pytest.raises(DatabaseUnwritable):
        await sync.sync(workspace, ListedSource(*many))
    event.remove(engine, "connect", limit)
    await database.close()
    assert await replayed_index(database) == await passage_ids(database)
    clock.advance(timedelta(minutes=5))
    report = await sync.sync(workspace, ListedSource(*many))
    assert report.added + report.unchanged == 90


async def test_a_database_that_cannot_be_written_says_so_and_stays_readable(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(database, clock)
    await sync.sync(workspace, ListedSource(page("a.md", "Here.")))
    await database.close()
    engine = database._engine.sync_engine

    def forbid(connection: object, _record: object) -> None:
        connection.execute("PRAGMA query_only=ON")  # type: ignore[attr-defined]  # a driver's own type

    event.listen(engine, "connect", forbid)
    with pytest.raises(DatabaseUnwritable):
        await sync.sync(workspace, ListedSource(page("a.md", "Changed.")))
    assert await texts(database) == ["Here."]


async def test_index_states_hold_the_encoder(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    await synchroniser(database, clock).sync(workspace, ListedSource())
    async with database.read() as connection:
        row = (await connection.execute(select(index_states))).one()
        count = await connection.scalar(select(func.count()).select_from(index_states))
    assert (row.encoder, row.dimensions, count) == ("hash@1", 384, 1)


async def test_a_folder_is_synchronised_end_to_end(
    database: Database, clock: ManualClock, workspace: WorkspaceId, folder: Path
) -> None:
    source = write(folder, refunds__md="# Refunds\n\nWithin 14 days.", notes__exe="x")
    sync = synchroniser(database, clock)
    report = await sync.sync(workspace, source)
    assert (report.added, report.skipped) == (1, {"not a kind of file that can be read": 1})
    (folder / "refunds.md").unlink()
    report = await sync.sync(workspace, FolderSource(folder))
    assert report.removed == 1
