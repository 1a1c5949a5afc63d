"""What targets told by webhook or poll: once each, with what came of it."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from store.columns import Id, UtcDateTime
from store.tables.base import metadata, workspace_column

inbound_news = Table(
    "inbound_news",
    metadata,
    Column("id", Integer, primary_key=True),
    workspace_column(),
    Column("connector", String(80), nullable=False),
    Column("kind", String(20), nullable=False),  # outcome, consent
    Column("key", String(64), nullable=False),  # keyed hash of the target's own id of the news
    Column("via", String(20), nullable=False),  # webhook, poll
    Column("result", String(20), nullable=False),  # taken, repeated, unmatched, refused
    Column("code", String(80)),  # of the error, where it was not taken
    Column("detail", String(1000)),
    # With its signal or customer the news goes too.
    Column("signal_id", Id, ForeignKey("signals.id", ondelete="CASCADE")),
    Column("customer_id", Id, ForeignKey("customers.id", ondelete="CASCADE")),
    Column("content", LargeBinary),  # encrypted; only of what was not taken, to be tried again
    Column("at", UtcDateTime, nullable=False),  # when it came to that
    Column("received_at", UtcDateTime, nullable=False),
    UniqueConstraint("workspace_id", "connector", "kind", "key"),
    Index("ix_inbound_news_workspace_id_connector_id", "workspace_id", "connector", "id"),
    Index("ix_inbound_news_signal_id", "signal_id"),
    Index("ix_inbound_news_customer_id", "customer_id"),
    sqlite_autoincrement=True,
)
