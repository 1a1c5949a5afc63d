"""What targets send or say back, and the errors for what cannot be believed or read.

CareloopError
├── InvalidInput
│   └── InboundInvalid
└── Forbidden
    └── WebhookUnverified
        └── WebhookSkewed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from kit.errors import Forbidden, InvalidInput
from signals.connectors.connector import InboundOutcome


class InboundInvalid(InvalidInput):
    """News of a target that is not of the form the target documents; nothing was changed by it."""

    code = "inbound_invalid"


class WebhookUnverified(Forbidden):
    """A call that its sender cannot be shown to have made; nothing of it was read."""

    code = "webhook_unverified"
    title = "The webhook cannot be believed"


class WebhookSkewed(WebhookUnverified):
    """A call that was signed too long ago or too far ahead: a replay, or one of two clocks is wrong."""

    code = "webhook_clock_skew"
    title = "The webhook was signed at another time"


def check_time(signed: float, *, now: datetime, tolerance: timedelta) -> None:
    """Raise ``WebhookSkewed`` where ``signed`` (seconds since 1970) is beyond ``tolerance`` of ``now``."""
    away = signed - now.timestamp()
    if abs(away) > tolerance.total_seconds():
        when = "ahead of" if away > 0 else "behind"
        raise WebhookSkewed(
            f"The webhook's time is {abs(away):.0f} seconds {when} this server's, which is "
            f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}; {tolerance.total_seconds():.0f} are allowed. It is a "
            "replay, or one of the two clocks is wrong."
        )


class ConsentChange(StrEnum):
    """What happened to somebody's consent to be written to."""

    GRANTED = "granted"  # subscribed, where the operator takes that for consent
    WITHDRAWN = "withdrawn"  # unsubscribed, or complained
    UNREACHABLE = "unreachable"  # the address bounced for good: not a withdrawal, but of no use
    ADDRESS_CHANGED = "address_changed"  # what was said of ``email`` goes on for ``new_email``


@dataclass(frozen=True, slots=True)
class InboundConsent:
    """A change of consent that a marketing tool reports; repeated news has the same ``external_id``.

    Whoever it is about is known by ``email`` alone. Consent is granted from there only where the operator
    says that a subscription is proof of one.
    """

    connector: str
    email: str
    change: ConsentChange
    external_id: str
    at: datetime
    reason: str | None = None
    new_email: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """What was new since a cursor, and the cursor to ask with next time."""

    changes: Sequence[InboundConsent]
    cursor: str | None
    more: bool = False


@runtime_checkable
class ConsentSource(Protocol):
    """A connector whose target also knows who no longer wants to be written to."""

    async def poll_consents(self, cursor: str | None) -> ConsentPage:
        """Changes that are new since ``cursor``. Raises ``DeliveryFailed``, ``InboundInvalid``."""
        ...


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """A call as it came in: the whole ``url`` with its query, ``headers`` by lower-case name.

    ``secret`` is the last part of a path that holds one.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookNews:
    """What a call tells; ``ignored`` counts news of a kind that is none of ours."""

    outcomes: Sequence[InboundOutcome] = ()
    consents: Sequence[InboundConsent] = ()
    ignored: int = 0


@runtime_checkable
class WebhookSource(Protocol):
    """A connector whose target calls us. Reading a call changes nothing."""

    async def read_call(self, call: WebhookCall) -> WebhookNews:
        """What ``call`` tells; nothing where it only asks whether the address is right.

        Raises ``WebhookUnverified`` or ``InboundInvalid``; where the target has to be asked what happened,
        ``DeliveryFailed`` and ``DeliveryRefused``.
        """
        ...
