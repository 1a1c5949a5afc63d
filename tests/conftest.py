"""What every test shares: no way out of this machine, and a database of each kind."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import greenlet
import psycopg
import pytest

from inference.embeddings import Encoder, EncoderEmbeddings
from inference.encoder import OpenVinoEncoder, bundled_model, load_encoder
from inference.fakes import HashEncoder
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from store.engine import Database, sqlite_url
from store.migrate import upgrade
from store.tables import workspaces
from tests.databases import POSTGRESQL, PostgresServer

ROOT = Path(__file__).parent.parent
PUBLIC_DATA = ROOT.parent / "shared" / "data"
REQUIRE_ALL = bool(os.environ.get("CARELOOP_TESTS_REQUIRE_ALL"))  # noqa: TID251 (a switch of the tests)


def skip_or_fail(reason: str) -> None:
    """Skip for want of a part of the machine; where CI promises all parts, fail instead."""
    if REQUIRE_ALL:
        pytest.fail(reason)
    pytest.skip(reason)


class PhonedOutError(AssertionError):
    """A test tried to reach another machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: two workers that share out files then end at nearly the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True, scope="session")
def _greenlets_of_threads_stay() -> Iterator[None]:
    """Keep the greenlet that every thread begins with.

    Coverage knows them by weak references. Where two threads end at once, CPython 3.11 may trace the callback
    of one for ever: it runs in a pending call, during which another stays pending, and a traced instruction
    waits for that. A run of this suite stood still there.
    """
    greenlet._greenlet.enable_optional_cleanup(False)
    run, kept = threading.Thread.run, list[Any]()

    def keeping(self: threading.Thread) -> None:
        kept.append(greenlet.getcurrent())
        run(self)

    threading.Thread.run = keeping  # type: ignore[method-assign]  # a wrapper
    yield
    threading.Thread.run = run  # type: ignore[method-assign]  # put back


@pytest.fixture(autouse=True, scope="session")
def _no_way_out() -> Iterator[None]:
    """Refuse every connection beyond loopback."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def check(address: Any) -> None:
        if isinstance(address, tuple) and not _is_loopback(str(address[0])):
            raise PhonedOutError(f"a test tried to reach {address[0]}")

    def guarded(self: socket.socket, address: Any) -> None:
        check(address)
        connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        check(address)
        return connect_ex(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign,assignment]  # the guard
    socket.socket.connect_ex = guarded_ex  # type: ignore[method-assign,assignment]  # the guard
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]  # put back
    socket.socket.connect_ex = connect_ex  # type: ignore[method-assign]  # put back


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.split("%", maxsplit=1)[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def postgresql() -> PostgresServer:
    """The PostgreSQL on loopback, or a skip with the reason."""
    try:
        psycopg.connect(f"{POSTGRESQL}/test", connect_timeout=5).close()
    except psycopg.OperationalError as error:
        skip_or_fail(f"PostgreSQL on 127.0.0.1:5432 does not answer: {error}")
    return PostgresServer()


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database to copy."""
    path = tmp_path_factory.mktemp("migrated") / "careloop.db"
    upgrade(sqlite_url(path))
    return path


@pytest.fixture
def sqlite(tmp_path: Path, _migrated_sqlite: Path) -> str:
    """URL of a migrated, empty SQLite database."""
    return sqlite_url(Path(shutil.copyfile(_migrated_sqlite, tmp_path / "careloop.db")))


@pytest.fixture(scope="session")
def _migrated_postgresql(postgresql: PostgresServer) -> Iterator[str]:
    """URL of a migrated PostgreSQL database that each test finds empty."""
    url = postgresql.create()
    yield url
    postgresql.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of a migrated, empty database: once of each kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite"))
    url = str(request.getfixturevalue("_migrated_postgresql"))
    PostgresServer().empty(url)
    return url


async def _with_workspace(url: str, clock: ManualClock) -> Database:
    database = Database(url)
    async with database.write() as connection:
        await connection.execute(
            workspaces.insert(),
            [
                {"id": name, "name": name, "settings": {}, "created_at": clock.now()}
                for name in (DEFAULT_WORKSPACE, "other")
            ],
        )
    return database


@pytest.fixture
async def database(sqlite: str, clock: ManualClock) -> AsyncIterator[Database]:
    """A SQLite database that holds two empty workspaces: ``default`` and ``other``."""
    database = await _with_workspace(sqlite, clock)
    yield database
    await database.close()


@pytest.fixture
async def each_database(database_url: str, clock: ManualClock) -> AsyncIterator[Database]:
    """The same, once on SQLite and once on PostgreSQL: for contract tests."""
    database = await _with_workspace(database_url, clock)
    yield database
    await database.close()


@pytest.fixture
def workspace() -> WorkspaceId:
    return DEFAULT_WORKSPACE


@pytest.fixture
def other_workspace() -> WorkspaceId:
    return WorkspaceId("other")


@pytest.fixture
def hash_encoder() -> Encoder:
    return HashEncoder()


@pytest.fixture
def embeddings(hash_encoder: Encoder) -> EncoderEmbeddings:
    return EncoderEmbeddings(hash_encoder)


@pytest.fixture(scope="session")
def real_encoder() -> OpenVinoEncoder:
    """The bundled encoder, converted once into the checkout's own cache."""
    return load_encoder(bundled_model(), cache=ROOT / "var" / "models")


@pytest.fixture
def public_data() -> Path:
    """The folder of public data sets, or a skip with the reason."""
    if not PUBLIC_DATA.is_dir():
        skip_or_fail("the public data sets are not beside this checkout (../shared/data)")
    return PUBLIC_DATA
