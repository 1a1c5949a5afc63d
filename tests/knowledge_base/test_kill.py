"""``kill -9`` at random moments of a sync: what was acknowledged is there, and the next run completes."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from kit.clock import SystemClock
from kit.ids import WorkspaceId
from knowledge_base import Catalogue, FolderSource, IngestionState, Synchroniser
from store.engine import Database
from store.tables import document_versions, documents, passages, workspaces
from tests.knowledge_base.conftest import embeddings_of, split_by_blank_lines
from tests.knowledge_base.test_sync import passage_ids, replayed_index

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS, PASSAGES_EACH, KILLS = 240, 4, 5


async def victim(url: str, folder: str) -> None:
    """Synchronise, and say on standard output what is settled: what is said there is acknowledged."""
    database = Database(url)
    sync = Synchroniser(database, embeddings_of(), clock=SystemClock(), split=split_by_blank_lines)
    await sync.sync(
        WorkspaceId("default"),
        FolderSource(Path(folder)),
        progress=lambda progress: print(json.dumps(progress.passages), flush=True),  # noqa: T201 (its whole job)
    )
    await database.close()


def kill_midway(url: str, folder: Path, *, after: float) -> int:
    """Run a sync in another process and kill it; returns the passages it said it had committed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.knowledge_base.test_kill", url, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = [process.stdout.readline()]  # it has begun
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    said += process.stdout.read().splitlines()
    process.stdout.close()
    process.wait()
    return max((int(line) for line in said if line.strip().isdigit()), default=0)


async def stored_passages(database: Database) -> int:
    async with database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(passages)) or 0


async def test_nothing_acknowledged_is_lost(database_url: str, folder: Path) -> None:
    for number in range(DOCUMENTS):
        blocks = "\n\n".join(
            f"Passage {block} of article {number}. It costs £{number}." for block in range(4)
        )
        (folder / f"{number}.md").write_text(f"# Article {number}\n\n{blocks}")
    database = Database(database_url)
    workspace = WorkspaceId("default")
    clock = SystemClock()
    async with database.write() as connection:
        row = {"id": workspace, "name": "x", "settings": {}, "created_at": clock.now()}
        await connection.execute(workspaces.insert().values(row))
    moments = random.Random(7)
    for _ in range(KILLS):
        before = await stored_passages(database)
        acknowledged = await asyncio.to_thread(
            kill_midway, database_url, folder, after=moments.uniform(0, 0.12)
        )
        assert await stored_passages(database) >= before + acknowledged
        assert await replayed_index(database) == await passage_ids(database)
        catalogue = Catalogue(database)
        whole = {item.passages for item in (await catalogue.documents(workspace, limit=200)).items}
        assert whole <= {PASSAGES_EACH}
    sync = Synchroniser(database, embeddings_of(), clock=clock, split=split_by_blank_lines)
    report = await sync.sync(workspace, FolderSource(folder))
    assert report.added + report.unchanged == DOCUMENTS
    assert await stored_passages(database) == DOCUMENTS * PASSAGES_EACH
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(documents)) == DOCUMENTS
        assert await connection.scalar(select(func.count()).select_from(document_versions)) == DOCUMENTS
    runs = await Catalogue(database).ingestions(workspace, report.source_id)
    assert runs[0].state is IngestionState.COMPLETED
    assert all(run.state is not IngestionState.RUNNING for run in runs)
    await database.close()


if __name__ == "__main__":
    asyncio.run(victim(sys.argv[1], sys.argv[2]))
