"""SQLite on the event loop's own thread, behind SQLAlchemy's asyncio interface.

A statement of ours takes some 50 µs, and handing it to another thread and back takes longer than that: a chat
turn of about 60 such hand-overs spent more time in the queue between threads than in SQLite. Statements
therefore run where they are called. Nothing here waits for a lock (``busy_timeout`` is 0): whoever begins a
transaction tries again later instead, see ``store.engine``.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import AsyncAdaptedQueuePool, Pool
from sqlalchemy.util.concurrency import await_only

DRIVER = "sqlite+inline"


class _Cursor(sqlite3.Cursor):
    async def _async_soft_close(self) -> None:
        """SQLAlchemy's asyncio layer calls this when a result has been read."""


class _Connection(sqlite3.Connection):
    def cursor(self, factory: type[sqlite3.Cursor] = _Cursor) -> sqlite3.Cursor:  # type: ignore[override]  # overloads
        return super().cursor(factory)


class InlineSqliteDialect(SQLiteDialect_pysqlite):
    """The standard library's driver, declared fit for ``create_async_engine``."""

    driver = "inline"
    is_async = True
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: Any) -> type[Pool]:  # noqa: ANN401, ARG003 (SQLAlchemy's signature)
        """The pool that waits on the event loop for a free connection."""
        return AsyncAdaptedQueuePool

    def connect(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """A connection of the standard library's driver, with cursors as above."""
        return super().connect(*arguments, factory=_Connection, timeout=0, **options)

    def do_execute(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:  # noqa: ANN401
        """Execute; SQLAlchemy insists that something is awaited, so something that is ready is."""
        await_only(_ready())
        super().do_execute(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]  # SQLAlchemy

    def do_executemany(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:  # noqa: ANN401
        """Likewise for many rows."""
        await_only(_ready())
        super().do_executemany(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]  # same


async def _ready() -> None:
    """Nothing, at once."""


registry.register("sqlite.inline", __name__, "InlineSqliteDialect")
