"""What targets send or say back besides outcomes, and the error for what cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kit.errors import InvalidInput


class InboundInvalid(InvalidInput):
    """News of a target that is not of the form the target documents; nothing was changed by it."""

    code = "inbound_invalid"


class ConsentChange(StrEnum):
    """What happened to somebody's consent to be written to."""

    WITHDRAWN = "withdrawn"  # unsubscribed, or complained
    UNREACHABLE = "unreachable"  # the address bounced for good: not a withdrawal, but of no use
    ADDRESS_CHANGED = "address_changed"  # what was said of ``email`` goes on for ``new_email``


@dataclass(frozen=True, slots=True)
class InboundConsent:
    """A change of consent that a marketing tool reports; repeated news has the same ``external_id``.

    Whoever it is about is known by ``email`` alone. There is no way to grant consent from there: what a
    marketing tool holds of an opt-in is not proof of one.
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
