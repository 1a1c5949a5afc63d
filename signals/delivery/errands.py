"""Carries out who enters a sequence of a marketing tool, and who leaves it."""

from __future__ import annotations

import asyncio

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers import ConsentChannel
from customers.errors import UnknownCustomer
from kit.clock import Clock
from signals.connectors.connector import DeliveryRefused, Dispatch
from signals.connectors.sequences import SequenceTool
from signals.delivery.consent import purposes, refusal, told_of_consent
from signals.delivery.delivery import Delivery, DeliveryState
from signals.delivery.recipients import Recipient
from signals.delivery.settled import Settled
from signals.delivery.target import Target
from signals.enrolments import enrolment_of
from signals.nurture import CommandKind, Enrolment
from signals.signal import Signal, Team
from store.engine import Database
from store.tables import deliveries

LEFT = "left"  # why an enrolment is not carried out any more
NEVER_ENROLLED = "never_enrolled"  # why there is nothing to leave


class Errands:
    """Asks for consent to marketing before each attempt to enrol, and for none to leave.

    By e-mail, unless the target contacts people in another way.

    Leaving tells a target nothing new: it is what a withdrawal asks for. Where it was never asked to enrol
    the customer it is not told at all. What was left before it was carried out is not carried out.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def carry_out(
        self, row: Delivery, signal: Signal, target: Target, recipient: Recipient | None
    ) -> Settled:
        """What came of it. Raises what the connector raises, and ``TimeoutError``."""
        tool = target.connector
        if not isinstance(tool, SequenceTool):
            raise DeliveryRefused(f"{row.connector} carries out no sequences.")
        async with self._database.read() as connection:
            enrolment = await enrolment_of(connection, row.workspace_id, row.enrolment_id or "")
            stop = await self._stop(connection, row, enrolment, target, recipient)
        if stop is not None or enrolment is None or recipient is None:
            return Settled(row, DeliveryState.STOPPED, error_code=stop)
        contact = told_of_consent(recipient, target.connector, at=self._clock.now())
        dispatch = Dispatch(row.key, signal, contact, row.made_at)
        do = tool.enrol if row.command == CommandKind.ENROL else tool.leave
        async with asyncio.timeout(target.timeout):
            receipt = await do(dispatch, enrolment.journey)
        return Settled(row, DeliveryState.DELIVERED, receipt=receipt.records)

    async def _stop(
        self,
        connection: AsyncConnection,
        row: Delivery,
        enrolment: Enrolment | None,
        target: Target,
        recipient: Recipient | None,
    ) -> str | None:
        """Why it is not to be carried out, as a code."""
        if enrolment is None:
            return LEFT
        if row.command == CommandKind.LEAVE:
            if recipient is None:
                return UnknownCustomer.code
            return None if await _was_asked(connection, row) else NEVER_ENROLLED
        if enrolment.left_at is not None:
            return LEFT
        channel = ConsentChannel.EMAIL if target.channel is ConsentChannel.ANY else target.channel
        asked = purposes(Team.MARKETING, target.purpose)
        return refusal(recipient, asked, channel, at=self._clock.now())


async def _was_asked(connection: AsyncConnection, row: Delivery) -> bool:
    """Whether the target was ever asked to enrol: it may have, whatever it answered."""
    query = select(deliveries.c.id).where(
        deliveries.c.workspace_id == row.workspace_id,
        deliveries.c.connector == row.connector,
        deliveries.c.enrolment_id == row.enrolment_id,
        deliveries.c.command == CommandKind.ENROL,
        deliveries.c.attempts > 0,
    )
    return (await connection.execute(query)).first() is not None
