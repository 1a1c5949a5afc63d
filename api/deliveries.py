"""Deliveries: what became of telling connectors of signals, and what ended badly told again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api import delivery_models as models
from api.deps import DeliveryDep, Limit, ServicesDep, SignalReader, SignalWriter
from api.problems import CONFLICT, NOT_FOUND, problems
from kit.ids import CustomerId, SignalId
from signals.delivery.delivery import DeliveryFilter, DeliveryId, DeliveryState

router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"], responses=problems(NOT_FOUND))

_ID = "^[A-Za-z0-9_-]{1,40}$"
Id = Annotated[str | None, Query(pattern=_ID)]
DeliveryPath = Annotated[DeliveryId, Path(alias="delivery_id", pattern=_ID, examples=[models.DELIVERY_ID])]


@router.get("", operation_id="list_deliveries")
async def list_deliveries(
    *,
    caller: SignalReader,
    services: ServicesDep,
    delivery: DeliveryDep,
    connector: Annotated[str | None, Query(pattern="^[A-Za-z0-9_-]{1,80}$")] = None,
    state: DeliveryState | None = None,
    signal: Id = None,
    customer: Id = None,
    before: Annotated[str | None, Query(pattern=_ID, description="`next` of a page.")] = None,
    limit: Limit = 50,
) -> models.DeliveryPage:
    """Deliveries, youngest first; those of one signal say whom it has reached."""
    matching = DeliveryFilter(
        connector=connector,
        state=state,
        signal=None if signal is None else SignalId(signal),
        customer=None if customer is None else CustomerId(customer),
    )
    async with services.database.read() as connection:
        found = await delivery.store.page(
            connection,
            caller.workspace_id,
            matching=matching,
            before=None if before is None else DeliveryId(before),
            limit=limit,
        )
    items = [models.Delivery.of(one) for one in found]
    return models.DeliveryPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/{delivery_id}", operation_id="get_delivery")
async def get_delivery(
    caller: SignalReader, services: ServicesDep, delivery: DeliveryDep, delivery_id: DeliveryPath
) -> models.Delivery:
    """One delivery as it stands."""
    async with services.database.read() as connection:
        return models.Delivery.of(await delivery.store.get(connection, caller.workspace_id, delivery_id))


@router.post("/{delivery_id}/replay", operation_id="replay_delivery", responses=problems(NOT_FOUND, CONFLICT))
async def replay_delivery(
    caller: SignalWriter, services: ServicesDep, delivery: DeliveryDep, delivery_id: DeliveryPath
) -> models.Delivery:
    """Queue a dead or stopped delivery again, under the same key; consent is asked anew."""
    async with services.database.write() as connection:
        again = await delivery.store.replay(
            connection, caller.workspace_id, delivery_id, at=services.clock.now()
        )
    return models.Delivery.of(again)
