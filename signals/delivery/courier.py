"""Attempts: is it allowed, what is to be told, tell it, what came of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from itertools import groupby

from kit.clock import Clock
from kit.errors import CareloopError, Unavailable
from kit.ids import CustomerId, WorkspaceId
from kit.log import get_logger
from signals.connectors.answer import CredentialsRefused
from signals.connectors.connector import DeliveryFailed, DeliveryRefused, Dispatch, TargetResting
from signals.delivery.consent import purposes, refusal, told_of_consent
from signals.delivery.delivery import Delivery, DeliveryId, DeliveryState
from signals.delivery.errands import Errands
from signals.delivery.frozen import thaw
from signals.delivery.recipients import Recipient, Recipients
from signals.delivery.retry import RetryPolicy
from signals.delivery.settled import Settled
from signals.delivery.store import Claimed
from signals.delivery.target import Target
from signals.families import HEARD_AS_ANOTHER, heard_as
from store.encryption import Cipher
from store.engine import Database

_log = get_logger("signals.delivery")
_LOCKED_OUT = 60.0  # seconds that a target is left alone which does not take the credentials


class Courier:
    """Makes attempts; writes nothing, so that whoever calls it may write many results at once."""

    def __init__(
        self,
        database: Database,
        cipher: Cipher,
        clock: Clock,
        *,
        recipients: Recipients,
        retry: RetryPolicy | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock
        self._recipients = recipients
        self._errands = Errands(database, clock)
        self._retry = retry or RetryPolicy()
        self._chance = chance

    async def attempts(self, claimed: Sequence[Claimed], target: Target) -> list[Awaitable[Settled]]:
        """An attempt for each of ``claimed``, to be begun at once: consents are those of this moment.

        They are read together, for all. What is awaited never raises for what a target or a connector does.
        """
        rows = [one.delivery for one in claimed]
        try:
            known = await self._known(rows)
            doubled = await self._doubled(rows, known)
        except Unavailable as away:  # our own database: no target was asked, and no attempt was made
            later = [self._later(row, away.code, away.detail, counts=False) for row in rows]
            return [_ready(one) for one in later]
        return [
            _ready(Settled(one.delivery, DeliveryState.STOPPED, error_code=HEARD_AS_ANOTHER))
            if one.delivery.id in doubled
            else self._attempt(one, target, known.get(one.delivery.customer_id))
            for one in claimed
        ]

    async def _known(self, rows: Sequence[Delivery]) -> Mapping[CustomerId, Recipient]:
        known: dict[CustomerId, Recipient] = {}
        async with self._database.read() as connection:
            for workspace, theirs in groupby(rows, key=_workspace):
                asked = {row.customer_id for row in theirs}
                known |= await self._recipients.of(connection, workspace, asked)
        return known

    async def _doubled(
        self, rows: Sequence[Delivery], known: Mapping[CustomerId, Recipient]
    ) -> set[DeliveryId]:
        """Those of ``rows`` that tell of a merged customer what is told of another of its kind."""
        merged = [
            row
            for row in rows
            if row.command is None
            and row.customer_id in known
            and known[row.customer_id].contact.id != row.customer_id
        ]
        if not merged:
            return set()
        at = self._clock.now()
        async with self._database.read() as connection:
            return {
                row.id
                for row in merged
                if await heard_as(connection, row.workspace_id, row.signal_id, at=at) is not None
            }

    async def _attempt(self, claimed: Claimed, target: Target, recipient: Recipient | None) -> Settled:
        row = claimed.delivery
        try:
            return await self._told(claimed, target, recipient)
        except DeliveryRefused as refused:
            return Settled(row, DeliveryState.DEAD, error_code=refused.code, error=refused.detail)
        except DeliveryFailed as failed:
            counts = not isinstance(failed, TargetResting | CredentialsRefused)
            pause = _LOCKED_OUT if isinstance(failed, CredentialsRefused) else failed.retry_after
            return self._later(row, failed.code, failed.detail, pause, counts=counts)
        except TimeoutError:
            return self._later(row, "timeout", f"No end within {target.timeout:g} seconds.")
        except CareloopError as error:
            return self._later(row, error.code, error.detail)
        except Exception as error:  # noqa: BLE001 (a connector's own mistake must not stop all others)
            # Its text may hold what a customer wrote, and is not logged.
            _log.error("delivery_broke", connector=row.connector, id=row.id, error=type(error).__name__)
            return self._later(row, "internal", f"The connector broke ({type(error).__name__}).")

    async def _told(self, claimed: Claimed, target: Target, recipient: Recipient | None) -> Settled:
        row = claimed.delivery
        signal = thaw(claimed.frozen, self._cipher)
        if row.command is not None:
            return await self._errands.carry_out(row, signal, target, recipient)
        asked = purposes(signal.team, target.purpose)
        reason = refusal(recipient, asked, target.channel, at=self._clock.now())
        if reason is not None or recipient is None:
            return Settled(row, DeliveryState.STOPPED, error_code=reason)
        contact = told_of_consent(recipient, target.connector, at=self._clock.now())
        dispatch = Dispatch(row.key, signal, contact, signal.updated_at)
        async with asyncio.timeout(target.timeout):
            receipt = await target.connector.deliver(dispatch)
        return Settled(row, DeliveryState.DELIVERED, receipt=receipt.records)

    def _later(
        self,
        row: Delivery,
        code: str,
        detail: str,
        retry_after: float | None = None,
        *,
        counts: bool = True,
    ) -> Settled:
        """``counts`` is whether the target was asked: who was not let ask has not failed."""
        now, attempts = self._clock.now(), row.attempts + counts
        if self._retry.over(attempts, row.due_since, at=now):
            return Settled(row, DeliveryState.DEAD, error_code=code, error=detail, counts=counts)
        again = self._retry.next(max(1, attempts), at=now, chance=self._chance(), retry_after=retry_after)
        rests = None if counts or retry_after is None else now + timedelta(seconds=retry_after)
        return Settled(
            row,
            DeliveryState.QUEUED,
            next_attempt_at=again,
            error_code=code,
            error=detail,
            counts=counts,
            rests_until=rests,
        )


def _workspace(row: Delivery) -> WorkspaceId:
    return row.workspace_id


async def _ready(settled: Settled) -> Settled:
    return settled
