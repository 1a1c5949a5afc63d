from __future__ import annotations

import pytest

from kit.clock import ManualClock
from store.engine import Database
from tests.customers.shop import Shop


@pytest.fixture
def shop(database: Database, clock: ManualClock) -> Shop:
    return Shop(database, clock)


@pytest.fixture
def each_shop(each_database: Database, clock: ManualClock) -> Shop:
    """Once on SQLite and once on PostgreSQL."""
    return Shop(each_database, clock)
