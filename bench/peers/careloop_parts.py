"""Careloop in process: ingestion as ``careloop ingest`` does it, hybrid search as the assistant does it."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from bench.peers.protocol import answer_commands, timed
from careloop.build import Parts, build
from careloop.settings import Settings
from kit.ids import WorkspaceId
from kit.log import configure_logging
from knowledge_base.sources import FolderSource

_LIMIT = 10


class Careloop:
    """The built application, and the workspace of the latest round."""

    def __init__(self, runner: asyncio.Runner, parts: Parts) -> None:
        self._runner = runner
        self._parts = parts
        self._workspace = WorkspaceId("")

    def index(self, file: str, name: str) -> dict[str, float]:
        """Seconds to split, embed, store and index the articles of ``file``; number of passages."""
        self._workspace = WorkspaceId(name)

        async def ingest() -> int:
            await self._parts.access.ensure_workspace(self._workspace, name=name)
            report = await self._parts.synchroniser.sync(self._workspace, FolderSource(Path(file)))
            await self._parts.follower.apply()
            assert not report.failures
            return report.passages

        seconds, passages = timed(lambda: self._runner.run(ingest()))
        return {"seconds": seconds, "passages": passages}

    def passages(self) -> list[str]:
        """What the encoder reads of every passage: the peers index the same."""

        async def read() -> list[str]:
            return await embedded_texts(self._parts, self._workspace)

        return self._runner.run(read())

    def query(self, text: str) -> float:
        """Seconds for the ten best passages of the hybrid search."""

        # Timed inside: CPython 3.11's Runner.run spends tens of milliseconds on the repr of what the last
        # run returned (signal.signal puts the old handler, which holds that result, into an error message).
        async def search() -> float:
            start = time.perf_counter()
            found = await self._parts.retriever.search(self._workspace, text, limit=_LIMIT)
            seconds = time.perf_counter() - start
            assert found.passages
            return seconds

        return self._runner.run(search())

    def embed(self, texts: list[str]) -> list[list[float]]:
        """Vectors of ``texts``, to be compared with the reference."""
        return self._parts.embeddings.embed_documents(texts)


async def embedded_texts(parts: Parts, workspace: WorkspaceId) -> list[str]:
    """Title, headings, context and text of every passage, as ``PassageDraft.embedding_text`` joins them."""
    texts = []
    page = await parts.catalogue.documents(workspace, limit=200)
    while True:
        for document in page.items:
            for passage in await parts.catalogue.passages(workspace, document.id):
                path = " › ".join((passage.title, *passage.headings))
                texts.append("\n".join(part for part in (path, passage.context, passage.text) if part))
        if page.next_cursor is None:
            return texts
        page = await parts.catalogue.documents(workspace, limit=200, after=page.next_cursor)


def main(folder: str, threads: int) -> None:
    """Build the application over ``folder`` and answer commands."""
    configure_logging(level="warning", json=False)
    settings = Settings(data_dir=Path(folder))
    settings.encoder.threads = threads
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        parts = runner.run(stack.enter_async_context(build(settings)))
        system = Careloop(runner, parts)
        answer_commands(
            {
                "index": system.index,
                "passages": system.passages,
                "query": system.query,
                "embed": system.embed,
            }
        )
        runner.run(stack.aclose())


if __name__ == "__main__":
    main(sys.argv[2], int(sys.argv[3]))
