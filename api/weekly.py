"""Digests every week, in each workspace that has a plan for them, sent by one of all servers."""

from __future__ import annotations

import asyncio

from insights.delivery.sender import Sender
from kit.errors import CareloopError
from kit.log import get_logger

_log = get_logger("api.weekly")


class Weekly:
    """Has ``sender`` look for digests that are due.

    Every server looks; the ledger lets one of them send. What was missed, because no server ran, is sent as
    soon as one does; what failed is tried again.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def keep_looking(self, *, interval: float = 60.0) -> None:
        """Look every ``interval`` seconds, until cancelled."""
        while True:
            try:
                await self._sender.send_due()
            except Exception as error:  # noqa: BLE001 (outermost boundary: this runs in a task of its own)
                code = error.code if isinstance(error, CareloopError) else "internal"
                _log.error("digests_postponed", code=code, error=type(error).__name__)
            await asyncio.sleep(interval)
