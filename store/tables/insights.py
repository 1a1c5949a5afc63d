"""Which digests were delivered: a row for each week and receiver, which is a lease while it is under way."""

from __future__ import annotations

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, String, Table

from store.columns import UtcDateTime
from store.tables.base import metadata, workspace_column

digest_deliveries = Table(
    "digest_deliveries",
    metadata,
    workspace_column(),
    Column("week", String(8), nullable=False),  # ISO 8601: 2026-W48
    Column("channel", String(80), nullable=False),  # webhook, folder, or email: and a hash of the address
    Column("state", String(20), nullable=False),  # sending, delivered, failed
    Column("attempts", Integer, nullable=False),
    Column("claimed_until", UtcDateTime),  # while it is under way; from then on any other may take it over
    Column("next_attempt_at", UtcDateTime),  # once it failed; empty after the last attempt
    Column("delivered_at", UtcDateTime),
    Column("error", String(1000)),
    Column("updated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("workspace_id", "week", "channel"),
)
