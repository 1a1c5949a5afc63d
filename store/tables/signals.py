"""Signals to sales, customer success and marketing, what became of them, and from when on they are told."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from store.columns import Id, Json, UtcDateTime
from store.tables.base import metadata, workspace_column

_IS_OPEN = text("state = 'open'")

signals = Table(
    "signals",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    Column("customer_id", Id, ForeignKey("customers.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("state", String(20), nullable=False),  # open, closed, expired
    Column("probability", Float, nullable=False),  # calibrated, 0..1; the highest that was heard
    # What was heard when it was the surest: quotes with offsets, encrypted, and where and by whom.
    Column("evidence", LargeBinary, nullable=False),
    Column("source", String(80), nullable=False),  # triage, or a rule of behaviour
    Column("model", String(80), nullable=False),
    # With its conversation or ticket a signal goes too: it quotes them.
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE")),
    Column("ticket_id", Id, ForeignKey("tickets.id", ondelete="CASCADE")),
    Column("link", String(500)),
    Column("team", String(40), nullable=False),
    Column("owner", String(200)),
    Column("next_action", String(500)),
    Column("priority", String(2), nullable=False),  # P1 to P4
    Column("targets", Json),  # names of connectors; empty: whichever are on
    Column("why", Json, nullable=False),  # which rules routed it, and because of what: no message text
    Column("score", Float),  # lead score, 0..100, where the kind has one
    Column("stated", LargeBinary, nullable=False),  # encrypted: what a customer said that qualifies a lead
    Column("qualification", String(20)),  # of leads: qualified, nurture, not_qualified
    Column("occurrences", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_signals_workspace_id_id", "workspace_id", "id"),
    Index("ix_signals_customer_id", "customer_id"),
    Index("ix_signals_conversation_id", "conversation_id"),
    Index("ix_signals_ticket_id", "ticket_id"),
    Index(
        "uq_signals_open",
        "workspace_id",
        "customer_id",
        "kind",
        unique=True,
        sqlite_where=_IS_OPEN,
        postgresql_where=_IS_OPEN,
    ),
)

# Each time it was heard of: what was told once of a message is not told again, however often it is read.
signal_sightings = Table(
    "signal_sightings",
    metadata,
    Column("id", Integer, primary_key=True),
    workspace_column(),
    Column("kind", String(40), nullable=False),
    Column("origin", String(120), nullable=False),  # id of the message, ticket or event
    Column("signal_id", Id, ForeignKey("signals.id", ondelete="CASCADE")),  # empty for a moment only
    Column("probability", Float, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    UniqueConstraint("workspace_id", "origin", "kind"),
    Index("ix_signal_sightings_signal_id", "signal_id"),
)

signal_outcomes = Table(
    "signal_outcomes",
    metadata,
    Column("id", Integer, primary_key=True),
    workspace_column(),
    Column("signal_id", Id, ForeignKey("signals.id", ondelete="CASCADE"), nullable=False),
    Column("outcome", String(20), nullable=False),  # won, lost, noise, too_late, in_progress
    Column("amount", Float),
    Column("currency", String(3)),  # ISO 4217
    Column("reason", LargeBinary),  # encrypted
    Column("who", String(200)),
    Column("source", String(40), nullable=False),  # api, panel, review, name of a connector
    Column("external_id", String(200)),  # the source's own id of this news
    Column("at", UtcDateTime, nullable=False),  # when it came to that
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("disputed_at", UtcDateTime),
    Column("disputed_by", String(200)),
    Column("dispute", LargeBinary),  # encrypted: why it is not so
    Column("verdict", String(20)),  # of a dispute: upheld (the outcome stands), overturned
    Column("reviewed_by", String(200)),
    Column("reviewed_at", UtcDateTime),
    UniqueConstraint("workspace_id", "source", "external_id"),
    Index("ix_signal_outcomes_signal_id", "signal_id"),
    Index("ix_signal_outcomes_workspace_id_recorded_at", "workspace_id", "recorded_at"),
    sqlite_autoincrement=True,
)

# The youngest row of a kind is in force; without one the default is.
signal_thresholds = Table(
    "signal_thresholds",
    metadata,
    Column("id", Integer, primary_key=True),
    workspace_column(),
    Column("kind", String(40), nullable=False),
    Column("threshold", Float, nullable=False),
    Column("previous", Float, nullable=False),
    Column("who", String(200), nullable=False),  # outcomes, or whoever set it
    Column("because", Json, nullable=False),  # numbers that led to it
    Column("made_at", UtcDateTime, nullable=False),
    Index("ix_signal_thresholds_workspace_id_kind_id", "workspace_id", "kind", "id"),
    sqlite_autoincrement=True,
)

# What was known when a signal was heard, for whoever learns from what becomes of it.
signal_circumstances = Table(
    "signal_circumstances",
    metadata,
    Column("signal_id", Id, ForeignKey("signals.id", ondelete="CASCADE"), primary_key=True),
    workspace_column(),
    Column("seen", LargeBinary, nullable=False),  # encrypted JSON: facts of the customer among it
    Column("seen_at", UtcDateTime, nullable=False),
)

# What outcomes taught of each kind; the youngest row is in force.
signal_worth_models = Table(
    "signal_worth_models",
    metadata,
    Column("id", Integer, primary_key=True),
    workspace_column(),
    Column("kind", String(40), nullable=False),
    Column("model", Json),  # weights: no message text; empty: the detector alone is better
    Column("encoder", String(200), nullable=False),  # whose vectors the weights are of
    Column("cut", Float, nullable=False),  # least probability that is told
    Column("because", Json, nullable=False),  # numbers that led to it
    Column("learnt_until", UtcDateTime, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Index("ix_signal_worth_models_workspace_id_kind_id", "workspace_id", "kind", "id"),
    sqlite_autoincrement=True,
)

_IS_ENROLLED = text("left_at IS NULL")

nurture_enrolments = Table(
    "nurture_enrolments",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    Column("customer_id", Id, ForeignKey("customers.id", ondelete="CASCADE"), nullable=False),
    Column("signal_id", Id, ForeignKey("signals.id", ondelete="CASCADE"), nullable=False),  # what enrolled
    Column("sequence", String(80), nullable=False),
    Column("target", String(40), nullable=False),  # connector of the marketing tool that carries it out
    Column("journey", String(200), nullable=False),  # what the tool calls it
    Column("enrolled_at", UtcDateTime, nullable=False),
    Column("left_at", UtcDateTime),
    Column("left_because", String(80)),  # an outcome, expired, no_consent
    Index("ix_nurture_enrolments_customer_id_enrolled_at", "customer_id", "enrolled_at"),
    Index("ix_nurture_enrolments_signal_id", "signal_id"),
    Index("ix_nurture_enrolments_workspace_id_id", "workspace_id", "id"),
    Index(
        "uq_nurture_enrolments_enrolled",
        "workspace_id",
        "customer_id",
        "sequence",
        unique=True,
        sqlite_where=_IS_ENROLLED,
        postgresql_where=_IS_ENROLLED,
    ),
)
