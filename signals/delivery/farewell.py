"""Whoever is erased is taken out of sequences first: afterwards nobody knows whom to take out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.rows import family
from kit.errors import CareloopError
from kit.ids import CustomerId, WorkspaceId
from kit.log import get_logger
from signals.connectors.connector import Dispatch
from signals.connectors.sequences import SequenceTool
from signals.delivery.consent import told_of_consent
from signals.delivery.delivery import DeliveryState
from signals.delivery.recipients import Recipient, Recipients
from signals.delivery.target import Targets
from signals.enrolments import enrolments_of
from signals.nurture import CommandKind, Enrolment, NurtureCommand
from signals.store import SignalStore
from store.engine import Database
from store.tables import deliveries

_log = get_logger("signals.delivery")
_LONGEST = 20.0  # seconds that somebody waits for each tool


@dataclass(frozen=True, slots=True)
class Farewell:
    """``connector`` was asked to take a customer out of ``journey``; ``error`` says why it did not."""

    connector: str
    journey: str
    error: str | None = None


class Farewells:
    """Takes customers out of sequences at once and not by deliveries, which go with the customer."""

    def __init__(
        self, database: Database, signals: SignalStore, recipients: Recipients, targets: Targets
    ) -> None:
        self._database = database
        self._signals = signals
        self._recipients = recipients
        self._targets = targets

    async def say(self, workspace: WorkspaceId, customer: CustomerId, *, at: datetime) -> list[Farewell]:
        """Ask every tool that may have the customer, or somebody merged into them, in a sequence.

        Raises nothing for what a tool does: the customer is erased all the same, and the operator told.
        """
        async with self._database.read() as connection:
            known = (await self._recipients.of(connection, workspace, [customer])).get(customer)
            if known is None:
                return []
            within = await self._within(connection, workspace, known.contact.id)
        return [await self._leave(workspace, known, one, at) for one in within]

    async def _within(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> Sequence[Enrolment]:
        """Enrolments that a tool was asked for, and has not ended yet."""
        found = await enrolments_of(connection, workspace, await family(connection, workspace, customer))
        theirs = deliveries.c.enrolment_id.in_([one.id for one in found])
        asked = select(deliveries.c.enrolment_id).where(
            theirs,
            deliveries.c.command == CommandKind.ENROL,
            or_(deliveries.c.attempts > 0, deliveries.c.state == DeliveryState.SENDING),
        )
        ended = select(deliveries.c.enrolment_id).where(
            theirs,
            deliveries.c.command == CommandKind.LEAVE,
            deliveries.c.state == DeliveryState.DELIVERED,
        )
        within = set((await connection.execute(asked)).scalars()) - set(
            (await connection.execute(ended)).scalars()
        )
        return [one for one in found if one.id in within]

    async def _leave(
        self, workspace: WorkspaceId, known: Recipient, enrolment: Enrolment, at: datetime
    ) -> Farewell:
        target = self._targets.of(workspace).get(enrolment.target)
        if target is None or not isinstance(target.connector, SequenceTool):
            return Farewell(enrolment.target, enrolment.journey, "unknown_connector")
        async with self._database.read() as connection:
            signal = await self._signals.get(connection, workspace, enrolment.signal_id)
        key = NurtureCommand(CommandKind.LEAVE, enrolment).key
        contact = told_of_consent(known, target.connector, at=at)
        error: str | None = None
        try:
            async with asyncio.timeout(min(target.timeout, _LONGEST)):
                await target.connector.leave(Dispatch(key, signal, contact, at), enrolment.journey)
        except TimeoutError:
            error = "timeout"
        except CareloopError as failed:
            error = failed.code
        except Exception as broken:  # noqa: BLE001 (a connector's own mistake must not stop an erasure)
            _log.error("farewell_broke", connector=enrolment.target, error=type(broken).__name__)
            error = "internal"
        return Farewell(enrolment.target, enrolment.journey, error)
