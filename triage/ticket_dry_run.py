"""What other rules would have done with the tickets that are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triage.criteria import EntityIs
from triage.dry_run import EXAMPLES, Comparison, DryRun, RoutableTicket
from triage.entities import EntityFinder
from triage.errors import RoutingInvalid
from triage.labels import Priority
from triage.routing import Router
from triage.stored_labels import told, triage_of
from triage.stored_tickets import Selection, StoredTickets
from triage.tickets import Ticket


@dataclass(frozen=True, slots=True)
class TicketDryRun:
    """The outcome, without the tickets that nobody has triaged yet."""

    outcome: DryRun
    not_triaged: int


async def dry_run_of_tickets(
    stored: StoredTickets,
    selection: Selection,
    current: Router | None,
    proposed: Router,
    *,
    finder: EntityFinder,
    most: int | None = None,
    examples: int = EXAMPLES,
    advance: Callable[[int], None] = lambda _: None,
) -> TicketDryRun:
    """The newest ``most`` tickets, as triage saw them then, through ``proposed``.

    They are compared with what ``current`` rules do or, without, with where they are now. ``finder`` is
    asked where rules ask for entities, which are not stored. Raises ``RoutingInvalid`` for promises that no
    calendar can keep.
    """
    comparison, not_triaged = Comparison(current, proposed, examples=examples), 0
    entities = finder if any(map(asks_for_entities, filter(None, (current, proposed)))) else None
    async for wanted, tickets in stored.pages(await stored.ids(selection, most=most)):
        labelled = [ticket for ticket in tickets if ticket.labels]
        not_triaged += len(tickets) - len(labelled)
        await asyncio.to_thread(_compare, comparison, labelled, entities)
        advance(len(wanted))
    return TicketDryRun(comparison.result(), not_triaged)


def asks_for_entities(router: Router) -> bool:
    """Whether one of the rules looks at what a message names."""
    return any(isinstance(part, EntityIs) for rule in router.rules for part in rule.when.within())


def count(comparison: Comparison, ticket: RoutableTicket) -> None:
    """Add ``ticket``. Raises ``RoutingInvalid`` where a promise leads beyond the calendar."""
    try:
        comparison.add(ticket)
    except OverflowError:
        raise RoutingInvalid(
            "A promise ends after the year 9999. Shorten it, or open its calendar."
        ) from None


def _compare(comparison: Comparison, tickets: Sequence[Ticket], finder: EntityFinder | None) -> None:
    for ticket in tickets:
        count(comparison, _routable(ticket, finder))


def _routable(ticket: Ticket, finder: EntityFinder | None) -> RoutableTicket:
    named = finder.find(ticket.text, today=ticket.created_at.date()) if finder is not None else ()
    priority = told(ticket.labels, ticket.final_labels)["priority"]
    return RoutableTicket(
        ticket.id,
        triage_of(ticket.labels, model=ticket.model or "", entities=named),
        ticket.created_at,
        facts=ticket.customer,
        channel=ticket.channel,
        queue=ticket.queue,
        priority=None if priority is None else Priority(priority),
    )
