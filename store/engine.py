"""Connections and transactions, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncTransaction,
    create_async_engine,
)

from store.errors import DatabaseUnavailable, DatabaseUnwritable
from store.inline_sqlite import DRIVER

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # In WAL mode NORMAL survives the death of the process; only a power cut can lose the last commits.
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA mmap_size=268435456",
)
_BEGIN_PAUSE = 0.02  # seconds
_BEGIN_ATTEMPTS = 1500
_UNWRITABLE = ("readonly database", "database or disk is full", "unable to open database", "disk i/o error")
_UNREACHABLE = ("connection failed", "connection timeout", "database is locked")


class Database:
    """Transactions on one database.

    ``read()`` gives a snapshot; ``write()`` a transaction that commits when the block ends without an
    error. On SQLite, which has one writer, writers queue here rather than fail with "database is locked".
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.dialect = make_url(url).get_backend_name()
        self._engine = _create_engine(url)
        self._writer = asyncio.Lock() if self.dialect == "sqlite" else None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one consistent state and must not write."""
        with _translated_errors():
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose changes are committed together when the block ends, or not at all."""
        with _translated_errors():
            if self._writer is None:
                async with self._engine.begin() as connection:
                    yield connection
                return
            async with self._writer, self._engine.connect() as connection:
                await connection.execution_options(careloop_write=True)
                transaction = await _begin(connection)
                try:
                    yield connection
                except BaseException:
                    await transaction.rollback()
                    raise
                await transaction.commit()

    async def ping(self) -> None:
        """Raise ``DatabaseUnavailable`` unless the database answers."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def sqlite_url(path: Path) -> str:
    """The URL of the SQLite database in file ``path``."""
    return f"{DRIVER}:///{path}"


async def _begin(connection: AsyncConnection) -> AsyncTransaction:
    """Begin; while another process writes to the same SQLite file, try again for up to 30 seconds."""
    for attempt in range(_BEGIN_ATTEMPTS):
        try:
            return await connection.begin()
        except OperationalError as error:
            if "locked" not in str(error.orig) or attempt == _BEGIN_ATTEMPTS - 1:
                raise
            await asyncio.sleep(_BEGIN_PAUSE)
    raise AssertionError  # the last attempt returned or raised


class _translated_errors:  # noqa: N801 (reads as a statement)
    """Turn the driver's word for "cannot write" and "cannot connect" into errors that say what to do."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, DBAPIError):
            reason = str(error.orig)
            if any(word in reason.lower() for word in _UNWRITABLE):
                raise DatabaseUnwritable(f"The database cannot be written: {reason}.") from error
            if error.connection_invalidated or any(word in reason.lower() for word in _UNREACHABLE):
                raise DatabaseUnavailable("The database does not answer.") from error
        elif isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            raise DatabaseUnavailable(f"The database does not answer: {error.strerror or error}.") from error


def _create_engine(url: str) -> AsyncEngine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_async_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True)
    engine = create_async_engine(url, pool_size=8, max_overflow=8)
    event.listen(engine.sync_engine, "connect", _configure_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 (a driver's own type)
    connection.isolation_level = None  # SQLAlchemy's own BEGIN, below, instead of the driver's
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Any) -> None:  # noqa: ANN401
    # IMMEDIATE takes the write lock at once: a reader that becomes a writer midway cannot wait for it.
    writing = connection.get_execution_options().get("careloop_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
