"""What came of an attempt, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, update

from signals.delivery.delivery import Delivery, DeliveryState
from store.tables import deliveries

_LONGEST_ERROR = 1000  # characters, as the column has it


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of an attempt. ``QUEUED`` is one more to come, at ``next_attempt_at``.

    ``counts`` is whether it was an attempt: the target may have rested, until ``rests_until`` for all of its
    deliveries.
    """

    delivery: Delivery
    state: DeliveryState
    next_attempt_at: datetime | None = None
    error_code: str | None = None
    error: str | None = None
    receipt: Mapping[str, str] | None = None
    counts: bool = True
    rests_until: datetime | None = None


# One statement for any number of ends: to make it anew for each costs several times what it does.
SETTLE = (
    update(deliveries)
    .where(
        deliveries.c.id == bindparam("its_id"),
        deliveries.c.claimed_by == bindparam("its_claim"),
        deliveries.c.state == DeliveryState.SENDING,
    )
    .values(
        state=bindparam("to_state"),
        attempts=bindparam("to_attempts"),
        next_attempt_at=bindparam("to_next"),
        claimed_by=None,
        claimed_until=None,
        error_code=bindparam("to_code"),
        error=bindparam("to_error"),
        receipt=bindparam("to_receipt"),
        updated_at=bindparam("to_updated"),
    )
)


def settling(one: Settled, claim: str, *, at: datetime) -> dict[str, Any]:
    """What ``SETTLE`` is given to write ``one`` of ``claim``'s."""
    row = one.delivery
    return {
        "its_id": row.id,
        "its_claim": claim,
        "to_state": one.state,
        "to_attempts": row.attempts + (one.counts and one.state is not DeliveryState.STOPPED),
        "to_next": one.next_attempt_at or row.next_attempt_at,
        "to_code": one.error_code,
        "to_error": None if one.error is None else one.error[:_LONGEST_ERROR],
        "to_receipt": None if one.receipt is None else dict(one.receipt),
        "to_updated": at,
    }
