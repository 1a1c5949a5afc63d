"""One attempt: is it allowed, what is to be told, tell it, what came of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from customers import Purpose
from kit.clock import Clock
from kit.errors import CareloopError
from kit.log import get_logger
from signals.connectors.connector import Contact, DeliveryFailed, DeliveryRefused, Dispatch
from signals.delivery.consent import PURPOSES, ConsentGate
from signals.delivery.contacts import Contacts, with_consent
from signals.delivery.delivery import Delivery, DeliveryState
from signals.delivery.errands import Errands
from signals.delivery.frozen import thaw
from signals.delivery.retry import RetryPolicy
from signals.delivery.store import Claimed, Settled
from signals.delivery.target import Target
from signals.signal import Signal
from store.encryption import Cipher
from store.engine import Database

_log = get_logger("signals.delivery")


@dataclass(frozen=True, slots=True)
class _Stop:
    """Why a customer is not to be told of."""

    reason: str


class Courier:
    """Makes attempts; writes nothing, so that whoever calls it may write many results at once."""

    def __init__(
        self,
        database: Database,
        cipher: Cipher,
        clock: Clock,
        *,
        gate: ConsentGate,
        contacts: Contacts,
        retry: RetryPolicy | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock
        self._gate = gate
        self._contacts = contacts
        self._errands = Errands(database, clock, gate=gate, contacts=contacts)
        self._retry = retry or RetryPolicy()
        self._chance = chance

    async def attempt(self, claimed: Claimed, target: Target) -> Settled:
        """What came of telling ``target``; never raises for what a target or a connector does."""
        row = claimed.delivery
        try:
            return await self._told(claimed, target)
        except DeliveryRefused as refused:
            return Settled(row, DeliveryState.DEAD, error_code=refused.code, error=refused.detail)
        except DeliveryFailed as failed:
            return self._later(row, failed.code, failed.detail, failed.retry_after)
        except TimeoutError:
            return self._later(row, "timeout", f"No end within {target.timeout:g} seconds.")
        except CareloopError as error:
            return self._later(row, error.code, error.detail)
        except Exception as error:  # noqa: BLE001 (a connector's own mistake must not stop all others)
            # Its text may hold what a customer wrote, and is not logged.
            _log.error("delivery_broke", connector=row.connector, id=row.id, error=type(error).__name__)
            return self._later(row, "internal", f"The connector broke ({type(error).__name__}).")

    async def _told(self, claimed: Claimed, target: Target) -> Settled:
        row = claimed.delivery
        signal = thaw(claimed.frozen, self._cipher)
        if row.command is not None:
            return await self._errands.carry_out(row, signal, target)
        allowed = await self._allowed(row, signal, target)
        if isinstance(allowed, _Stop):
            return Settled(row, DeliveryState.STOPPED, error_code=allowed.reason)
        dispatch = Dispatch(row.key, signal, allowed, signal.updated_at)
        async with asyncio.timeout(target.timeout):
            receipt = await target.connector.deliver(dispatch)
        return Settled(row, DeliveryState.DELIVERED, receipt=receipt.records)

    async def _allowed(self, row: Delivery, signal: Signal, target: Target) -> Contact | _Stop:
        """The contact, if every purpose is consented to now."""
        purposes: dict[Purpose, None] = dict.fromkeys([PURPOSES[signal.team]])
        if target.purpose is not None:
            purposes[target.purpose] = None
        async with self._database.read() as connection:
            for purpose in purposes:
                reason = await self._gate.allows(
                    connection,
                    row.workspace_id,
                    row.customer_id,
                    purpose,
                    target.channel,
                    at=self._clock.now(),
                )
                if reason is not None:
                    return _Stop(reason)
            contact = await self._contacts.contact(connection, row.workspace_id, row.customer_id)
            return await with_consent(contact, target, self._gate, connection, row, at=self._clock.now())

    def _later(self, row: Delivery, code: str, detail: str, retry_after: float | None = None) -> Settled:
        now, attempts = self._clock.now(), row.attempts + 1
        if self._retry.over(attempts, row.due_since, at=now):
            return Settled(row, DeliveryState.DEAD, error_code=code, error=detail)
        again = self._retry.next(attempts, at=now, chance=self._chance(), retry_after=retry_after)
        return Settled(row, DeliveryState.QUEUED, next_attempt_at=again, error_code=code, error=detail)
