import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from kit.clock import ManualClock
from store.engine import Database, sqlite_url
from store.errors import DatabaseUnavailable, DatabaseUnwritable
from store.migrate import upgrade
from store.tables import api_keys, workspaces

pytestmark = pytest.mark.anyio


async def _names(database: Database) -> set[str]:
    async with database.read() as connection:
        return {row.name for row in await connection.execute(select(workspaces.c.name))}


async def _add(database: Database, name: str) -> None:
    async with database.write() as connection:
        row = {"id": name, "name": name, "settings": {}, "created_at": ManualClock().now()}
        await connection.execute(workspaces.insert(), [row])


async def test_a_write_is_committed_when_its_block_ends(each_database: Database) -> None:
    await _add(each_database, "third")
    assert await _names(each_database) == {"default", "other", "third"}


async def test_an_error_in_the_block_undoes_all_of_it(each_database: Database) -> None:
    with pytest.raises(RuntimeError, match="no"):
        async with each_database.write() as connection:
            row = {"id": "x", "name": "x", "settings": {}, "created_at": ManualClock().now()}
            await connection.execute(workspaces.insert(), [row])
            raise RuntimeError("no")
    assert await _names(each_database) == {"default", "other"}


async def test_many_writers_at_once_all_get_their_turn(each_database: Database) -> None:
    await asyncio.gather(*(_add(each_database, f"w{number}") for number in range(30)))
    assert len(await _names(each_database)) == 32


async def test_a_row_of_an_unknown_workspace_is_refused(each_database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with each_database.write() as connection:
            await connection.execute(
                api_keys.insert().values(
                    id="k",
                    workspace_id="nobody",
                    name="k",
                    hash=b"h",
                    scopes=[],
                    created_at=ManualClock().now(),
                )
            )


async def test_sqlite_runs_in_wal_mode_with_foreign_keys(database: Database) -> None:
    async with database.read() as connection:
        assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
        assert (await connection.execute(text("PRAGMA foreign_keys"))).scalar() == 1


async def test_a_full_disk_is_said_plainly(sqlite: str) -> None:
    database = Database(sqlite)
    with pytest.raises(DatabaseUnwritable, match="full"):
        async with database.write() as connection:
            # SQLite's own way to run out of room: no page may be added.
            pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
            await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
            row = {
                "id": "w",
                "name": "n" * 200,
                "settings": {"x": "y" * 500_000},
                "created_at": ManualClock().now(),
            }
            await connection.execute(workspaces.insert(), [row])
    await database.close()


async def test_a_read_only_database_is_said_plainly(sqlite: str) -> None:
    database = Database(sqlite)
    with pytest.raises(DatabaseUnwritable, match="readonly"):
        async with database.write() as connection:
            await connection.execute(text("PRAGMA query_only = 1"))
            await connection.execute(workspaces.delete())
    await database.close()


async def test_a_missing_folder_is_said_plainly(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "nowhere" / "x.db"))
    with pytest.raises(DatabaseUnwritable, match="unable to open"):
        await database.ping()
    await database.close()


async def test_a_server_that_does_not_answer_is_unavailable() -> None:
    database = Database("postgresql+psycopg://root@127.0.0.1:1/test")
    with pytest.raises(DatabaseUnavailable):
        await database.ping()
    await database.close()


async def test_a_database_that_answers_pings(each_database: Database) -> None:
    await each_database.ping()


def test_upgrading_twice_changes_nothing(database_url: str) -> None:
    upgrade(database_url)


async def test_a_writer_waits_for_another_process_without_stopping_the_loop(
    database: Database, sqlite: str, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "careloop.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(_add(database, "third"))
    await asyncio.sleep(0.1)
    assert not writing.done()
    other.execute("COMMIT")
    other.close()
    await writing
    assert "third" in await _names(database)


async def test_a_lock_that_is_never_given_back_is_said_plainly(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.engine._BEGIN_ATTEMPTS", 3)
    other = sqlite3.connect(tmp_path / "careloop.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable):
        await _add(database, "third")
    other.close()
    await _add(database, "third")
