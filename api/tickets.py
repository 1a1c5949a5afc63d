"""Tickets: triaged and routed on arrival, corrected by people, erased on demand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api import ticket_models as models
from api import wire
from api.auth import Caller
from api.deps import (
    CorrectionPath,
    Limit,
    OpinionsDep,
    ServicesDep,
    TicketPath,
    TriageDep,
    TriageReader,
    TriageWriter,
)
from api.idempotency import OnceDep
from api.opinions import Opinions
from api.problems import NOT_FOUND, problems
from api.sent_tickets import as_sent
from api.state import Services
from api.triagers import TriageParts
from kit.ids import new_id
from triage.corrections import Correction, CorrectionSource, TicketId
from triage.labels import Certainty
from triage.tickets import NewTicket, Ticket, TicketFilter

router = APIRouter(prefix="/v1/tickets", tags=["tickets"], responses=problems(NOT_FOUND))


@router.post("", operation_id="create_ticket", status_code=201, response_model=models.CreatedTicket)
async def create_ticket(
    *,
    caller: TriageWriter,
    services: ServicesDep,
    triage: TriageDep,
    opinions: OpinionsDep,
    once: OnceDep,
    body: models.NewTicket,
) -> Response:
    """Take a ticket in: it is triaged, routed and stored.

    One with the same `source` and `external_id` that is there already is given back as it is, with
    `created` false.
    """
    return await once(lambda: _create(services, triage, opinions, caller, body))


@router.get("", operation_id="list_tickets")
async def list_tickets(
    *,
    caller: TriageReader,
    services: ServicesDep,
    triage: TriageDep,
    queue: Annotated[wire.Name | None, Query(examples=["billing"])] = None,
    intent: Annotated[wire.Name | None, Query(examples=["billing.refund_request"])] = None,
    certainty: Certainty | None = None,
    since: Annotated[models.Moment | None, Query(description="Made then or later.")] = None,
    before: Annotated[
        str | None, Query(pattern="^[A-Za-z0-9_-]{1,40}$", description="`next` of a page.")
    ] = None,
    limit: Limit = 50,
) -> models.TicketPage:
    """Tickets, youngest first."""
    matching = TicketFilter(queue=queue, intent=intent, certainty=certainty, since=since)
    async with services.database.read() as connection:
        found = await triage.tickets.page(
            connection,
            caller.workspace_id,
            matching=matching,
            before=None if before is None else TicketId(before),
            limit=limit,
        )
        items = await as_sent(triage, connection, found)
    return models.TicketPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/{ticket_id}", operation_id="get_ticket")
async def get_ticket(
    caller: TriageReader, services: ServicesDep, triage: TriageDep, ticket_id: TicketPath
) -> models.Ticket:
    """One ticket as it stands."""
    async with services.database.read() as connection:
        ticket = await triage.tickets.get(connection, caller.workspace_id, ticket_id)
        return (await as_sent(triage, connection, [ticket]))[0]


@router.delete("/{ticket_id}", operation_id="erase_ticket")
async def erase_ticket(
    caller: TriageWriter, services: ServicesDep, triage: TriageDep, ticket_id: TicketPath
) -> models.ErasedTicket:
    """Erase a ticket with every correction of its text; the next learning leaves it out of the model."""
    async with services.database.write() as connection:
        erased = await triage.tickets.erase(connection, caller.workspace_id, ticket_id)
    return models.ErasedTicket(corrections=erased)


@router.post(
    "/{ticket_id}/corrections",
    operation_id="correct_ticket",
    status_code=201,
    response_model=models.CorrectedTicket,
)
async def correct_ticket(
    *,
    caller: TriageWriter,
    services: ServicesDep,
    triage: TriageDep,
    once: OnceDep,
    ticket_id: TicketPath,
    body: models.NewCorrection,
) -> Response:
    """Say what a label should have been. The ticket has it at once, the models after they have learned.

    A label that there is not is refused with a list of those that there are; `new` introduces one.
    """

    async def produce() -> models.CorrectedTicket:
        async with services.database.write() as connection:
            if body.became is not None:
                await triage.labels.check(
                    connection, caller.workspace_id, body.kind, body.became, new=body.new
                )
            ticket, correction = await triage.tickets.correct(
                connection,
                caller.workspace_id,
                ticket_id,
                kind=body.kind,
                became=body.became,
                was=body.was,
                who=caller.id,
                source=CorrectionSource.API,
                at=services.clock.now(),
            )
            return await _corrected(triage, connection, ticket, correction)

    return await once(produce)


@router.get("/{ticket_id}/corrections", operation_id="list_corrections")
async def list_corrections(
    caller: TriageReader, services: ServicesDep, triage: TriageDep, ticket_id: TicketPath
) -> models.CorrectionList:
    """Every correction of a ticket, oldest first, the withdrawn among them."""
    async with services.database.read() as connection:
        await triage.tickets.get(connection, caller.workspace_id, ticket_id)
        found = await triage.tickets.corrections.of_ticket(connection, caller.workspace_id, ticket_id)
    return models.CorrectionList(items=[models.Correction.of(correction) for correction in found])


@router.delete("/{ticket_id}/corrections/{correction_id}", operation_id="withdraw_correction")
async def withdraw_correction(
    *,
    caller: TriageWriter,
    services: ServicesDep,
    triage: TriageDep,
    ticket_id: TicketPath,
    correction_id: CorrectionPath,
) -> models.CorrectedTicket:
    """Take a correction back: the ticket has the word before it again. Doing it twice changes nothing.

    It stays on record and counts for nothing; the next learning leaves it out of the model.
    """
    async with services.database.write() as connection:
        withdrawn = await triage.tickets.withdraw(
            connection, caller.workspace_id, correction_id, ticket=ticket_id, at=services.clock.now()
        )
        ticket = await triage.tickets.get(connection, caller.workspace_id, ticket_id)
        return await _corrected(triage, connection, ticket, withdrawn)


async def _corrected(
    triage: TriageParts, connection: AsyncConnection, ticket: Ticket, correction: Correction
) -> models.CorrectedTicket:
    (sent,) = await as_sent(triage, connection, [ticket])
    return models.CorrectedTicket(correction=models.Correction.of(correction), ticket=sent)


async def _create(
    services: Services, triage: TriageParts, opinions: Opinions, caller: Caller, body: models.NewTicket
) -> models.CreatedTicket:
    """Triage first: a ticket and what is said of it are stored in one transaction, or neither is."""
    now = services.clock.now()
    (said,), _ = await triage.triagers.triage(
        caller.workspace_id, [body.message], evidence=True, today=now.date()
    )
    routing = triage.route(said, at=now, facts=body.customer, channel=body.channel)
    new = NewTicket(
        body.source,
        body.external_id or new_id("ext"),
        body.text or "",
        subject=body.subject or "",
        channel=body.channel,
        customer=body.customer,
    )
    async with services.database.write() as connection:
        ticket, made = await triage.tickets.create_or_get(connection, caller.workspace_id, new, at=now)
        labelled = not ticket.labels
        if labelled:
            ticket = await triage.tickets.set_labels(
                connection, caller.workspace_id, ticket.id, triage=said, routing=routing, at=now
            )
        (sent,) = await as_sent(triage, connection, [ticket])
    if labelled:
        opinions.consider(ticket, said)
    return models.CreatedTicket(created=made, ticket=sent)
