"""The way out: what was stored is told, once and whatever happens, because both are one transaction."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from signals.signal import Signal


class Outbox(Protocol):
    """Takes signals that somebody outside has to be told of."""

    async def put(self, connection: AsyncConnection, signal: Signal) -> None:
        """Remember, in the running transaction, to tell of ``signal`` as it is at this ``revision``.

        ``signal.targets`` says whom. Who may be told is the outbox's to ask (consent may be withdrawn
        between now and then).
        """
        ...
