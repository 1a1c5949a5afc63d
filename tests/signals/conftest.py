"""Two customers whom signals are about, in every database."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from sqlalchemy import insert

from kit.ids import DEFAULT_WORKSPACE, CustomerId, WorkspaceId
from store.engine import Database
from store.tables import customers
from tests.signals.making import ANN, BOB, NOW


async def add_customers(
    database: Database, ids: Iterable[CustomerId], *, workspace: WorkspaceId = DEFAULT_WORKSPACE
) -> None:
    """Customers of whom nothing is known but that there are they."""
    rows = [
        {
            "id": one,
            "workspace_id": workspace,
            "profile": b"",
            "do_not_sell": False,
            "stage": "retention",
            "created_at": NOW,
            "updated_at": NOW,
        }
        for one in ids
    ]
    async with database.write() as connection:
        await connection.execute(insert(customers), rows)


@pytest.fixture
async def database(database: Database) -> Database:
    await add_customers(database, (ANN, BOB))
    return database


@pytest.fixture
async def each_database(each_database: Database) -> Database:
    await add_customers(each_database, (ANN, BOB))
    return each_database
