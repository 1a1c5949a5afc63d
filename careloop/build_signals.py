"""The parts of signals, made from the settings."""

from __future__ import annotations

from bot.turn_signals import TurnSignals
from careloop.build_claims import warn_of_texts
from careloop.settings import Settings
from customers import CustomerBook
from inference.embeddings import EncoderEmbeddings, Vector
from kit.clock import Clock
from signals import behaviour, catalogue, nurture, routing, scoring
from signals.brand.brands import Brands
from signals.enrolments import Nurture
from signals.intake import SignalIntake
from signals.judgements import Judgements
from signals.known_customers import KnownCustomers
from signals.nurture import NurtureOutbox
from signals.outbox import Outbox
from signals.outcomes import OutcomeStore
from signals.parts import SignalParts
from signals.store import SignalStore
from signals.ticket_signals import TicketSignals
from signals.worth.circumstances import CircumstanceStore
from signals.worth.worth_filter import Vectorise, WorthFilter
from signals.worth.worth_learning import Aims
from signals.worth.worth_store import WorthStore
from store.encryption import Cipher


def build_signals(
    settings: Settings,
    book: CustomerBook,
    cipher: Cipher,
    *,
    clock: Clock,
    outbox: Outbox | None = None,
    nurture_outbox: NurtureOutbox | None = None,
    brands: Brands | None = None,
    embeddings: EncoderEmbeddings | None = None,
) -> SignalParts | None:
    """The parts; none where signals or triage are off. ``outbox`` is who has to be told of each.

    ``nurture_outbox`` is who carries out who enters sequences of marketing, and who leaves;
    ``brands`` know what offers and sequences may say. Without ``embeddings`` what outcomes taught is left
    out.

    Raises ``SignalDataInvalid`` for rules, scores or a catalogue that cannot be used.
    """
    asked = settings.signals
    if not (asked.enabled and settings.triage.enabled):
        return None
    known, store = KnownCustomers(book, clock), SignalStore(cipher)
    sequences = nurture.read_nurture(asked.nurture or nurture.SHIPPED)
    approved = brands or Brands()
    enrolling = None
    if nurture_outbox is not None:
        # Where the tool of a sequence is not on, nobody can be let in.
        possible = sequences.of_targets(settings.connectors)
        enrolling = Nurture(possible, nurture_outbox, brands=approved)
    rules = routing.read_rules(asked.routing or routing.SHIPPED)
    offers = catalogue.read_catalogue(asked.catalogue or catalogue.SHIPPED)
    warn_of_texts(approved, offers, sequences, rules, at=clock.now())
    outcomes = OutcomeStore(cipher, store, nurture=enrolling)
    circumstances = CircumstanceStore(cipher)
    worth = None if embeddings is None else WorthStore(embeddings.identity)
    return SignalParts(
        store=store,
        outcomes=outcomes,
        judgements=Judgements(cipher, store, outcomes),
        intake=SignalIntake(
            store,
            known,
            rules=rules,
            scoring=scoring.read_scoring(asked.scoring or scoring.SHIPPED),
            behaviour=behaviour.read_behaviour(asked.behaviour or behaviour.SHIPPED),
            outbox=outbox,
            nurture=enrolling,
            worth=None
            if embeddings is None or worth is None
            else WorthFilter(
                worth, circumstances, vectoriser(embeddings), facts=asked.learn_from, aims=aims(settings)
            ),
        ),
        customers=known,
        catalogue=offers,
        precision_target=asked.precision_target,
        nurture=enrolling,
        brands=approved,
        worth=worth,
        circumstances=circumstances,
    )


def aims(settings: Settings) -> Aims:
    """What outcomes are learnt for."""
    asked = settings.signals
    return Aims(precision=asked.precision_target, recall=asked.least_recall, looks=asked.looks)


def vectoriser(embeddings: EncoderEmbeddings) -> Vectorise:
    """What gives the vector of a text."""

    async def vectorise(text: str) -> Vector:
        vector: Vector = (await embeddings.encode_queries([text]))[0]
        return vector

    return vectorise


def turn_signals(settings: Settings, parts: SignalParts) -> TurnSignals:
    """What makes signals of the turns of conversations."""
    return TurnSignals(parts.intake, parts.customers, base_url=settings.signals.public_url)


def ticket_signals(settings: Settings, parts: SignalParts) -> TicketSignals:
    """What makes signals of tickets."""
    return TicketSignals(parts.intake, parts.customers, base_url=settings.signals.public_url)
