"""Bringing the schema to the version this code works with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import make_url

_SYNC_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


def upgrade(url: str) -> None:
    """Create or upgrade the schema of the database at ``url`` (an async URL) to the newest revision.

    An upgrade that fails or is killed changes nothing. A database at the newest revision is only read.
    """
    engine = create_engine(sync_url(url))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _leave_transactions_to_us)
    try:
        with engine.connect() as connection:
            if revision_of(connection) == newest_revision():
                return
        if engine.dialect.name == "sqlite":
            event.listen(engine, "begin", _begin_immediately)
        with engine.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _leave_transactions_to_us(connection: Any, _record: object) -> None:  # noqa: ANN401 (a driver's own type)
    # SQLite's driver begins no transaction for CREATE TABLE: each would go to the disk by itself, slowly,
    # and a process killed between two would leave a schema that cannot be upgraded.
    connection.isolation_level = None


def _begin_immediately(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def newest_revision() -> str:
    """The revision that this code works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def revision_of(connection: Connection) -> str | None:
    """The revision that the connected database is at; none for an empty database."""
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def sync_url(url: str) -> str:
    """``url`` with the driver that blocks, which migrations use."""
    parsed = make_url(url)
    return parsed.set(drivername=_SYNC_DRIVERS[parsed.get_backend_name()]).render_as_string(
        hide_password=False
    )
