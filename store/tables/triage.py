"""Tickets with their labels, what people corrected in them, and the models that learned from it."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

from store.columns import Id, Json, UtcDateTime
from store.tables.base import metadata, workspace_column

tickets = Table(
    "tickets",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    Column("source", String(40), nullable=False),  # whose external_id it is: api, csv, a helpdesk
    Column("external_id", String(200), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("subject", LargeBinary, nullable=False),  # encrypted
    Column("text", LargeBinary, nullable=False),  # encrypted
    Column("text_hash", String(64), nullable=False),  # keyed hash of what is read of subject and text
    Column("customer", Json, nullable=False),  # facts that routing rules ask for: tier, country, ...
    Column("labels", Json, nullable=False),  # what the model said: no message text
    Column("model", String(80)),  # the version that said it
    Column("final_labels", Json, nullable=False),  # what people said, by kind
    # What lists are filtered by: what people said, else what the model said.
    Column("intent", String(200)),
    Column("queue", String(200)),
    Column("certainty", String(20)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("workspace_id", "source", "external_id"),
    Index("ix_tickets_workspace_id_queue_id", "workspace_id", "queue", "id"),
    Index("ix_tickets_workspace_id_created_at", "workspace_id", "created_at"),
)

corrections = Table(
    "corrections",
    metadata,
    Column("id", Integer, primary_key=True),
    workspace_column(),
    Column("ticket_id", Id, ForeignKey("tickets.id", ondelete="CASCADE")),
    Column("text", LargeBinary, nullable=False),  # encrypted; what the model read
    Column("text_hash", String(64), nullable=False),
    Column("kind", String(20), nullable=False),  # intent, queue, priority, ...
    Column("was", String(200)),
    Column("became", String(200)),  # empty where a label of several was taken away
    Column("who", String(200), nullable=False),
    Column("source", String(20), nullable=False),  # api, csv, helpdesk
    Column("made_at", UtcDateTime, nullable=False),
    Column("withdrawn_at", UtcDateTime),
    Index("ix_corrections_workspace_id_kind_made_at", "workspace_id", "kind", "made_at"),
    Index("ix_corrections_workspace_id_text_hash", "workspace_id", "text_hash"),
    Index("ix_corrections_ticket_id", "ticket_id"),
    sqlite_autoincrement=True,  # an id is never used twice: models name the corrections they learned from
)

second_opinions = Table(
    "second_opinions",
    metadata,
    Column("ticket_id", Id, ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    workspace_column(),
    Column("classifier", String(200), nullable=False),  # the intent that the models found likeliest
    Column("candidates", Json, nullable=False),  # the intents on offer
    Column("label", String(200)),  # empty: none of them, or no answer
    Column("agrees", Boolean),
    Column("reason", LargeBinary, nullable=False),  # encrypted: a sentence about the message
    Column("model", String(200), nullable=False),
    Column("prompt", String(80), nullable=False),  # its name and a hash of its text
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("seconds", Float, nullable=False),
    Column("failure", String(80)),
    Column("made_at", UtcDateTime, nullable=False),
    Index("ix_second_opinions_workspace_id_made_at", "workspace_id", "made_at"),
)

# The last run of each workspace, which is a lease while it is under way.
learning_runs = Table(
    "learning_runs",
    metadata,
    workspace_column(),
    Column("id", Id),  # who may write here; empty while nothing was ever learned
    Column("started_by", String(20)),  # night, api, command
    Column("started_at", UtcDateTime),
    Column("alive_at", UtcDateTime),  # the last sign of life; empty once it was cut short
    Column("finished_at", UtcDateTime),
    Column("report", Json),
    Column("error", String(1000)),
    Column("night", UtcDateTime),  # the last one that was seen to, whether there was anything to learn or not
    Column("attempts", Integer, nullable=False),  # of that night
    Column("learned_from", String(64)),  # a hash of all that the last whole run had to learn from
    PrimaryKeyConstraint("workspace_id"),
)

_IS_LIVE = text("state = 'live'")

triage_models = Table(
    "triage_models",
    metadata,
    workspace_column(),
    Column("kind", String(20), nullable=False),  # what it tells: intent, ...
    Column("version", String(80), nullable=False),
    Column("state", String(20), nullable=False),  # shadow, live, retired, rejected
    Column("metrics", Json, nullable=False),
    Column("provenance", Json, nullable=False),
    Column("folder", String(80)),  # within the registry's; empty once the files were removed
    Column("created_at", UtcDateTime, nullable=False),
    Column("promoted_at", UtcDateTime),
    Column("promoted_from", String(80)),  # the version that was live before; where a roll-back goes
    PrimaryKeyConstraint("workspace_id", "kind", "version"),
    Index(
        "uq_triage_models_live",
        "workspace_id",
        "kind",
        unique=True,
        sqlite_where=_IS_LIVE,
        postgresql_where=_IS_LIVE,
    ),
)
