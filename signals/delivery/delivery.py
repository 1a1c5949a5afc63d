"""A delivery: one signal, as it was at one revision, told to one connector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from kit.ids import CustomerId, SignalId, WorkspaceId, new_id

DeliveryId = NewType("DeliveryId", str)


class DeliveryState(StrEnum):
    """How far it is. The last three are ends; a replay takes the last two back to the first."""

    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"  # refused, or tried too often: a dead letter
    STOPPED = "stopped"  # the customer does not consent


@dataclass(frozen=True, slots=True)
class Lane:
    """What one connector is told of one workspace: what is paused, resumed and drained by itself."""

    workspace: WorkspaceId
    connector: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it stands. No customer's words are in it.

    Where ``command`` is ``enrol`` or ``leave``, the customer enters or leaves the sequence of
    ``enrolment_id``, and ``signal_id`` is what enrolled them; else the signal itself is told.

    ``order_number`` counts a customer's deliveries at a connector from 1; nothing later is told before the
    earlier has come to its end. ``key`` is the idempotency key that the target is told; ``due_since`` is when
    it was queued, or queued again. ``error_code`` and
    ``error`` are the last attempt's; ``receipt`` the target's ids by kind of record.
    """

    id: DeliveryId
    workspace_id: WorkspaceId
    connector: str
    signal_id: SignalId
    revision: int
    customer_id: CustomerId
    order_number: int
    key: str
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime
    due_since: datetime
    made_at: datetime
    updated_at: datetime
    error_code: str | None = None
    error: str | None = None
    receipt: Mapping[str, str] | None = None
    command: str | None = None
    enrolment_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries a list has; none asks for all."""

    connector: str | None = None
    state: DeliveryState | None = None
    signal: SignalId | None = None
    customer: CustomerId | None = None


def delivery_key(signal: SignalId, revision: int) -> str:
    """The idempotency key of a signal at a revision: the same at every connector, and at every attempt."""
    return f"{signal}.{revision}"


def new_delivery_id() -> DeliveryId:
    """A fresh identifier."""
    return DeliveryId(new_id("dlv"))
