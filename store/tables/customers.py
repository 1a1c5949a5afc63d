"""Customers: who they are, what happened with them, what they consented to.

A merge moves no profile: the younger customer keeps its row and names the elder in ``survivor_id``. Rows of
identities, events and consents belong to the elder from then on (``customer_id``), and say still whose they
were (``origin_id``), which is what an un-merge goes by.
"""

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
)

from store.columns import Id, UtcDateTime
from store.tables.base import metadata, workspace_column


def _customer(name: str = "customer_id", *, nullable: bool = False) -> Column[str]:
    return Column(name, Id, ForeignKey("customers.id", ondelete="CASCADE"), nullable=nullable)


customers = Table(
    "customers",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    _customer("survivor_id", nullable=True),  # whom it was merged into, the last of a chain
    Column("profile", LargeBinary, nullable=False),  # encrypted JSON: names and attributes
    Column("value_amount", Float),  # what it is worth to the company, as the company counts
    Column("value_currency", String(3)),
    Column("do_not_sell", Boolean, nullable=False),  # follows from the consents
    Column("stage", String(20), nullable=False),  # follows from the events
    Column("stage_since", UtcDateTime),
    Column("stage_event_id", Id),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_customers_workspace_id_stage_id", "workspace_id", "stage", "id"),
    Index("ix_customers_survivor_id", "survivor_id"),
)

customer_identities = Table(
    "customer_identities",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    _customer(),
    _customer("origin_id"),
    Column("kind", String(20), nullable=False),  # email, phone, crm, visitor, external
    Column("system", String(40), nullable=False),  # whose id it is, of kind crm; else empty
    Column("value", LargeBinary, nullable=False),  # encrypted
    Column("value_hash", String(64), nullable=False),  # keyed hash of workspace, kind, system and value
    Column("added_at", UtcDateTime, nullable=False),
    UniqueConstraint("workspace_id", "value_hash"),
    Index("ix_customer_identities_customer_id", "customer_id"),
    Index("ix_customer_identities_origin_id", "origin_id"),
)

customer_events = Table(
    "customer_events",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    _customer(),
    _customer("origin_id"),
    Column("kind", String(20), nullable=False),  # chat, email, ticket, survey, ...
    Column("name", String(80), nullable=False),  # what happened, in the source's words: order_placed, csat
    Column("source", String(40), nullable=False),
    Column("external_id", String(200), nullable=False),
    Column("score", Float),
    Column("payload", LargeBinary, nullable=False),  # encrypted JSON
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    UniqueConstraint("workspace_id", "source", "external_id"),
    Index("ix_customer_events_customer_id_occurred_at_id", "customer_id", "occurred_at", "id"),
    Index("ix_customer_events_origin_id", "origin_id"),
)

customer_consents = Table(
    "customer_consents",
    metadata,
    Column("id", Integer, primary_key=True),
    workspace_column(),
    _customer(),
    _customer("origin_id"),
    Column("purpose", String(20), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("state", String(20), nullable=False),  # granted, withdrawn, unknown
    Column("source", String(200), nullable=False),
    Column("given_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Index("ix_customer_consents_customer_id_id", "customer_id", "id"),
    Index("ix_customer_consents_origin_id", "origin_id"),
    sqlite_autoincrement=True,  # merges remember after which record they came
)

customer_merges = Table(
    "customer_merges",
    metadata,
    Column("id", Id, primary_key=True),
    workspace_column(),
    _customer("survivor_id"),
    _customer("absorbed_id"),
    Column("reason", String(20), nullable=False),  # identity, request
    Column("after_consent", Integer, nullable=False),  # the last consent there was; 0 before the first
    Column("merged_at", UtcDateTime, nullable=False),
    Column("undone_at", UtcDateTime),
    Index("ix_customer_merges_survivor_id", "survivor_id"),
    Index("ix_customer_merges_absorbed_id", "absorbed_id"),
)

customer_stages = Table(
    "customer_stages",
    metadata,
    Column("id", Integer, primary_key=True),
    workspace_column(),
    _customer(),
    Column("was", String(20), nullable=False),
    Column("became", String(20), nullable=False),
    Column("rule", String(80), nullable=False),
    Column("event_id", Id, ForeignKey("customer_events.id", ondelete="CASCADE"), nullable=False),
    Column("moved_at", UtcDateTime, nullable=False),
    Index("ix_customer_stages_customer_id_id", "customer_id", "id"),
    Index("ix_customer_stages_event_id", "event_id"),
)

# What is left of erased customers: enough to know their identities again when an import brings them back.
customer_tombstones = Table(
    "customer_tombstones",
    metadata,
    workspace_column(),
    Column("value_hash", String(64), nullable=False),  # as in customer_identities
    Column("erased_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("workspace_id", "value_hash"),
)
