"""How connectors fare, as it is kept."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from kit.ids import WorkspaceId
from store.engine import Database
from store.tables import connector_states

pytestmark = pytest.mark.anyio


async def test_a_target_may_use_a_long_paging_token(each_database: Database, workspace: WorkspaceId) -> None:
    token = "GIYDAOBNGEYS2MBWKQYDAORQGA5DAMBOGAYDAKZQGAYDALBQ" * 100
    async with each_database.write() as connection:
        row = {"workspace_id": workspace, "connector": "marketo", "poll_cursor": token}
        await connection.execute(insert(connector_states).values(row))
        assert await connection.scalar(select(connector_states.c.poll_cursor)) == token
