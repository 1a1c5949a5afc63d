"""What happened with customers: one timeline, feedback, consent, journey, health."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api import customer_history_models as models
from api.auth import Caller
from api.customer_models import Customer
from api.deps import (
    BookDep,
    CustomerPath,
    CustomersReader,
    CustomersWriter,
    Limit,
    ServicesDep,
)
from api.idempotency import OnceDep
from api.problems import CONFLICT, NOT_FOUND, problems
from api.state import Services
from customers import (
    ConsentChannel,
    CustomerBook,
    EventId,
    EventKind,
    Feedback,
    NewConsent,
    NewEvent,
    Purpose,
)
from customers.timeline import set_by_hand
from kit.ids import CustomerId, WorkspaceId, new_id
from signals.parts import SignalParts

# Events that rules of behaviour read, and that come without a message.
_BEHAVIOUR = frozenset({EventKind.USAGE, EventKind.PAYMENT})

router = APIRouter(prefix="/v1/customers", tags=["customers"], responses=problems(NOT_FOUND, CONFLICT))


@router.get("/{customer_id}/timeline", operation_id="list_events")
async def list_events(
    *,
    caller: CustomersReader,
    services: ServicesDep,
    book: BookDep,
    customer_id: CustomerPath,
    kind: Annotated[list[EventKind] | None, Query(description="Several may be given.")] = None,
    before: Annotated[
        str | None, Query(pattern="^[A-Za-z0-9_-]{1,40}$", description="`next` of a page.")
    ] = None,
    limit: Limit = 50,
) -> models.Timeline:
    """What happened with a customer on every channel, the last first."""
    async with services.database.read() as connection:
        found = await book.directory.get(connection, caller.workspace_id, customer_id)
        events = await book.timeline.page(
            connection,
            caller.workspace_id,
            found.id,
            kinds=kind or (),
            before=None if before is None else EventId(before),
            limit=limit,
        )
    items = [models.Event.of(event) for event in events]
    return models.Timeline(items=items, next=items[-1].id if len(items) == limit else None)


@router.post(
    "/{customer_id}/events",
    operation_id="record_event",
    status_code=201,
    response_model=models.RecordedEvent,
)
async def record_event(
    *,
    caller: CustomersWriter,
    services: ServicesDep,
    book: BookDep,
    once: OnceDep,
    customer_id: CustomerPath,
    body: models.NewEvent,
) -> Response:
    """Record what happened; it may move the customer along its journey.

    One with the same `source` and `external_id` that is there already is given back as it is, with
    `created` false.
    """
    event = NewEvent(
        body.kind,
        body.name,
        body.source,
        body.external_id or new_id("ext"),
        body.occurred_at or services.clock.now(),
        score=body.score,
        payload={**body.payload, **({} if body.text is None else {"text": body.text})},
    )
    return await once(_recorder(services, book, caller, customer_id, event))


@router.post(
    "/{customer_id}/feedback",
    operation_id="add_feedback",
    status_code=201,
    response_model=models.RecordedEvent,
)
async def add_feedback(
    *,
    caller: CustomersWriter,
    services: ServicesDep,
    book: BookDep,
    once: OnceDep,
    customer_id: CustomerPath,
    body: models.NewFeedback,
) -> Response:
    """Record an answer to CSAT or NPS, or a review. A score that is not on its scale is refused."""
    said = Feedback(
        body.kind,
        body.score,
        body.source,
        body.external_id or new_id("ext"),
        body.occurred_at or services.clock.now(),
        comment=body.comment,
        about=body.about,
    )
    return await once(_recorder(services, book, caller, customer_id, said.event()))


@router.get("/{customer_id}/consents", operation_id="list_consents")
async def list_consents(
    caller: CustomersReader, services: ServicesDep, book: BookDep, customer_id: CustomerPath
) -> models.ConsentList:
    """Every word of a customer on being contacted, in the order of recording."""
    async with services.database.read() as connection:
        found = await book.directory.get(connection, caller.workspace_id, customer_id)
        history = await book.consents.history(connection, caller.workspace_id, found.id)
    return models.ConsentList(items=[models.Consent.of(record) for record in history.records])


@router.post(
    "/{customer_id}/consents",
    operation_id="record_consent",
    status_code=201,
    response_model=models.Consent,
)
async def record_consent(
    *,
    caller: CustomersWriter,
    services: ServicesDep,
    book: BookDep,
    once: OnceDep,
    customer_id: CustomerPath,
    body: models.NewConsent,
) -> Response:
    """Record a word of a customer. Nothing is overwritten: the newest word wins, and older ones stay."""

    async def produce() -> models.Consent:
        now = services.clock.now()
        said = NewConsent(body.purpose, body.channel, body.state, body.source, body.at or now)
        async with services.database.write() as connection:
            record = await book.consent(connection, caller.workspace_id, customer_id, said, now=now)
            await _leave_sequences(services, connection, caller.workspace_id, customer_id)
        return models.Consent.of(record)

    return await once(produce)


@router.get("/{customer_id}/contact", operation_id="check_contact")
async def check_contact(
    *,
    caller: CustomersReader,
    services: ServicesDep,
    book: BookDep,
    customer_id: CustomerPath,
    purpose: Purpose,
    channel: ConsentChannel,
) -> models.Contact:
    """Whether the customer may be contacted now for a purpose on a channel, and why."""
    async with services.database.read() as connection:
        decision = await book.may_contact(
            connection, caller.workspace_id, customer_id, purpose, channel, at=services.clock.now()
        )
    return models.Contact.of(decision)


@router.put("/{customer_id}/do-not-sell", operation_id="set_do_not_sell")
async def set_do_not_sell(
    *,
    caller: CustomersWriter,
    services: ServicesDep,
    book: BookDep,
    customer_id: CustomerPath,
    body: models.DoNotSell,
) -> Customer:
    """Say that the customer forbids, or permits again, that data about them is passed on."""
    async with services.database.write() as connection:
        changed = await book.set_do_not_sell(
            connection,
            caller.workspace_id,
            customer_id,
            value=body.do_not_sell,
            source=body.source,
            now=services.clock.now(),
        )
        await _leave_sequences(services, connection, caller.workspace_id, customer_id)
    return Customer.of(changed)


async def _leave_sequences(
    services: Services, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
) -> None:
    """Take a customer who agrees to no marketing by e-mail (any more) out of every sequence of it."""
    nurture, now = None if services.signals is None else services.signals.nurture, services.clock.now()
    if nurture is None:
        return
    agrees = await services.customers.may_contact(
        connection, workspace, customer, Purpose.MARKETING, ConsentChannel.EMAIL, at=now
    )
    if not agrees.allowed:
        known = await services.customers.directory.get(connection, workspace, customer)
        await nurture.consent_withdrawn(connection, workspace, known.id, at=now)


@router.get("/{customer_id}/journey", operation_id="get_journey")
async def get_journey(
    caller: CustomersReader, services: ServicesDep, book: BookDep, customer_id: CustomerPath
) -> models.Journey:
    """Where the customer stands, and which events led there."""
    async with services.database.read() as connection:
        found = await book.directory.get(connection, caller.workspace_id, customer_id)
        moves = await book.stages.history(connection, caller.workspace_id, found.id)
    return models.Journey(stage=found.stage, moves=[models.Move.of(move) for move in moves])


@router.post(
    "/{customer_id}/journey",
    operation_id="set_stage",
    status_code=201,
    response_model=models.RecordedEvent,
)
async def set_stage(
    *,
    caller: CustomersWriter,
    services: ServicesDep,
    book: BookDep,
    once: OnceDep,
    customer_id: CustomerPath,
    body: models.NewStage,
) -> Response:
    """Say where the customer stands, whatever the rules say; events move them on from there."""
    event = set_by_hand(
        body.stage,
        source=caller.id,
        external_id=new_id("ext"),
        reason=body.reason,
        at=services.clock.now(),
    )
    return await once(_recorder(services, book, caller, customer_id, event))


@router.get("/{customer_id}/health", operation_id="get_customer_health")
async def get_customer_health(
    caller: CustomersReader, services: ServicesDep, book: BookDep, customer_id: CustomerPath
) -> models.Health:
    """How well the customer is, from 0 to 100, with its parts; those nothing is known of do not count."""
    async with services.database.read() as connection:
        found = await book.health(connection, caller.workspace_id, customer_id, at=services.clock.now())
    return models.Health.of(found)


def _recorder(
    services: Services, book: CustomerBook, caller: Caller, customer: CustomerId, event: NewEvent
) -> Callable[[], Awaitable[models.RecordedEvent]]:
    async def produce() -> models.RecordedEvent:
        async with services.database.write() as connection:
            stored, made = await book.record(
                connection, caller.workspace_id, customer, event, now=services.clock.now()
            )
            if made and stored.kind in _BEHAVIOUR and services.signals is not None:
                await _look_back(services, services.signals, connection, caller.workspace_id, stored.customer)
            found = await book.directory.get(connection, caller.workspace_id, customer)
        return models.RecordedEvent(created=made, event=models.Event.of(stored), stage=found.stage)

    return produce


async def _look_back(
    services: Services,
    signals: SignalParts,
    connection: AsyncConnection,
    workspace: WorkspaceId,
    customer: CustomerId,
) -> None:
    """Raise the signals that what the customer did amounts to now."""
    known = await signals.customers.get(connection, workspace, customer)
    if known is not None:
        await signals.intake.look_back(connection, workspace, known, at=services.clock.now())
