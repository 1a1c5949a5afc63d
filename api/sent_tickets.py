"""Tickets as they are sent: what people said of it before the rules, and the rules before the models."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from api import ticket_models as models
from api.triage_models import Routing, TriageLabels, quoted
from api.triagers import TriageParts
from triage.corrections import LabelKind
from triage.label_record import ROUTING
from triage.labels import Priority
from triage.opinion_store import StoredOpinion
from triage.tickets import Ticket


async def as_sent(
    triage: TriageParts, connection: AsyncConnection, tickets: Sequence[Ticket]
) -> list[models.Ticket]:
    """``tickets`` of one workspace as they are sent, with the second opinions on them."""
    if not tickets:
        return []
    opinions = await triage.opinions.of_tickets(
        connection, tickets[0].workspace_id, [ticket.id for ticket in tickets]
    )
    return [_as_sent(ticket, opinions.get(ticket.id)) for ticket in tickets]


def _as_sent(ticket: Ticket, opinion: StoredOpinion | None) -> models.Ticket:
    labels, routing = _labels(ticket), _routing(ticket)
    by_rules = routing.priority if routing else labels.priority.name if labels else None
    said = ticket.final_labels.get(LabelKind.PRIORITY)
    return models.Ticket(
        id=ticket.id,
        source=ticket.source,
        external_id=ticket.external_id,
        channel=ticket.channel,
        subject=ticket.subject,
        text=ticket.text,
        customer=dict(ticket.customer),
        intent=ticket.intent,
        queue=ticket.queue,
        priority=Priority(said) if said else by_rules,
        certainty=ticket.certainty,
        labels=labels,
        routing=routing,
        final_labels=dict(ticket.final_labels),
        second_opinion=None if opinion is None else models.SecondOpinion.of(opinion),
        created_at=ticket.created_at,
        updated_at=ticket.updated_at,
    )


def _labels(ticket: Ticket) -> TriageLabels | None:
    if not ticket.labels:
        return None
    record = {name: value for name, value in ticket.labels.items() if name != ROUTING}
    return TriageLabels.of_record(record, model=ticket.model or "", text=ticket.text)


def _routing(ticket: Ticket) -> Routing | None:
    return None if ticket.routing is None else Routing.model_validate(quoted(ticket.routing, ticket.text))
