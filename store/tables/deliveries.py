"""What connectors are told: a row for each signal, revision and connector, and how each connector fares."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from store.columns import Id, Json, UtcDateTime
from store.tables.base import metadata, workspace_column

_QUEUED = text("state = 'queued'")
_SENDING = text("state = 'sending'")
_PENDING = text("state IN ('queued', 'sending')")

# A signal as it was at one revision: later ones change the signal, and each is told as it was.
signal_revisions = Table(
    "signal_revisions",
    metadata,
    workspace_column(),
    Column("signal_id", Id, ForeignKey("signals.id", ondelete="CASCADE"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("customer_id", Id, nullable=False),
    Column("frozen", LargeBinary, nullable=False),  # encrypted
    Column("made_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("signal_id", "revision"),
    Index("ix_signal_revisions_workspace_id_customer_id", "workspace_id", "customer_id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    Column("connector", String(80), nullable=False),
    Column("signal_id", Id, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("customer_id", Id, nullable=False),
    Column("order_number", Integer, nullable=False),  # 1, 2, ... of a customer at a connector
    Column("key", String(120), nullable=False),  # the idempotency key that the target is told
    Column("state", String(20), nullable=False),  # queued, sending, delivered, dead, stopped
    Column("attempts", Integer, nullable=False),
    Column(
        "next_attempt_at", UtcDateTime, nullable=False
    ),  # of a customer's later ones: not before the first
    Column("due_since", UtcDateTime, nullable=False),  # when it was queued, or queued again
    Column("claimed_by", String(120)),  # the workflow that is at it
    Column("claimed_until", UtcDateTime),  # from then on any other may take it over
    Column("error_code", String(80)),  # of the last attempt
    Column("error", String(1000)),
    Column("receipt", Json),  # ids that the target gave, by kind of record
    Column("made_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("command", String(10)),  # enrol, leave: of a sequence; empty where the signal itself is told
    Column("enrolment_id", Id),  # its enrolment, which goes with the signal as this row does
    ForeignKeyConstraint(
        ["signal_id", "revision"],
        ["signal_revisions.signal_id", "signal_revisions.revision"],
        name="fk_deliveries_signal_id_signal_revisions",
        ondelete="CASCADE",
    ),
    UniqueConstraint("workspace_id", "connector", "key"),
    UniqueConstraint("workspace_id", "connector", "customer_id", "order_number"),
    Index("ix_deliveries_enrolment_id", "enrolment_id"),
    Index("ix_deliveries_signal_id_revision", "signal_id", "revision"),
    Index("ix_deliveries_workspace_id_id", "workspace_id", "id"),
    Index("ix_deliveries_workspace_id_state_id", "workspace_id", "state", "id"),
    Index(
        "ix_deliveries_due",
        "workspace_id",
        "connector",
        "next_attempt_at",
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    ),
    Index(
        "ix_deliveries_claimed",
        "workspace_id",
        "connector",
        "claimed_until",
        sqlite_where=_SENDING,
        postgresql_where=_SENDING,
    ),
    Index(
        "ix_deliveries_pending",
        "workspace_id",
        "connector",
        "customer_id",
        "order_number",
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    ),
)

connector_states = Table(
    "connector_states",
    metadata,
    workspace_column(),
    Column("connector", String(80), nullable=False),
    Column("paused_at", UtcDateTime),
    Column("paused_by", String(200)),
    # Where the next poll for outcomes, and for consents, begins: a target's token may be long.
    Column("poll_cursor", Text),
    Column("consent_cursor", Text),
    Column("polled_at", UtcDateTime),
    Column("polling_by", Id),  # the poll that is under way
    Column("polling_until", UtcDateTime),  # from then on any other may begin
    Column("next_poll_at", UtcDateTime),
    Column("poll_failures", Integer),  # one after the other
    Column("poll_error_code", String(80)),  # of the last poll
    Column("poll_error", String(1000)),
    Column("healthy", Boolean),  # empty: never asked
    Column("health_detail", String(1000)),
    Column("checked_at", UtcDateTime),
    PrimaryKeyConstraint("workspace_id", "connector"),
)
