"""Deliveries in the database. Every function takes the connection of a running transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, delete, exists, func, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import CustomerId, SignalId, WorkspaceId
from signals.delivery.delivery import Delivery, DeliveryFilter, DeliveryId, DeliveryState, Lane
from signals.delivery.errors import NotReplayable, UnknownDelivery
from signals.delivery.settled import SETTLE, Settled, settling
from store.tables import connector_states, deliveries, signal_revisions

PENDING = or_(deliveries.c.state == DeliveryState.QUEUED, deliveries.c.state == DeliveryState.SENDING)
REPLAYABLE = (DeliveryState.DEAD, DeliveryState.STOPPED)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that somebody is at, with its signal as it is kept: encrypted."""

    delivery: Delivery
    frozen: bytes


class DeliveryStore:
    """Reads and writes deliveries; knows no connector and no consent."""

    async def is_due(self, connection: AsyncConnection, lane: Lane, *, at: datetime) -> bool:
        """Whether anything of the lane is to be told at ``at``, and the lane is not paused."""
        return bool(await connection.scalar(select(exists().where(_due(lane, at)))))

    async def claim(
        self,
        connection: AsyncConnection,
        lane: Lane,
        claim: str,
        *,
        limit: int,
        at: datetime,
        until: datetime,
    ) -> list[Claimed]:
        """Take up to ``limit`` deliveries that are due, none of whose customer an earlier one is pending.

        They are ``claim``'s until ``until``. A paused lane gives nothing.
        """
        earlier = deliveries.alias("earlier")
        waits = exists().where(
            earlier.c.workspace_id == deliveries.c.workspace_id,
            earlier.c.connector == deliveries.c.connector,
            earlier.c.customer_id == deliveries.c.customer_id,
            earlier.c.order_number < deliveries.c.order_number,
            or_(earlier.c.state == DeliveryState.QUEUED, earlier.c.state == DeliveryState.SENDING),
        )
        heads = (
            select(deliveries.c.id)
            .where(_due(lane, at), not_(waits))
            .order_by(deliveries.c.next_attempt_at, deliveries.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        taken = (
            update(deliveries)
            .where(deliveries.c.id.in_(heads.scalar_subquery()), deliveries.c.state == DeliveryState.QUEUED)
            .values(state=DeliveryState.SENDING, claimed_by=claim, claimed_until=until, updated_at=at)
            .returning(deliveries.c.id)
        )
        ids = [row.id for row in await connection.execute(taken)]
        return await self._claimed(connection, deliveries.c.id.in_(ids)) if ids else []

    async def reclaim(
        self, connection: AsyncConnection, lane: Lane, claim: str, *, at: datetime, until: datetime
    ) -> list[Claimed]:
        """What ``claim`` had taken when its process died. Each has had an attempt, for all we know."""
        theirs = and_(_of_lane(lane), deliveries.c.claimed_by == claim, _sending())
        await connection.execute(
            update(deliveries)
            .where(theirs)
            .values(attempts=deliveries.c.attempts + 1, claimed_until=until, updated_at=at)
        )
        return await self._claimed(connection, theirs)

    async def give_back(
        self, connection: AsyncConnection, claim: str, unbegun: Sequence[DeliveryId], *, at: datetime
    ) -> int:
        """Queue again what ``claim`` had taken and did not begin; how many there were."""
        theirs = and_(deliveries.c.id.in_(unbegun), deliveries.c.claimed_by == claim, _sending())
        return await self._queue_again(connection, theirs, at=at)

    async def take_over(self, connection: AsyncConnection, lane: Lane, *, at: datetime) -> int:
        """Queue again what was claimed for too long: its machine is gone for good. How many there were."""
        lost = and_(_of_lane(lane), deliveries.c.claimed_until <= at, _sending())
        return await self._queue_again(connection, lost, at=at)

    async def settle(
        self, connection: AsyncConnection, claim: str, settled: Sequence[Settled], *, at: datetime
    ) -> None:
        """Write what came of attempts. What was erased or taken over meanwhile is left as it is."""
        if settled:
            await connection.execute(SETTLE, [settling(one, claim, at=at) for one in settled])
        for one in settled:
            if one.next_attempt_at is not None:
                await self._hold_back(connection, one.delivery, one.next_attempt_at)

    async def renew(self, connection: AsyncConnection, lane: Lane, claim: str, *, until: datetime) -> None:
        """Keep what ``claim`` is at until ``until``."""
        theirs = and_(_of_lane(lane), deliveries.c.claimed_by == claim, _sending())
        await connection.execute(update(deliveries).where(theirs).values(claimed_until=until))

    async def get(
        self, connection: AsyncConnection, workspace: WorkspaceId, delivery: DeliveryId
    ) -> Delivery:
        """The delivery. Raises ``UnknownDelivery``."""
        query = _of_workspace(workspace).where(deliveries.c.id == delivery)
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise UnknownDelivery(f"There is no delivery {delivery}.")
        return _delivery(row)

    async def page(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        *,
        matching: DeliveryFilter,
        before: DeliveryId | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """Deliveries that match, newest first, before ``before``: the last id of a page asks for the next."""
        query = _of_workspace(workspace).where(*_matching(matching))
        if before is not None:
            query = query.where(deliveries.c.id < before)
        rows = await connection.execute(query.order_by(deliveries.c.id.desc()).limit(limit))
        return [_delivery(row) for row in rows]

    async def counts(
        self, connection: AsyncConnection, workspace: WorkspaceId
    ) -> dict[str, dict[DeliveryState, int]]:
        """How many deliveries each connector has in each state."""
        query = (
            select(deliveries.c.connector, deliveries.c.state, func.count().label("number"))
            .where(deliveries.c.workspace_id == workspace)
            .group_by(deliveries.c.connector, deliveries.c.state)
        )
        found: dict[str, dict[DeliveryState, int]] = {}
        for row in await connection.execute(query):
            found.setdefault(row.connector, {})[DeliveryState(row.state)] = row.number
        return found

    async def replay(
        self, connection: AsyncConnection, workspace: WorkspaceId, delivery: DeliveryId, *, at: datetime
    ) -> Delivery:
        """Queue a dead or stopped delivery again. Raises ``UnknownDelivery`` or ``NotReplayable``."""
        found = await self.get(connection, workspace, delivery)
        only = and_(deliveries.c.workspace_id == workspace, deliveries.c.id == delivery)
        if not await self._replay(connection, only, at=at):
            raise NotReplayable(f"Delivery {delivery} is {found.state}: only dead and stopped ones go again.")
        return await self.get(connection, workspace, delivery)

    async def replay_all(
        self, connection: AsyncConnection, workspace: WorkspaceId, connector: str, *, at: datetime
    ) -> int:
        """Queue every dead letter of a connector again, each customer's in their order; how many."""
        dead = and_(
            deliveries.c.workspace_id == workspace,
            deliveries.c.connector == connector,
            deliveries.c.state == DeliveryState.DEAD,
        )
        return await self._replay(connection, dead, at=at)

    async def erase(self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId) -> int:
        """Delete everything that was told or is to be told of a customer; how many deliveries there were."""
        theirs = and_(deliveries.c.workspace_id == workspace, deliveries.c.customer_id == customer)
        number = (await connection.execute(delete(deliveries).where(theirs))).rowcount
        await connection.execute(
            delete(signal_revisions).where(
                signal_revisions.c.workspace_id == workspace, signal_revisions.c.customer_id == customer
            )
        )
        return int(number)

    async def _claimed(self, connection: AsyncConnection, condition: Any) -> list[Claimed]:  # noqa: ANN401
        query = (
            select(deliveries, signal_revisions.c.frozen)
            .join(
                signal_revisions,
                and_(
                    signal_revisions.c.signal_id == deliveries.c.signal_id,
                    signal_revisions.c.revision == deliveries.c.revision,
                ),
            )
            .where(condition)
            .order_by(deliveries.c.next_attempt_at, deliveries.c.id)
        )
        return [Claimed(_delivery(row), row.frozen) for row in await connection.execute(query)]

    async def _hold_back(self, connection: AsyncConnection, first: Delivery, until: datetime) -> None:
        """Let the customer's later ones wait as long: none of them would be claimed before."""
        await connection.execute(
            update(deliveries)
            .where(
                _of_lane(Lane(first.workspace_id, first.connector)),
                deliveries.c.customer_id == first.customer_id,
                deliveries.c.order_number > first.order_number,
                deliveries.c.state == DeliveryState.QUEUED,
                deliveries.c.next_attempt_at < until,
            )
            .values(next_attempt_at=until)
        )

    async def _queue_again(self, connection: AsyncConnection, which: Any, *, at: datetime) -> int:  # noqa: ANN401
        queued = update(deliveries).where(which)
        result = await connection.execute(
            queued.values(state=DeliveryState.QUEUED, claimed_by=None, claimed_until=None, updated_at=at)
        )
        return int(result.rowcount)

    async def _replay(self, connection: AsyncConnection, which: Any, *, at: datetime) -> int:  # noqa: ANN401
        again = update(deliveries).where(which, deliveries.c.state.in_(REPLAYABLE))
        result = await connection.execute(
            again.values(
                state=DeliveryState.QUEUED,
                attempts=0,
                next_attempt_at=at,
                due_since=at,
                updated_at=at,
            )
        )
        return int(result.rowcount)


def _due(lane: Lane, at: datetime) -> Any:  # noqa: ANN401 (a condition)
    paused = exists().where(
        connector_states.c.workspace_id == lane.workspace,
        connector_states.c.connector == lane.connector,
        connector_states.c.paused_at.is_not(None),
    )
    return and_(
        _of_lane(lane),
        deliveries.c.state == DeliveryState.QUEUED,
        deliveries.c.next_attempt_at <= at,
        not_(paused),
    )


def _of_lane(lane: Lane) -> Any:  # noqa: ANN401 (a condition)
    return and_(deliveries.c.workspace_id == lane.workspace, deliveries.c.connector == lane.connector)


def _sending() -> Any:  # noqa: ANN401 (a condition)
    return deliveries.c.state == DeliveryState.SENDING


def _of_workspace(workspace: WorkspaceId) -> Select[Any]:
    return select(deliveries).where(deliveries.c.workspace_id == workspace)


def _matching(matching: DeliveryFilter) -> list[Any]:
    equal = {
        "connector": matching.connector,
        "state": matching.state,
        "signal_id": matching.signal,
        "customer_id": matching.customer,
    }
    return [deliveries.c[name] == value for name, value in equal.items() if value is not None]


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=DeliveryId(row.id),
        workspace_id=WorkspaceId(row.workspace_id),
        connector=row.connector,
        signal_id=SignalId(row.signal_id),
        revision=row.revision,
        customer_id=CustomerId(row.customer_id),
        order_number=row.order_number,
        key=row.key,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        due_since=row.due_since,
        made_at=row.made_at,
        updated_at=row.updated_at,
        error_code=row.error_code,
        error=row.error,
        receipt=row.receipt,
        command=row.command,
        enrolment_id=row.enrolment_id,
    )
