"""The way out: deliveries are queued in the transaction that stores the signal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.clock import Clock
from kit.ids import WorkspaceId
from signals.delivery.delivery import DeliveryState, delivery_key, new_delivery_id
from signals.delivery.errors import UnknownConnector
from signals.delivery.frozen import freeze
from signals.delivery.store import PENDING
from signals.nurture import NurtureCommand
from signals.signal import Signal
from store.encryption import Cipher
from store.tables import deliveries, signal_revisions

# On PostgreSQL two turns of one customer may run at once: the second waits here for the first to be
# committed, so that order numbers have no gap and are visible in their order.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:whose, 0))")


class DeliveryOutbox:
    """Writes a row for each connector; fills the port ``signals.outbox.Outbox``."""

    def __init__(
        self, cipher: Cipher, clock: Clock, *, connectors: Callable[[WorkspaceId], Collection[str]]
    ) -> None:
        """``connectors`` names those that are on in a workspace."""
        self._cipher = cipher
        self._clock = clock
        self._connectors = connectors

    async def put(self, connection: AsyncConnection, signal: Signal) -> None:
        """Queue, in the running transaction, ``signal`` as it is at this revision; twice is once.

        A target that the routing rules name and that is not on becomes a dead letter, to be replayed once it
        is.
        """
        on = sorted(self._connectors(signal.workspace_id))
        names = on if signal.targets is None else list(dict.fromkeys(signal.targets))
        if not names:
            return
        now = self._clock.now()
        await self._freeze(connection, signal, at=now)
        await _wait_for_others(connection, signal)
        last = await self._last(connection, signal, names)
        rows = [self._row(signal, name, last.get(name), known=name in on, at=now) for name in names]
        await _insert_once(connection, rows)

    async def put_command(self, connection: AsyncConnection, signal: Signal, command: NurtureCommand) -> None:
        """Queue what the tool of a sequence has to do, after what it was told of the customer before."""
        now, enrolment = self._clock.now(), command.enrolment
        known = enrolment.target in self._connectors(signal.workspace_id)
        await self._freeze(connection, signal, at=now)
        await _wait_for_others(connection, signal)
        last = await self._last(connection, signal, [enrolment.target])
        row = self._row(signal, enrolment.target, last.get(enrolment.target), known=known, at=now)
        said = {"key": command.key, "command": command.kind, "enrolment_id": enrolment.id}
        await _insert_once(connection, [{**row, **said}])

    async def _freeze(self, connection: AsyncConnection, signal: Signal, *, at: datetime) -> None:
        insert = _insert(connection)(signal_revisions).values(
            workspace_id=signal.workspace_id,
            signal_id=signal.id,
            revision=signal.revision,
            customer_id=signal.customer_id,
            frozen=freeze(signal, self._cipher),
            made_at=at,
        )
        await connection.execute(insert.on_conflict_do_nothing())

    async def _last(
        self, connection: AsyncConnection, signal: Signal, connectors: Collection[str]
    ) -> dict[str, Row[Any]]:
        """Of each connector the customer's last order number, and when what is pending there is due."""
        query: Select[Any] = (
            select(
                deliveries.c.connector,
                func.max(deliveries.c.order_number).label("order_number"),
                func.max(deliveries.c.next_attempt_at).filter(PENDING).label("due"),
            )
            .where(
                deliveries.c.workspace_id == signal.workspace_id,
                deliveries.c.connector.in_(connectors),
                deliveries.c.customer_id == signal.customer_id,
            )
            .group_by(deliveries.c.connector)
        )
        return {row.connector: row for row in await connection.execute(query)}

    @staticmethod
    def _row(
        signal: Signal, connector: str, last: Row[Any] | None, *, known: bool, at: datetime
    ) -> dict[str, Any]:
        waits_for = None if last is None else last.due
        state = DeliveryState.QUEUED if known else DeliveryState.DEAD
        return {
            "id": new_delivery_id(),
            "workspace_id": signal.workspace_id,
            "connector": connector,
            "signal_id": signal.id,
            "revision": signal.revision,
            "customer_id": signal.customer_id,
            "order_number": 1 if last is None else last.order_number + 1,
            "key": delivery_key(signal.id, signal.revision),
            "state": state,
            "attempts": 0,
            "next_attempt_at": max(at, waits_for or at),  # not before the one that it waits for
            "due_since": at,
            "error_code": None if known else UnknownConnector.code,
            "error": None if known else f"No connector named {connector} is on.",
            "made_at": at,
            "updated_at": at,
        }


async def _wait_for_others(connection: AsyncConnection, signal: Signal) -> None:
    if connection.dialect.name == "postgresql":
        whose = f"{signal.workspace_id} {signal.customer_id}"
        await connection.execute(_ONE_AT_A_TIME, {"whose": whose})


async def _insert_once(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    insert = _insert(connection)(deliveries)
    await connection.execute(
        insert.on_conflict_do_nothing(index_elements=["workspace_id", "connector", "key"]), rows
    )


def _insert(connection: AsyncConnection) -> Any:  # noqa: ANN401 (the two dialects share no type for it)
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
