"""A note in a field of a contact at a target: which delivery wrote there last, and when.

For targets that take an event as often as it is sent, and may show late that they have it: whoever finds the
note of its own delivery but not the event knows that an earlier try was under way, and until when to wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from signals.connectors.connector import DeliveryFailed
from signals.connectors.signal_document import instant


@dataclass(frozen=True, slots=True)
class DeliveryMark:
    """How new the signal was, when it was sent, and the dispatch key; under 255 characters as text."""

    updated_at: datetime
    sent_at: datetime
    key: str

    def __str__(self) -> str:
        return f"{instant(self.updated_at)} {instant(self.sent_at)} {self.key}"

    @classmethod
    def parse(cls, text: object) -> Self | None:
        """The mark that ``text`` is; none if it is none of ours."""
        try:
            updated_at, sent_at, key = str(text).split(" ", 2)
            mark = cls(datetime.fromisoformat(updated_at), datetime.fromisoformat(sent_at), key)
        except ValueError:
            return None
        return mark if mark.updated_at.tzinfo and mark.sent_at.tzinfo else None

    def settle(self, now: datetime, seconds: float, target: str) -> None:
        """Raise ``DeliveryFailed`` until ``seconds`` after it was sent."""
        left = (self.sent_at + timedelta(seconds=seconds) - now).total_seconds()
        if left > 0:
            raise DeliveryFailed(f"{target}: an earlier try may still show up", retry_after=left)
