"""What keeps signals, forecasts and alerts up to date, made from the settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time, timedelta
from zoneinfo import ZoneInfo

from careloop.build_signals import aims
from careloop.settings import Settings
from customers import CustomerBook
from inference.embeddings import Encoder
from kit.clock import Clock
from signals import upkeep
from signals.duties import Duties
from signals.parts import SignalParts
from signals.predictions import churn_watch, contact_outlook, incident_watch
from signals.predictions.churn_watch import ChurnWatch
from signals.predictions.contact_outlook import ContactOutlook, Staffing
from signals.predictions.incident_watch import IncidentWatch
from signals.predictions.outlook import Outlook
from signals.rounds import Chore
from signals.upkeep import Upkeep
from signals.worth.outcome_learning import OutcomeLearning
from store.engine import Database


def build_outlook(
    settings: Settings,
    database: Database,
    book: CustomerBook,
    signals: SignalParts | None,
    *,
    encoder: Encoder | None,
    clock: Clock,
) -> Outlook:
    """The parts; without ``signals`` nothing is seen to, and what was found before is shown.

    ``encoder`` is what outcomes are learnt with.
    """
    asked, duties = settings.outlook, Duties(database, clock=clock)
    outlook = Outlook(
        duties=duties,
        churn=ChurnWatch(database, book, duties),
        contacts=ContactOutlook(database, Staffing(ZoneInfo(asked.timezone), asked.capacity, asked.country)),
        incidents=IncidentWatch(database, duties, false_alarms=asked.false_alarms_a_month),
    )
    if signals is None or asked.night is None:
        return outlook
    keeping = Upkeep(
        database,
        signals.store,
        signals.judgements,
        signals.customers,
        nurture=signals.nurture,
        learning=_learning(settings, database, signals, encoder),
        precision=signals.precision_target,
    )
    every = timedelta(minutes=asked.incidents_every_minutes)
    return Outlook(
        duties=duties,
        churn=outlook.churn,
        contacts=outlook.contacts,
        incidents=outlook.incidents,
        chores=_chores(outlook, keeping, night=asked.night, every=every),
    )


def _chores(outlook: Outlook, keeping: Upkeep, *, night: time, every: timedelta) -> Sequence[Chore]:
    return (
        Chore(incident_watch.BASELINE_DUTY, outlook.incidents.learn, night),
        Chore(incident_watch.DUTY, outlook.incidents.look, every),
        Chore(upkeep.DUTY, keeping.see_to, night),
        Chore(contact_outlook.DUTY, outlook.contacts.refresh, night),
        Chore(churn_watch.DUTY, outlook.churn.fit, night),
    )


def _learning(
    settings: Settings, database: Database, signals: SignalParts, encoder: Encoder | None
) -> OutcomeLearning | None:
    if encoder is None or signals.worth is None or signals.circumstances is None:
        return None
    return OutcomeLearning(
        database,
        signals.judgements,
        signals.circumstances,
        signals.worth,
        encoder,
        aims=aims(settings),
    )
