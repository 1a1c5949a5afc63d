from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from kit.errors import Unavailable
from kit.ids import DEFAULT_WORKSPACE
from knowledge_base.errors import SyncRunning
from store.access import Scope
from tests.api.conftest import ARTICLE, QUOTE, TITLE, RecordedSync, World

pytestmark = pytest.mark.anyio

SITE = {"kind": "website", "location": "https://help.brightwater.example/"}


async def test_sources_are_listed_with_how_their_last_sync_went(client: httpx.AsyncClient) -> None:
    (source,) = (await client.get("/v1/knowledge/sources")).json()["items"]
    assert (source["id"], source["documents"]) == ("src_default", 1)
    assert source["last_ingestion"]["failures"] == [{"key": "b.pdf", "reason": "damaged"}]
    assert (await client.get("/v1/knowledge/sources/src_default")).json() == source


async def test_documents_versions_and_health_can_be_read(client: httpx.AsyncClient) -> None:
    page = (await client.get("/v1/knowledge/documents?containing=MIND")).json()
    assert [item["title"] for item in page["items"]] == [TITLE]
    assert (await client.get("/v1/knowledge/documents?removed=true")).json()["items"] == []
    document = (await client.get("/v1/knowledge/documents/doc_default")).json()
    assert (document["version"], document["passages"]) == (1, 2)
    version = (await client.get(f"/v1/knowledge/versions/{document['version_id']}")).json()
    assert (version["text"], version["metadata"]) == (ARTICLE, {"category": "cancelling"})
    assert (await client.get("/v1/knowledge/health")).json()["failing"] == 1


async def test_a_search_gives_passages_with_their_place(client: httpx.AsyncClient) -> None:
    found = (await client.get("/v1/knowledge/search", params={"q": "how many days", "limit": 1})).json()[
        "items"
    ]
    assert [hit["text"] for hit in found] == [QUOTE]
    assert ARTICLE[found[0]["start"] : found[0]["end"]] == QUOTE


async def test_a_website_is_added_once(world: World, client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "site"}
    first = await client.post("/v1/knowledge/sources", json=SITE, headers=headers)
    assert (first.status_code, first.json()["location"]) == (202, SITE["location"])
    assert (await client.post("/v1/knowledge/sources", json=SITE, headers=headers)).json() == first.json()
    assert world.syncs.synced == [(DEFAULT_WORKSPACE, SITE["location"])]
    again = await client.post(f"/v1/knowledge/sources/{first.json()['id']}/sync")
    assert again.status_code == 202
    assert len(world.syncs.synced) == 2


async def test_a_sync_goes_on_after_its_request_and_ends_with_the_server(
    world: World, client: httpx.AsyncClient
) -> None:
    world.syncs.gate = asyncio.Event()
    assert (await client.post("/v1/knowledge/sources", json=SITE)).status_code == 202
    async with world.app.router.lifespan_context(world.app):
        pass
    assert not world.syncs.gate.is_set()


async def test_a_sync_that_breaks_later_is_logged_without_text(
    world: World, client: httpx.AsyncClient
) -> None:
    world.syncs.gate = gate = asyncio.Event()

    class BreaksLater(RecordedSync):
        async def sync(self, *arguments: object, **options: object) -> object:  # type: ignore[override]  # a fake
            await super().sync(*arguments, **options)  # type: ignore[arg-type]  # a fake
            raise RuntimeError("secret")

    breaking = BreaksLater(world.services.database, world.clock, gate=gate)
    async with world.with_services(synchroniser=breaking).client() as other:
        assert (await other.post("/v1/knowledge/sources", json=SITE)).status_code == 202
    with capture_logs() as logs:
        gate.set()
        await asyncio.sleep(0.05)
    assert [(entry["event"], entry["code"]) for entry in logs] == [("sync_failed", "internal")]
    assert "secret" not in str(logs)


async def test_a_sync_that_fails_at_once_says_why(world: World, client: httpx.AsyncClient) -> None:
    world.syncs.error = SyncRunning("Another process is bringing this source up to date.")
    response = await client.post("/v1/knowledge/sources/src_default/sync")
    assert response.status_code == 403  # a folder that is not opened
    response = await client.post("/v1/knowledge/sources", json=SITE)
    assert (response.status_code, response.json()["code"]) == (409, "sync_running")
    world.syncs.error = Unavailable("The site does not answer.", code="source_unavailable")
    response = await client.post("/v1/knowledge/sources", json=SITE)
    assert (response.status_code, response.json()["code"]) == (503, "source_unavailable")


async def test_a_site_that_answers_nothing_yet_is_said_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        async def sync(self, *_arguments: object, **_options: object) -> None:
            await asyncio.sleep(60)

    monkeypatch.setattr("api.syncs.BEGINNING", 0.01)
    silent = world.with_services(synchroniser=Silent())
    async with silent.client() as client:
        assert (await client.post("/v1/knowledge/sources", json=SITE)).status_code == 503
    await silent.app.state.syncs.stop()


async def test_folders_are_loaded_only_from_where_the_operator_allows(world: World, tmp_path: Path) -> None:
    (tmp_path / "open" / "deep").mkdir(parents=True)
    (tmp_path / "shut").mkdir()
    (tmp_path / "open" / "way-out").symlink_to(tmp_path / "shut")
    opened = world.with_config(knowledge_roots=(tmp_path / "open",))
    folders = {"open/deep": 202, "shut": 403, "open/../shut": 403, "open/way-out": 403, "open/way-out/x": 403}
    async with opened.client() as client:
        for folder, status in folders.items():
            body = {"kind": "folder", "location": f"{tmp_path}/{folder}"}
            assert (await client.post("/v1/knowledge/sources", json=body)).status_code == status, folder
        relative = await client.post(
            "/v1/knowledge/sources", json={"kind": "folder", "location": "open/deep"}
        )
        assert (relative.status_code, relative.json()["code"]) == (403, "folder_not_allowed")


async def test_reading_does_not_allow_writing(world: World) -> None:
    async with world.client(Scope.KNOWLEDGE_READ) as client:
        assert (await client.get("/v1/knowledge/sources")).status_code == 200
        assert (await client.post("/v1/knowledge/sources", json=SITE)).status_code == 403
