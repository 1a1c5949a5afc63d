"""Signals of a small shop: real parts with the data that ships."""

from __future__ import annotations

from customers import CustomerBook
from kit.clock import Clock
from signals.behaviour import read_behaviour
from signals.catalogue import read_catalogue
from signals.intake import SignalIntake
from signals.judgements import Judgements
from signals.known_customers import KnownCustomers
from signals.outcomes import OutcomeStore
from signals.parts import SignalParts
from signals.routing import read_rules
from signals.scoring import read_scoring
from signals.store import SignalStore
from store.encryption import Cipher

KEY = bytes(32)


def signal_parts(cipher: Cipher, clock: Clock) -> SignalParts:
    """The parts over any database."""
    store = SignalStore(cipher)
    outcomes = OutcomeStore(cipher, store)
    known = KnownCustomers(CustomerBook(cipher, KEY), clock)
    return SignalParts(
        store=store,
        outcomes=outcomes,
        judgements=Judgements(cipher, store, outcomes),
        intake=SignalIntake(
            store, known, rules=read_rules(), scoring=read_scoring(), behaviour=read_behaviour()
        ),
        customers=known,
        catalogue=read_catalogue(),
        precision_target=0.7,
    )
