"""Bulk triage of stored tickets: how far each run has come, and what tickets were before it."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, text

from store.columns import Id, Json, UtcDateTime
from store.tables.base import metadata, workspace_column

_IS_OPEN = text("ended_at IS NULL")

backfills = Table(
    "backfills",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    Column("state", String(20), nullable=False),  # running, interrupted, finished, stopped, undoing, undone
    Column("model", String(80), nullable=False),  # the version that gives the labels
    Column("options", Json, nullable=False),  # which tickets, and whether they are routed anew
    Column("counts", Json, nullable=False),
    Column("cursor", Id),  # the last ticket that is done; those before it, older ones, are to come
    Column("error", Text),  # why it was interrupted
    Column("started_at", UtcDateTime, nullable=False),
    Column("beat_at", UtcDateTime, nullable=False),  # when whoever is at it was last heard of
    Column("ended_at", UtcDateTime),
    Index("ix_backfills_workspace_id_id", "workspace_id", "id"),
    Index(
        "uq_backfills_open",
        "workspace_id",
        unique=True,
        sqlite_where=_IS_OPEN,
        postgresql_where=_IS_OPEN,
    ),
)

# With its ticket an entry goes too: nothing is left of a ticket that was erased.
backfill_entries = Table(
    "backfill_entries",
    metadata,
    Column("id", Integer, primary_key=True),
    workspace_column(),
    Column("backfill_id", Id, ForeignKey("backfills.id", ondelete="CASCADE"), nullable=False),
    Column("ticket_id", Id, ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("before", Json, nullable=False),  # the ticket's labels; empty where it had none
    Column("before_model", String(80)),
    Column("after_hash", String(64), nullable=False),  # of labels and model as the run left them
    Column("outcome", String(20)),  # of undoing: restored, unchanged, changed_since
    Index("ix_backfill_entries_backfill_id_id", "backfill_id", "id"),
    Index("ix_backfill_entries_ticket_id", "ticket_id"),
)
