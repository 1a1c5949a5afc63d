"""The way out for sequences: commands are queued with all else that a tool is told."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from signals.delivery.outbox import DeliveryOutbox
from signals.nurture import NurtureCommand
from signals.store import SignalStore


class NurtureDeliveries:
    """Fills the port ``signals.nurture.NurtureOutbox``: a delivery to the tool that carries the sequence out.

    It takes its turn among the customer's deliveries there, so that nobody leaves before they are in.
    """

    def __init__(self, outbox: DeliveryOutbox, signals: SignalStore) -> None:
        self._outbox = outbox
        self._signals = signals

    async def put(self, connection: AsyncConnection, command: NurtureCommand) -> None:
        """Queue ``command``; twice is once. Raises ``UnknownSignal``."""
        enrolment = command.enrolment
        signal = await self._signals.get(connection, enrolment.workspace_id, enrolment.signal_id)
        await self._outbox.put_command(connection, signal, command)
