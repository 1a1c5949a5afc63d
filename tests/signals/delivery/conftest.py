from __future__ import annotations

from pathlib import Path

import pytest

from kit.clock import ManualClock
from store.engine import Database
from tests.signals.delivery.office import Office


@pytest.fixture
def office(database: Database, clock: ManualClock) -> Office:
    return Office(database, clock)


@pytest.fixture
def each_office(each_database: Database, clock: ManualClock) -> Office:
    """Once on SQLite and once on PostgreSQL."""
    return Office(each_database, clock)


@pytest.fixture(scope="session")
def empty_database(_migrated_sqlite: Path) -> bytes:
    """A migrated SQLite database, as the bytes of its file: for tests that need one after the other."""
    return _migrated_sqlite.read_bytes()
