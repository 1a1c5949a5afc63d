"""Work that one server does for all: the row of each is a lease, and keeps what came of the last time."""

from __future__ import annotations

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, String, Table

from store.columns import Id, Json, UtcDateTime
from store.tables.base import metadata, workspace_column

duties = Table(
    "duties",
    metadata,
    workspace_column(),
    Column("name", String(40), nullable=False),  # night, forecast, incidents
    Column("holder", Id),  # who may write here
    Column("alive_at", UtcDateTime),  # the last sign of life; empty once it ended
    Column("due", UtcDateTime),  # the last time that was seen to, or is being seen to
    Column("attempts", Integer, nullable=False),  # of that time
    Column("finished_at", UtcDateTime),
    Column("result", Json),
    Column("error", String(1000)),
    PrimaryKeyConstraint("workspace_id", "name"),
)
