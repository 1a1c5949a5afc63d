import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from store.engine import sqlite_url
from store.migrate import newest_revision, revision_of, sync_url, upgrade
from store.tables import metadata


def _is_ours(_object: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    of_lexical_search = (name or "").startswith(("passages_fts", "ix_passages_search_vector"))
    return not (of_lexical_search or (kind == "column" and name == "search_vector"))


def test_migrations_make_exactly_the_tables_that_the_code_uses(database_url: str) -> None:
    engine = create_engine(sync_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _is_ours})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_new_database_is_at_the_newest_revision(database_url: str) -> None:
    engine = create_engine(sync_url(database_url))
    with engine.connect() as connection:
        assert revision_of(connection) == newest_revision()
    engine.dispose()


def test_every_table_belongs_to_a_workspace() -> None:
    without = {table.name for table in metadata.sorted_tables if "workspace_id" not in table.c}
    assert without == {"workspaces"}


def test_an_upgrade_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "careloop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE backfills (a)")  # the name of a table that a late revision makes
    with pytest.raises(OperationalError, match="already exists"):
        upgrade(sqlite_url(path))
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("backfills",)]
    connection.close()


def test_a_database_that_is_at_the_newest_revision_is_not_waited_for(sqlite: str, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "careloop.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    upgrade(sqlite)
    other.execute("COMMIT")
    other.close()
