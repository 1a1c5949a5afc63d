"""A ticket's routing, which is stored among its labels: where the rules sent it when it came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from api import ticket_models as models
from api.triage_models import Routing, TriageLabels, quoted, unquoted
from store.tables import tickets as table
from triage.corrections import LabelKind
from triage.labels import Priority
from triage.routing import Routing as Decided
from triage.tickets import Ticket

_ROUTING, _BY_MODEL = "routing", "queue_by_model"


async def store_routing(connection: AsyncConnection, ticket: Ticket, routing: Decided) -> Ticket:
    """Keep ``routing`` of a ticket that was labelled just now; its queue becomes the ticket's.

    The rules' queue takes the place of the models' in ``labels``, so that lists, and what a correction says
    it was before, go by it.
    """
    by_model = ticket.labels["queue"]
    queue = by_model if by_model["name"] == routing.queue else _decided(routing.queue)
    record = unquoted(Routing.of(routing).model_dump(mode="json"))
    labels = {**ticket.labels, "queue": queue, _BY_MODEL: by_model, _ROUTING: record}
    said = ticket.final_labels.get(LabelKind.QUEUE, routing.queue)
    await connection.execute(
        update(table)
        .where(table.c.workspace_id == ticket.workspace_id, table.c.id == ticket.id)
        .values(labels=labels, queue=said)
    )
    return replace(ticket, labels=labels, queue=said)


def as_sent(ticket: Ticket) -> models.Ticket:
    """``ticket`` as it is sent."""
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
        created_at=ticket.created_at,
        updated_at=ticket.updated_at,
    )


def _labels(ticket: Ticket) -> TriageLabels | None:
    if not ticket.labels:
        return None
    queue = ticket.labels.get(_BY_MODEL, ticket.labels["queue"])
    record = {name: value for name, value in ticket.labels.items() if name not in {_ROUTING, _BY_MODEL}}
    return TriageLabels.of_record({**record, "queue": queue}, model=ticket.model or "", text=ticket.text)


def _routing(ticket: Ticket) -> Routing | None:
    record: Mapping[str, Any] | None = ticket.labels.get(_ROUTING)
    return None if record is None else Routing.model_validate(quoted(record, ticket.text))


def _decided(queue: str) -> dict[str, Any]:
    """A label that a rule gave: no model says how likely it is right."""
    return {"name": queue, "probability": None, "evidence": []}
