"""Labels for tickets that are stored already, as they would get them if they came in now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from triage.label_record import ROUTING, label_record, with_routing
from triage.labels import Label, Origin, Triage
from triage.message import Message
from triage.routing import Router
from triage.tickets import Ticket
from triage.triager import Triager

Relabel = Callable[[Sequence[Ticket]], list[dict[str, Any]]]  # one record for each ticket


def relabeller(triager: Triager, router: Router | None, *, route: bool) -> Relabel:
    """What labels tickets anew.

    With ``route`` the rules say where they would go today, as of the moment they came in; without it they
    stay where the rules sent them then.
    """

    def relabel(tickets: Sequence[Ticket]) -> list[dict[str, Any]]:
        found = triager.triage([Message(ticket.text, ticket.subject) for ticket in tickets])
        return [
            _record(ticket, _as_declared(said, ticket), router if route else None, route=route)
            for ticket, said in zip(tickets, found, strict=True)
        ]

    return relabel


def _record(ticket: Ticket, said: Triage, router: Router | None, *, route: bool) -> dict[str, Any]:
    labels = label_record(said)
    if not route and ticket.routing is not None:
        return {**labels, ROUTING: ticket.routing}
    if router is None:
        return labels
    routing = router.route(said, at=ticket.created_at, facts=ticket.customer, channel=ticket.channel)
    return with_routing(labels, routing)


def _as_declared(said: Triage, ticket: Ticket) -> Triage:
    """With the origin that the headers declared when it came in: they are not stored with a ticket."""
    stored = ticket.labels.get("origin")
    if stored is None or stored["probability"] < 1 or stored["name"] == Origin.CUSTOMER:
        return said
    return replace(said, origin=Label(stored["name"], stored["probability"]))
