"""The port that every connector fills, and what is said through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from kit.errors import CareloopError
from kit.ids import CustomerId, SignalId
from signals.signal import Signal


class DeliveryRefused(CareloopError):
    """The target understood and will never take it: a dead letter, until somebody replays it."""

    code = "delivery_refused"
    title = "The target refused the delivery"


class DeliveryFailed(CareloopError):
    """The target may take it later; ``retry_after`` is how many seconds it asked for, if it did."""

    code = "delivery_failed"
    title = "The target did not take the delivery"

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class TargetResting(DeliveryFailed):
    """The target asked to be left alone for longer than a call waits: nothing is wrong with the delivery.

    ``retry_after`` is how many seconds are left, for everything that it is to be told.
    """

    code = "target_resting"
    title = "The target asked to be left alone"

    def __init__(self, detail: str, *, retry_after: float) -> None:
        super().__init__(detail, retry_after=retry_after)


@dataclass(frozen=True, slots=True)
class Contact:
    """The customer as a target may know them; plain values, decrypted for this delivery alone.

    ``id`` is our external id at every target. ``attributes`` are facts such as plan, country or company.
    """

    id: CustomerId
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    crm_ids: Mapping[str, str] = field(default_factory=dict)  # the target's own id, by kind of connector
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One thing to tell one target.

    ``key`` is the idempotency key: the same dispatch has the same one however often it is tried, and a
    target that has taken it takes it as done.
    """

    key: str
    signal: Signal
    contact: Contact
    at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the target made of it: its ids by kind of record (``contact``, ``task``, ``lead``, ...)."""

    records: Mapping[str, str]
    repeated: bool = False  # it had been taken before


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request that a dry run would send, without credentials."""

    method: str
    url: str
    body: Any


class OutcomeKind(StrEnum):
    """What became of a signal."""

    WON = "won"
    LOST = "lost"
    NOISE = "noise"
    TOO_LATE = "too_late"
    IN_PROGRESS = "in_progress"


@dataclass(frozen=True, slots=True)
class InboundOutcome:
    """What a target says became of a signal. ``external_id`` is the target's own id of that news."""

    signal_id: SignalId
    outcome: OutcomeKind
    external_id: str
    at: datetime
    amount: float | None = None
    currency: str | None = None
    reason: str | None = None
    who: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a target can be reached with the credentials there are; ``detail`` says why not."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class OutcomePage:
    """What was new since a cursor, and the cursor to ask with next time."""

    outcomes: Sequence[InboundOutcome]
    cursor: str | None
    more: bool = False


class Connector(Protocol):
    """One target. Safe to call from several tasks of one event loop; ``close`` frees its connections."""

    name: str

    async def deliver(self, dispatch: Dispatch) -> Receipt:
        """Tell the target, once whatever happens. Raises ``DeliveryFailed`` or ``DeliveryRefused``."""
        ...

    def preview(self, dispatch: Dispatch) -> Sequence[PreparedRequest]:
        """What ``deliver`` would send, in order, without sending it."""
        ...

    async def health(self) -> Health:
        """Whether the target answers and takes the credentials; never raises."""
        ...

    async def poll(self, cursor: str | None) -> OutcomePage:
        """Outcomes that are new since ``cursor``. Raises ``DeliveryFailed``."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
