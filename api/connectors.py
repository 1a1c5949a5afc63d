"""Connectors: how they fare, paused and resumed, asked for their health, their dead letters told again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api import delivery_models as models
from api.deps import DeliveryDep, ServicesDep, SignalReader, SignalWriter
from api.problems import NOT_FOUND, problems
from signals.delivery.delivery import Lane
from signals.delivery.errors import UnknownConnector

router = APIRouter(prefix="/v1/connectors", tags=["connectors"], responses=problems(NOT_FOUND))

ConnectorPath = Annotated[
    str, Path(alias="connector", pattern="^[A-Za-z0-9_-]{1,80}$", examples=["salesforce"])
]


@router.get("", operation_id="list_connectors")
async def list_connectors(
    caller: SignalReader, services: ServicesDep, delivery: DeliveryDep
) -> models.ConnectorList:
    """Every connector that is on, and every other that deliveries are left of."""
    async with services.database.read() as connection:
        found = await delivery.connectors(connection, caller.workspace_id)
    return models.ConnectorList(items=[models.Connector.of(one) for one in found.values()])


@router.post("/{connector}/pause", operation_id="pause_connector")
async def pause_connector(
    caller: SignalWriter, services: ServicesDep, delivery: DeliveryDep, connector: ConnectorPath
) -> models.Connector:
    """Tell it nothing until it is resumed; what is under way ends. Doing it twice changes nothing."""
    now = services.clock.now()
    async with services.database.write() as connection:
        found = await delivery.pause(connection, caller.workspace_id, connector, by=caller.id, at=now)
    return models.Connector.of(found)


@router.post("/{connector}/resume", operation_id="resume_connector")
async def resume_connector(
    caller: SignalWriter, services: ServicesDep, delivery: DeliveryDep, connector: ConnectorPath
) -> models.Connector:
    """Go on where it was paused."""
    async with services.database.write() as connection:
        return models.Connector.of(await delivery.resume(connection, caller.workspace_id, connector))


@router.post("/{connector}/check", operation_id="check_connector")
async def check_connector(
    caller: SignalWriter, services: ServicesDep, delivery: DeliveryDep, connector: ConnectorPath
) -> models.Connector:
    """Ask the target whether it answers and takes the credentials; nothing is written there."""
    target = delivery.targets.of(caller.workspace_id).get(connector)
    if target is None:
        raise UnknownConnector(f"No connector named {connector} is on.")
    health = await target.connector.health()
    async with services.database.write() as connection:
        lane = Lane(caller.workspace_id, connector)
        await delivery.states.note_health(connection, lane, health, at=services.clock.now())
        return models.Connector.of(await delivery.connector(connection, caller.workspace_id, connector))


@router.post("/{connector}/replay", operation_id="replay_connector")
async def replay_connector(
    caller: SignalWriter, services: ServicesDep, delivery: DeliveryDep, connector: ConnectorPath
) -> models.Replayed:
    """Queue every dead letter of the connector again, each customer's in their order."""
    async with services.database.write() as connection:
        number = await delivery.replay_all(
            connection, caller.workspace_id, connector, at=services.clock.now()
        )
    return models.Replayed(deliveries=number)
