from __future__ import annotations

from datetime import timedelta

import pytest

from kit.clock import ManualClock
from kit.ids import WorkspaceId
from knowledge_base import (
    Catalogue,
    Document,
    DocumentKind,
    DocumentUnknown,
    IngestionState,
    PassageDraft,
    PassageKind,
    SourceKind,
    SourceUnknown,
    Synchroniser,
)
from store.engine import Database
from tests.knowledge_base.conftest import embeddings_of, synchroniser
from tests.knowledge_base.test_sync import ListedSource, page

pytestmark = pytest.mark.anyio


class Elsewhere(ListedSource):
    location = "elsewhere:"


async def test_documents_come_in_pages(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    await synchroniser(each_database, clock).sync(
        workspace, ListedSource(*(page(f"{n}.md") for n in range(5)))
    )
    catalogue = Catalogue(each_database)
    keys: list[str] = []
    cursor = None
    for _ in range(3):
        found = await catalogue.documents(workspace, limit=2, after=cursor)
        keys += [item.key for item in found.items]
        cursor = found.next_cursor
    assert cursor is None
    assert sorted(keys) == [f"{number}.md" for number in range(5)]
    assert len((await catalogue.documents(workspace, limit=0)).items) == 1


async def test_documents_are_filtered(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(each_database, clock)
    report = await sync.sync(workspace, ListedSource(page("bills.md"), page("100%.md")))
    await sync.sync(workspace, Elsewhere(page("other.md")))
    catalogue = Catalogue(each_database)

    async def keys(**filters: str) -> list[str]:
        return sorted(item.key for item in (await catalogue.documents(workspace, **filters)).items)  # type: ignore[arg-type]

    assert await keys(source_id=report.source_id) == ["100%.md", "bills.md"]
    assert await keys(containing="BILL") == ["bills.md"]
    assert await keys(containing="0%") == ["100%.md"]
    assert await keys(containing="_") == []
    assert await keys() == ["100%.md", "bills.md", "other.md"]


async def test_a_passage_comes_back_as_it_was_cut(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    document = Document(
        key="a.md",
        title="A",
        text="| a |",
        kind=DocumentKind.QUESTION_ANSWER,
        url="https://x.example/",
        metadata={"k": "v"},
    )

    def split(given: Document) -> list[PassageDraft]:
        return [PassageDraft(0, 0, 5, given.text, PassageKind.TABLE, ("One", "Two"), "lead-in")]

    await Synchroniser(each_database, embeddings_of(), clock=clock, split=split).sync(
        workspace, ListedSource(document)
    )
    catalogue = Catalogue(each_database)
    stored = (await catalogue.documents(workspace)).items[0]
    passage = (await catalogue.passages(workspace, stored.id))[0]
    assert (passage.kind, passage.headings, passage.context) == (PassageKind.TABLE, ("One", "Two"), "lead-in")
    assert (passage.document_key, passage.url, passage.metadata) == ("a.md", "https://x.example/", {"k": "v"})
    version = await catalogue.version(workspace, passage.version_id)
    assert (version.kind, version.metadata, version.created_at) == (document.kind, {"k": "v"}, clock.now())
    assert await catalogue.document(workspace, stored.id) == stored


async def test_sources_show_their_last_run(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    sync = synchroniser(each_database, clock)
    first = await sync.sync(workspace, ListedSource(page("a.md")))
    clock.advance(timedelta(hours=1))
    second = await sync.sync(workspace, ListedSource(page("a.md"), page("b.md")))
    catalogue = Catalogue(each_database)
    source = await catalogue.source(workspace, first.source_id)
    assert [source] == await catalogue.sources(workspace)
    assert (source.kind, source.location, source.documents) == (SourceKind.FOLDER, "memory:", 2)
    assert source.synced_at == clock.now()
    assert source.last_ingestion == await catalogue.ingestion(workspace, second.ingestion_id)
    runs = await catalogue.ingestions(workspace, source.id)
    assert [run.id for run in runs] == [second.ingestion_id, first.ingestion_id]
    assert runs[0].state is IngestionState.COMPLETED


async def test_health_counts(each_database: Database, clock: ManualClock, workspace: WorkspaceId) -> None:
    catalogue = Catalogue(each_database)
    empty = await catalogue.health(workspace)
    assert (empty.sources, empty.documents, empty.encoder, empty.last_synced_at) == (0, 0, None, None)
    sync = synchroniser(each_database, clock)
    await sync.sync(workspace, ListedSource(page("a.md", "One."), page("b.md", "Two.")))
    await sync.sync(workspace, ListedSource(page("a.md", "Three.")))
    health = await catalogue.health(workspace)
    assert (health.documents, health.removed_documents, health.versions, health.passages) == (1, 1, 3, 1)
    assert health.pending_index_operations == 5
    assert (health.failing, health.encoder, health.last_synced_at) == (0, "hash@1", clock.now())


async def test_nothing_of_another_workspace_is_seen(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId, other_workspace: WorkspaceId
) -> None:
    report = await synchroniser(each_database, clock).sync(workspace, ListedSource(page("a.md")))
    catalogue = Catalogue(each_database)
    document = (await catalogue.documents(workspace)).items[0]
    assert (await catalogue.documents(other_workspace)).items == ()
    assert await catalogue.sources(other_workspace) == []
    assert await catalogue.passages(other_workspace, document.id) == []
    assert await catalogue.ingestions(other_workspace, report.source_id) == []
    for call, error in (
        (catalogue.document(other_workspace, document.id), DocumentUnknown),
        (catalogue.version(other_workspace, document.version_id), DocumentUnknown),
        (catalogue.versions(other_workspace, document.id), DocumentUnknown),
        (catalogue.source(other_workspace, report.source_id), SourceUnknown),
        (catalogue.ingestion(other_workspace, report.ingestion_id), SourceUnknown),
    ):
        with pytest.raises(error):
            await call
