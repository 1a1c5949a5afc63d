"""Insights of a small shop: real parts over a database, with a tiny encoder."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from customers import CustomerBook
from inference.embeddings import Encoder, Vector
from inference.fakes import HashEncoder
from insights.campaigns import Campaign
from insights.contacts import Contacts
from insights.delivery.ledger import DigestLedger
from insights.delivery.sender import Sender
from insights.digester import Company, Digester
from insights.parts import InsightParts
from insights.plan import Plan
from kit.clock import Clock
from kit.ids import WorkspaceId
from retrieval import Retrieval, Retriever
from store.encryption import Cipher
from store.engine import Database
from triage.routing import Router

LONDON = ZoneInfo("Europe/London")
KEY = bytes(32)
SPRING = Campaign(
    name="Spring offer", starts=date(2025, 12, 1), ends=date(2026, 2, 1), terms=("spring offer",)
)


class NothingFound:
    """Searches a knowledge base without an article."""

    async def search(self, *_: object, **__: object) -> Retrieval:
        return Retrieval((), "", 0.0, np.zeros(3, dtype=np.float32))


def insight_parts(
    database: Database,
    cipher: Cipher,
    clock: Clock,
    *,
    book: CustomerBook | None = None,
    plans: Mapping[WorkspaceId, Plan] | None = None,
    retriever: Retriever | None = None,
    encoder: Encoder | None = None,
    router: Router | None = None,
) -> InsightParts:
    contacts = Contacts(database, cipher, book or CustomerBook(cipher, KEY), clock)

    async def no_vectors(_: WorkspaceId) -> Mapping[str, Vector]:
        return {}

    digester = Digester(
        database=database,
        cipher=cipher,
        contacts=contacts,
        retriever=retriever or NothingFound(),
        encoder=encoder or HashEncoder(dimensions=128),
        clock=clock,
        company=Company(
            name="Lampenladen",
            base_url="https://care.example",
            titles={"billing.refund": "Refunds", "sales.cancel": "Cancellations"},
            own_names=["Lampenladen"],
            rivals=["Zephyr"],
            campaigns=[SPRING],
            router=router,
        ),
        known_vectors=no_vectors,
    )
    known = plans or {}
    ledger = DigestLedger(database, clock=clock)
    sender = Sender(digester=digester, ledger=ledger, contacts=contacts, plans=known, clock=clock)
    return InsightParts(
        digester=digester, sender=sender, ledger=ledger, plans=known, zone=LONDON, clock=clock
    )
