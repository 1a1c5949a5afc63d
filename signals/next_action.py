"""What to do next about a customer: the offer that answers best what was heard, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from signals.catalogue import Catalogue, Offer, OfferKind
from signals.conditions import judge, reasons
from signals.customer import KnownCustomer
from signals.signal import Signal, SignalKind

# While one of these is open, whoever sells makes it worse.
_COMPLAINTS = {
    SignalKind.ESCALATION_RISK: "a complaint may escalate",
    SignalKind.LEGAL_OR_PRIVACY: "a legal or privacy matter is open",
    SignalKind.UNRESOLVED_TWICE: "what they asked for is unresolved",
}
_OPEN_COMPLAINTS = "open_complaints"  # the fact that counts those that a helpdesk knows of


Objections = Callable[[Offer], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offer with what it is ``worth``: how well it answers the signals, times how likely they are.

    ``against`` are the reasons not to make it; ``because`` those to.
    """

    offer: Offer
    worth: float
    because: tuple[str, ...]
    against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to do: an ``action`` in words, the offer in it if any, and why each other offer was not it.

    The action names the purposes and channels that the customer agreed to: the offer is for these alone.
    """

    action: str
    chosen: Candidate | None
    rejected: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when somebody asks: the customer, what is open, when they refused to buy last."""

    customer: KnownCustomer
    open_signals: Mapping[SignalKind, Signal]
    last_refusal: datetime | None = None


def recommend(
    catalogue: Catalogue, situation: Situation, *, at: datetime, objections: Objections = lambda _: ()
) -> Recommendation:
    """The best offer that nothing speaks against, else what the surest open signal asks for.

    Of two that are worth the same the cheaper is chosen. ``objections`` are the brand's against an offer.
    """
    judged = [_judge(offer, catalogue, situation, at, objections(offer)) for offer in catalogue.offers]
    possible = sorted(
        (one for one in judged if not one.against), key=lambda one: (-one.worth, one.offer.price)
    )
    chosen = possible[0] if possible else None
    beaten = [
        Candidate(one.offer, one.worth, one.because, (f"{possible[0].offer.name} answers it better",))
        for one in possible[1:]
    ]
    rejected = (*beaten, *(one for one in judged if one.against))
    return Recommendation(_action(chosen, situation), chosen, rejected)


def _judge(
    offer: Offer, catalogue: Catalogue, situation: Situation, at: datetime, objections: Sequence[str]
) -> Candidate:
    answered = [
        (value * situation.open_signals[kind].probability, kind)
        for kind, value in offer.answers.items()
        if kind in situation.open_signals
    ]
    worth, kind = max(answered, default=(0.0, None))
    suits = judge(offer.when, situation.customer.facts, at=at)
    against = [] if kind is not None else ["nothing that was heard asks for it"]
    if not suits.holds:
        against.append(f"not for them: {reasons(suits)}")
    against += [
        obstacle.name
        for obstacle in offer.not_when
        if judge(obstacle.when, situation.customer.facts, at=at).holds
    ]
    if not offer.holds(at.date()):
        against.append(f"only {offer.span()}")
    against += [*objections, *_obstacles(offer, catalogue, situation, at)]
    because = () if kind is None else (f"it answers {kind.replace('_', ' ')}", offer.why, reasons(suits))
    return Candidate(offer, worth, because, tuple(against))


def _obstacles(offer: Offer, catalogue: Catalogue, situation: Situation, at: datetime) -> Sequence[str]:
    """What speaks against any offer, but that who refused to buy may be asked to stay."""
    found = [] if situation.customer.may_be_offered else ["no consent to offers"]
    found += [why for kind, why in _COMPLAINTS.items() if kind in situation.open_signals]
    complaints = situation.customer.facts.get(_OPEN_COMPLAINTS)
    if isinstance(complaints, int | float) and complaints > 0:
        found.append(f"{complaints:g} open complaints")
    refused = situation.last_refusal
    if (
        offer.kind is OfferKind.SALE
        and refused is not None
        and at - refused < timedelta(days=catalogue.refusal_days)
    ):
        found.append(f"they refused on {refused.date().isoformat()}")
    return found


def _action(chosen: Candidate | None, situation: Situation) -> str:
    if chosen is not None:
        ways = " or ".join(situation.customer.offer_ways)
        return f"Offer {chosen.offer.name}{f', as {ways}' if ways else ''}."
    first = next((kind for kind in _COMPLAINTS if kind in situation.open_signals), None)
    if first is not None:
        return "Offer nothing; solve what they wrote about first."
    surest = max(situation.open_signals.values(), key=lambda one: one.probability, default=None)
    if surest is None or surest.next_action is None:
        return "Offer nothing."
    return surest.next_action
