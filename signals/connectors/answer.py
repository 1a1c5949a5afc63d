"""What a target answered, and whose turn it is then."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any, TypeAlias

from signals.connectors.connector import DeliveryFailed

Json: TypeAlias = Any  # what a target says: any shape, until it is looked at


class CredentialsRefused(DeliveryFailed):
    """The target does not let us in; the operator must put credentials or permissions right.

    Nothing is wrong with what was to be delivered, so it stays queued.
    """

    code = "credentials_refused"
    title = "The target does not take the credentials"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; ``headers`` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Json:
        """The body, parsed; none where it is empty. Raises ``DeliveryFailed`` where it is not JSON."""
        if not self.body:
            return None
        try:
            return json.loads(self.body)
        except ValueError as error:  # a proxy's page, or a body that was cut
            raise DeliveryFailed(f"The answer (status {self.status}) is not JSON.") from error

    def json_or_none(self) -> Json:
        """The body, parsed, or none where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Standing(StrEnum):
    """What an answer means for the call."""

    DONE = "done"
    EXPIRED = "expired"  # the token is over: fetch another and call again
    LATER = "later"
    LOCKED_OUT = "locked_out"  # credentials or permissions are wrong
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reason`` is the target's own word for it, without secrets; ``retry_after`` in seconds."""

    standing: Standing
    reason: str = ""
    retry_after: float | None = None


Judge = Callable[[Answer], Verdict]

_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


def by_status(answer: Answer, reason: str = "") -> Verdict:
    """The verdict of most targets: by status alone. A redirect is refused: it might lead anywhere."""
    status = answer.status
    if 200 <= status < 300:
        return Verdict(Standing.DONE)
    if status == HTTPStatus.UNAUTHORIZED:
        return Verdict(Standing.EXPIRED, reason)
    if status == HTTPStatus.FORBIDDEN:
        return Verdict(Standing.LOCKED_OUT, reason)
    return Verdict(Standing.LATER if status in _LATER or status >= 500 else Standing.REFUSED, reason)


def retry_after(answer: Answer, now: datetime) -> float | None:
    """Seconds of ``Retry-After``, a number or a date (RFC 9110, section 10.2.3); 0 at least."""
    value = answer.headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:  # RFC 5322's "-0000": UTC without a claim about where
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
