import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.request import urlopen

import pytest

from inference.embeddings import EncoderEmbeddings
from inference.fakes import HashEncoder
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE, PassageId, WorkspaceId
from retrieval import ChromaIndex, HybridRetriever, MemoryIndex, VectorIndex
from store.engine import Database
from store.tables import document_versions, documents, passages, sources

ENCODER = HashEncoder()


class Shelf:
    """Puts passages into a database, and into an index, without a sync."""

    def __init__(self, database: Database, index: VectorIndex, clock: ManualClock) -> None:
        self.database = database
        self.index = index
        self._clock = clock
        self._documents = 0

    async def add(
        self,
        title: str,
        *texts: str,
        workspace: WorkspaceId = DEFAULT_WORKSPACE,
        metadata: Mapping[str, str] | None = None,
        headings: str = "",
    ) -> list[PassageId]:
        """One document with a passage for each of ``texts``; returns their ids."""
        self._documents += 1
        number, now = self._documents, self._clock.now()
        source, document, version = f"s{workspace}", f"d{number}", f"v{number}"
        vectors = ENCODER.encode([f"{title}\n{text}" for text in texts])
        facts = dict(metadata or {})
        ids: list[PassageId] = []
        async with self.database.write() as connection:
            if await connection.scalar(sources.select().where(sources.c.id == source)) is None:
                await connection.execute(
                    sources.insert().values(
                        id=source,
                        workspace_id=workspace,
                        kind="folder",
                        location="x",
                        state={},
                        created_at=now,
                    )
                )
            await connection.execute(
                documents.insert().values(
                    id=document,
                    workspace_id=workspace,
                    source_id=source,
                    key=f"{title}.md",
                    current_version_id=version,
                    created_at=now,
                )
            )
            await connection.execute(
                document_versions.insert().values(
                    id=version,
                    workspace_id=workspace,
                    document_id=document,
                    number=1,
                    content_hash=str(number),
                    title=title,
                    text="\n\n".join(texts),
                    kind="article",
                    url=f"https://help.example/{number}",
                    metadata=facts,
                    created_at=now,
                )
            )
            for ordinal, text in enumerate(texts):
                row = await connection.execute(
                    passages.insert().values(
                        workspace_id=workspace,
                        document_id=document,
                        version_id=version,
                        ordinal=ordinal,
                        start=0,
                        end=len(text),
                        kind="prose",
                        title=title,
                        headings=headings,
                        context="",
                        text=text,
                        metadata=facts,
                        embedding=vectors[ordinal],
                    )
                )
                assert row.inserted_primary_key is not None
                ids.append(PassageId(row.inserted_primary_key[0]))
        await self.index.upsert(workspace, ids, embeddings=vectors, metadata=[facts] * len(ids))
        return ids

    async def remove(self, ids: Sequence[PassageId]) -> None:
        """Delete rows, and leave the index as it is."""
        async with self.database.write() as connection:
            await connection.execute(passages.delete().where(passages.c.id.in_(ids)))


@pytest.fixture
async def shelf(database: Database, clock: ManualClock) -> Shelf:
    """An empty SQLite database and an index in memory."""
    return Shelf(database, MemoryIndex(), clock)


@pytest.fixture
async def each_shelf(each_database: Database, clock: ManualClock) -> Shelf:
    """The same on SQLite and on PostgreSQL."""
    return Shelf(each_database, MemoryIndex(), clock)


@pytest.fixture
def retriever(shelf: Shelf) -> HybridRetriever:
    return HybridRetriever(shelf.database, EncoderEmbeddings(ENCODER), shelf.index)


@pytest.fixture(scope="session")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Chroma server of our own on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command: list[str | Path] = [
        Path(sys.executable).with_name("chroma"),
        "run",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    folder = tmp_path_factory.mktemp("chroma")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*command, "--path", str(folder)], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/api/v2/heartbeat", server)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert server.poll() is None, "the Chroma server ended"
        try:
            with urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the Chroma server did not start")


@pytest.fixture(params=["memory", "embedded", "server"])
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VectorIndex]:
    """An empty index of each kind."""
    if request.param == "memory":
        yield MemoryIndex()
    elif request.param == "embedded":
        yield ChromaIndex.embedded(tmp_path / "index", encoder=ENCODER.identity)
    else:
        server = ChromaIndex.server(request.getfixturevalue("chroma_server"), encoder=ENCODER.identity)
        yield server
        for workspace in ("default", "other"):
            await server.drop(WorkspaceId(workspace))
