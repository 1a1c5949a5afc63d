"""Signals: what sales, customer success and marketing are told, and what they say became of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api import signal_models as models
from api.deps import Limit, ServicesDep, SignalPath, SignalReader, SignalsDep, SignalWriter
from api.idempotency import OnceDep
from api.precision_models import PrecisionReport
from api.problems import CONFLICT, NOT_FOUND, problems
from api.ticket_models import Moment
from kit.ids import ConversationId, CustomerId, SignalId
from signals.outcomes import NewOutcome
from signals.precision import report
from signals.signal import SignalKind, SignalState, Team
from signals.store import SignalFilter

router = APIRouter(prefix="/v1/signals", tags=["signals"], responses=problems(NOT_FOUND))

_ID = "^[A-Za-z0-9_-]{1,40}$"
Id = Annotated[str | None, Query(pattern=_ID)]


@router.get("", operation_id="list_signals")
async def list_signals(
    *,
    caller: SignalReader,
    services: ServicesDep,
    signals: SignalsDep,
    kind: SignalKind | None = None,
    team: Team | None = None,
    state: SignalState | None = None,
    customer: Id = None,
    conversation: Id = None,
    owner: Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[^\x00]*$")] = None,
    at_least: Annotated[float | None, Query(ge=0, le=1, description="Least probability.")] = None,
    since: Annotated[Moment | None, Query(description="Raised then or later.")] = None,
    before: Annotated[str | None, Query(pattern=_ID, description="`next` of a page.")] = None,
    limit: Limit = 50,
) -> models.SignalPage:
    """Signals, youngest first."""
    matching = SignalFilter(
        kind=kind,
        team=team,
        state=state,
        customer=None if customer is None else CustomerId(customer),
        conversation=None if conversation is None else ConversationId(conversation),
        owner=owner,
        at_least=at_least,
        since=since,
    )
    async with services.database.read() as connection:
        found = await signals.store.page(
            connection,
            caller.workspace_id,
            matching=matching,
            before=None if before is None else SignalId(before),
            limit=limit,
        )
    items = [models.Signal.of(signal) for signal in found]
    return models.SignalPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/precision", operation_id="report_signal_precision")
async def report_precision(
    *,
    caller: SignalReader,
    services: ServicesDep,
    signals: SignalsDep,
    since: Annotated[Moment | None, Query(description="Of signals raised then or later.")] = None,
) -> PrecisionReport:
    """How often signals were right, what they brought, and how long it took."""
    async with services.database.read() as connection:
        judged = await signals.judgements.judged(connection, caller.workspace_id, since=since)
    return PrecisionReport.of(report(judged))


@router.get("/disputes", operation_id="list_disputes")
async def list_disputes(
    caller: SignalReader, services: ServicesDep, signals: SignalsDep
) -> models.OutcomeList:
    """Outcomes that somebody disputes and nobody has reviewed, the oldest dispute first."""
    async with services.database.read() as connection:
        found = await signals.outcomes.disputed(connection, caller.workspace_id)
    return models.OutcomeList(items=[models.Outcome.of(outcome) for outcome in found])


@router.get("/thresholds", operation_id="get_signal_thresholds")
async def get_thresholds(
    caller: SignalReader, services: ServicesDep, signals: SignalsDep
) -> models.Thresholds:
    """From which probability on each kind is told, and how it came to that."""
    thresholds = signals.judgements.thresholds
    async with services.database.read() as connection:
        current = await thresholds.current(connection, caller.workspace_id)
        history = await thresholds.history(connection, caller.workspace_id)
    return models.Thresholds(
        precision_target=signals.precision_target,
        current=current,
        history=[models.Threshold.of(change) for change in history],
    )


@router.put("/thresholds", operation_id="set_signal_threshold")
async def set_threshold(
    *,
    caller: SignalWriter,
    services: ServicesDep,
    signals: SignalsDep,
    body: models.NewThreshold,
) -> models.Threshold:
    """Set the threshold of a kind; outcomes go on moving it from there."""
    async with services.database.write() as connection:
        change = await signals.judgements.thresholds.change(
            connection,
            caller.workspace_id,
            body.kind,
            body.threshold,
            who=caller.id,
            because={} if body.reason is None else {"reason": body.reason},
            at=services.clock.now(),
        )
    return models.Threshold.of(change)


@router.post("/thresholds/tune", operation_id="tune_signal_thresholds")
async def tune_thresholds(caller: SignalWriter, services: ServicesDep, signals: SignalsDep) -> models.Tuning:
    """Move thresholds as outcomes say, toward the precision that the operator asks for."""
    async with services.database.write() as connection:
        found = await signals.judgements.tune(
            connection, caller.workspace_id, target=signals.precision_target, at=services.clock.now()
        )
    return models.Tuning(items=[models.TunedThreshold.of(one) for one in found])


@router.get("/{signal_id}", operation_id="get_signal")
async def get_signal(
    caller: SignalReader, services: ServicesDep, signals: SignalsDep, signal_id: SignalPath
) -> models.Signal:
    """One signal as it stands."""
    async with services.database.read() as connection:
        return models.Signal.of(await signals.store.get(connection, caller.workspace_id, signal_id))


@router.get("/{signal_id}/outcomes", operation_id="list_outcomes")
async def list_outcomes(
    caller: SignalReader, services: ServicesDep, signals: SignalsDep, signal_id: SignalPath
) -> models.OutcomeList:
    """Everything that was said to have become of a signal, oldest first."""
    async with services.database.read() as connection:
        await signals.store.get(connection, caller.workspace_id, signal_id)
        found = await signals.outcomes.of_signal(connection, caller.workspace_id, signal_id)
    return models.OutcomeList(items=[models.Outcome.of(outcome) for outcome in found])


@router.post(
    "/{signal_id}/outcomes",
    operation_id="record_outcome",
    status_code=201,
    response_model=models.RecordedOutcome,
)
async def record_outcome(
    *,
    caller: SignalWriter,
    services: ServicesDep,
    signals: SignalsDep,
    once: OnceDep,
    signal_id: SignalPath,
    body: models.NewOutcome,
) -> Response:
    """Say what became of a signal. All but `in_progress` close it."""

    async def produce() -> models.RecordedOutcome:
        now = services.clock.now()
        said = NewOutcome(
            body.outcome,
            body.source,
            body.at or now,
            amount=body.amount,
            currency=body.currency,
            reason=body.reason,
            who=caller.id,
            external_id=body.external_id,
        )
        async with services.database.write() as connection:
            signal, outcome = await signals.outcomes.record(
                connection, caller.workspace_id, signal_id, said, at=now
            )
        return models.RecordedOutcome(signal=models.Signal.of(signal), outcome=models.Outcome.of(outcome))

    return await once(produce)


@router.post("/{signal_id}/dispute", operation_id="dispute_outcome", responses=problems(NOT_FOUND, CONFLICT))
async def dispute_outcome(
    *,
    caller: SignalWriter,
    services: ServicesDep,
    signals: SignalsDep,
    signal_id: SignalPath,
    body: models.NewDispute,
) -> models.Outcome:
    """Say that the last outcome is not so: it counts nowhere until somebody reviews it."""
    async with services.database.write() as connection:
        outcome = await signals.outcomes.dispute(
            connection,
            caller.workspace_id,
            signal_id,
            who=caller.id,
            reason=body.reason,
            at=services.clock.now(),
        )
    return models.Outcome.of(outcome)


@router.post("/{signal_id}/review", operation_id="review_outcome", responses=problems(NOT_FOUND, CONFLICT))
async def review_outcome(
    *,
    caller: SignalWriter,
    services: ServicesDep,
    signals: SignalsDep,
    signal_id: SignalPath,
    body: models.NewReview,
) -> models.Outcome:
    """End a dispute: the outcome stands, or another takes its place."""
    async with services.database.write() as connection:
        outcome = await signals.outcomes.review(
            connection,
            caller.workspace_id,
            signal_id,
            who=caller.id,
            became=body.became,
            at=services.clock.now(),
        )
    return models.Outcome.of(outcome)


@router.get("/{signal_id}/next-action", operation_id="get_next_action")
async def get_next_action(
    caller: SignalReader, services: ServicesDep, signals: SignalsDep, signal_id: SignalPath
) -> models.NextAction:
    """What to offer the customer or do about them, and why nothing else."""
    async with services.database.read() as connection:
        found = await signals.next_action(connection, caller.workspace_id, signal_id, at=services.clock.now())
    return models.NextAction.of(found, currency=signals.catalogue.currency)
