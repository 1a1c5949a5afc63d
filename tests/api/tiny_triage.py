"""Triage of a small shop: real parts with tiny models."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from api.triagers import KIND, TriageParts, Triagers, load_intents
from inference.fakes import HashEncoder
from kit.clock import ManualClock
from store.encryption import Cipher
from store.engine import Database
from tests.triage.tiny_models import ENCODER, RULES, full_name, shop_taxonomy, tiny_models
from triage.brands import Brands
from triage.known_labels import KnownLabels
from triage.language import LanguageIdentifier
from triage.learning import Learner
from triage.learning_ledger import LearningLedger
from triage.live_model import LiveModels
from triage.opinion_store import OpinionStore
from triage.registry import ModelRegistry
from triage.routing import Router
from triage.rules import parse_routing
from triage.study import StudyLimits
from triage.text_hash import TextHash
from triage.tickets import TicketStore
from triage.triager import Triager

__all__ = ["ENCODER", "full_name", "shop_taxonomy", "shop_triage", "tiny_models"]


def shop_triage(
    database: Database,
    cipher: Cipher,
    clock: ManualClock,
    folder: Path,
    *,
    routed: bool = True,
    encoder: HashEncoder = ENCODER,
) -> TriageParts:
    """The parts over a database; rules in them unless ``routed`` is false. Learning has ``encoder``."""
    taxonomy = shop_taxonomy()
    make = partial(
        Triager,
        encoder=ENCODER,
        intents=taxonomy.leaves,
        brands=Brands(["Lampenladen"], ["Zephyr"]),
        languages=_languages(),
    )
    routing = parse_routing(RULES, source="test") if routed else None
    registry = ModelRegistry(database, folder, clock=clock)
    tickets = TicketStore(cipher, TextHash(b"k" * 32))
    return TriageParts(
        taxonomy=taxonomy,
        triagers=Triagers(tiny_models(), make, LiveModels(registry, load_intents, kind=KIND, clock=clock)),
        router=None if routing is None else Router.of(routing),
        labels=KnownLabels(taxonomy, routing, tickets.corrections),
        tickets=tickets,
        registry=registry,
        learner=Learner(
            database,
            tickets.corrections,
            registry,
            encoder,
            intents=taxonomy.leaves,
            limits=StudyLimits(folds=3),
        ),
        ledger=LearningLedger(database, clock=clock),
        opinions=OpinionStore(cipher),
        encoder=ENCODER,
    )


@cache
def _languages() -> LanguageIdentifier:
    return LanguageIdentifier()
