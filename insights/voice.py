"""The voice of the customer: how they feel, in figures and in their own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers import EventKind
from customers.feedback import FeedbackKind, feedback_kind
from insights.contact import Contact, Turn
from insights.digest import Survey, Voice
from insights.growth import share_difference
from insights.history import Counts
from insights.quotes import Quote, Quoter, few
from insights.week import Period
from kit.ids import WorkspaceId
from signals.precision import wilson
from signals.signal import SignalKind
from store.tables import customer_events

_SHOWN = 4
_HAPPY = 0.4  # sentiment from which on a message is praise without being a recommendation
_LEAST_WORDS = 5  # "thanks, great!" is manners
_PROMOTER, _DETRACTOR = 9, 6  # of NPS (Reichheld 2003)


def voice(
    contacts: Sequence[Contact],
    before: Sequence[Counts],
    surveys: tuple[Survey, ...],
    *,
    thresholds: Mapping[SignalKind, float],
    quoter: Quoter,
) -> Voice:
    """What customers of the week feel, and a few who say so best."""
    triaged = [contact for contact in contacts if contact.sentiment is not None]
    unhappy = sum(contact.is_unhappy for contact in triaged)
    usual = (sum(week.unhappy for week in before), sum(week.triaged for week in before))
    return Voice(
        unhappy=wilson(unhappy, len(triaged)) if triaged else None,
        change=share_difference(unhappy, len(triaged), *usual),
        praise=_praise(contacts, thresholds[SignalKind.ADVOCACY], quoter),
        complaints=_complaints(contacts, quoter),
        surveys=surveys,
    )


async def surveys_of(
    connection: AsyncConnection, workspace: WorkspaceId, period: Period
) -> tuple[Survey, ...]:
    """What customers answered to CSAT and NPS, and in reviews, in ``period``."""
    query = select(customer_events.c.kind, customer_events.c.name, customer_events.c.score).where(
        customer_events.c.workspace_id == workspace,
        customer_events.c.kind.in_([EventKind.SURVEY, EventKind.REVIEW]),
        customer_events.c.score.is_not(None),
        customer_events.c.occurred_at >= period.start,
        customer_events.c.occurred_at < period.end,
    )
    scores: dict[FeedbackKind, list[float]] = {}
    for row in await connection.execute(query):
        kind = feedback_kind(EventKind(row.kind), row.name)
        if kind is not None:
            scores.setdefault(kind, []).append(row.score)
    return tuple(_survey(kind, scores[kind]) for kind in FeedbackKind if kind in scores)


def _survey(kind: FeedbackKind, scores: Sequence[float]) -> Survey:
    nps = None
    if kind is FeedbackKind.NPS:
        promoters = sum(score >= _PROMOTER for score in scores)
        nps = 100 * (promoters - sum(score <= _DETRACTOR for score in scores)) / len(scores)
    return Survey(str(kind), len(scores), sum(scores) / len(scores), nps)


def _praise(contacts: Sequence[Contact], threshold: float, quoter: Quoter) -> tuple[Quote, ...]:
    """Recommendations first, then what was said most happily."""
    said = []
    for contact in contacts:
        heard = contact.heard(SignalKind.ADVOCACY, threshold)
        happiest = max(_long(contact), key=lambda turn: turn.sentiment or 0.0, default=None)
        if heard is not None:
            said.append((1 + heard[1].probability, contact, heard[0], heard[1].spans))
        elif happiest is not None and (happiest.sentiment or 0.0) >= _HAPPY:
            said.append((happiest.sentiment or 0.0, contact, happiest, ()))
    said.sort(key=lambda one: -one[0])
    return few((quoter.quote(contact, turn, spans) for _, contact, turn, spans in said), _SHOWN)


def _complaints(contacts: Sequence[Contact], quoter: Quoter) -> tuple[Quote, ...]:
    """What was said most unhappily, one of each contact."""
    said = []
    for contact in contacts:
        worst = min(_long(contact), key=lambda turn: turn.sentiment or 0.0, default=None)
        if worst is not None and worst.is_unhappy:
            said.append((worst.sentiment or 0.0, contact, worst))
    said.sort(key=lambda one: one[0])
    return few((quoter.quote(contact, turn) for _, contact, turn in said), _SHOWN)


def _long(contact: Contact) -> list[Turn]:
    return [
        turn
        for turn in contact.turns
        if turn.sentiment is not None and len(turn.text.split()) >= _LEAST_WORDS
    ]
