"""News of a target as it is kept: once, with what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kit.ids import CustomerId, SignalId


class NewsKind(StrEnum):
    """What news is about."""

    OUTCOME = "outcome"
    CONSENT = "consent"


class Via(StrEnum):
    """How it came."""

    WEBHOOK = "webhook"
    POLL = "poll"


class NewsResult(StrEnum):
    """What came of it."""

    TAKEN = "taken"
    REPEATED = "repeated"  # it was told before, or says what is known: nothing changed
    UNMATCHED = "unmatched"  # of a signal or customer that there is not; kept, to be tried again
    REFUSED = "refused"  # it says what cannot be; kept as well
    IGNORED = "ignored"  # of a kind that is none of ours, or of a customer who was erased; not kept


OPEN_RESULTS = frozenset({NewsResult.UNMATCHED, NewsResult.REFUSED})


@dataclass(frozen=True, slots=True)
class StoredNews:
    """One piece of news. ``code`` and ``detail`` say why it was not taken; ``customer_id`` is of consents."""

    id: int
    connector: str
    kind: NewsKind
    via: Via
    result: NewsResult
    at: datetime
    received_at: datetime
    code: str | None = None
    detail: str | None = None
    signal_id: SignalId | None = None
    customer_id: CustomerId | None = None


Tally = Counter[NewsResult]
