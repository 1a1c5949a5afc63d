"""Every table, on one ``MetaData``. Every row belongs to a workspace.

The database is the truth; the vector index is a copy of ``passages.embedding`` that can be rebuilt from
it. Whoever writes passages writes, in the same transaction, one row into ``index_operations`` for each
passage that appeared or went; ``retrieval.follower`` applies those rows to the vector index in order.
"""

from store.tables.access import api_keys, idempotency_keys, workspaces
from store.tables.backfills import backfill_entries, backfills
from store.tables.base import metadata
from store.tables.contacts import contacts
from store.tables.conversations import citations, conversation_events, conversations, feedback, messages
from store.tables.customers import (
    customer_consents,
    customer_events,
    customer_identities,
    customer_merges,
    customer_stages,
    customer_tombstones,
    customers,
)
from store.tables.deliveries import connector_states, deliveries, signal_revisions
from store.tables.duties import duties
from store.tables.inbound import inbound_news
from store.tables.insights import digest_deliveries
from store.tables.knowledge import (
    document_versions,
    documents,
    index_operations,
    index_states,
    ingestions,
    passages,
    sources,
)
from store.tables.signals import (
    nurture_enrolments,
    signal_circumstances,
    signal_outcomes,
    signal_sightings,
    signal_thresholds,
    signal_worth_models,
    signals,
)
from store.tables.triage import corrections, learning_runs, second_opinions, tickets, triage_models

__all__ = [
    "api_keys",
    "backfill_entries",
    "backfills",
    "citations",
    "connector_states",
    "contacts",
    "conversation_events",
    "conversations",
    "corrections",
    "customer_consents",
    "customer_events",
    "customer_identities",
    "customer_merges",
    "customer_stages",
    "customer_tombstones",
    "customers",
    "deliveries",
    "digest_deliveries",
    "document_versions",
    "documents",
    "duties",
    "feedback",
    "idempotency_keys",
    "inbound_news",
    "index_operations",
    "index_states",
    "ingestions",
    "learning_runs",
    "messages",
    "metadata",
    "nurture_enrolments",
    "passages",
    "second_opinions",
    "signal_circumstances",
    "signal_outcomes",
    "signal_revisions",
    "signal_sightings",
    "signal_thresholds",
    "signal_worth_models",
    "signals",
    "sources",
    "tickets",
    "triage_models",
    "workspaces",
]
