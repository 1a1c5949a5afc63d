"""Signals of a small shop: real parts with the data that ships."""

from __future__ import annotations

from datetime import UTC

from customers import CustomerBook
from kit.clock import Clock
from signals.behaviour import read_behaviour
from signals.catalogue import read_catalogue
from signals.duties import Duties
from signals.intake import SignalIntake
from signals.judgements import Judgements
from signals.known_customers import KnownCustomers
from signals.outcomes import OutcomeStore
from signals.parts import SignalParts
from signals.predictions.churn_watch import ChurnWatch
from signals.predictions.contact_outlook import ContactOutlook, Staffing
from signals.predictions.incident_watch import IncidentWatch
from signals.predictions.outlook import Outlook
from signals.routing import read_rules
from signals.scoring import read_scoring
from signals.store import SignalStore
from store.encryption import Cipher
from store.engine import Database

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


def outlook_parts(database: Database, cipher: Cipher, clock: Clock) -> Outlook:
    """What is to be expected; nobody keeps it up to date but who is told to."""
    duties = Duties(database, clock=clock)
    return Outlook(
        duties=duties,
        churn=ChurnWatch(database, CustomerBook(cipher, KEY), duties),
        contacts=ContactOutlook(database, Staffing(UTC, {"billing": [1.0] * 7})),
        incidents=IncidentWatch(database, duties),
    )
