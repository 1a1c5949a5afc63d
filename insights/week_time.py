"""A moment of every week."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOMENT = re.compile(r"(mon|tue|wed|thu|fri|sat|sun) ([0-9]{2}:[0-9]{2})")


@dataclass(frozen=True, slots=True)
class WeekTime:
    """A moment of every week: ``day`` from 0, Monday, to 6."""

    day: int
    time: time

    @classmethod
    def parse(cls, text: str) -> WeekTime:
        """The moment of ``text``, such as "mon 07:00". Raises ``ValueError``."""
        match = _MOMENT.fullmatch(text.strip().lower())
        if match is None:
            raise ValueError(f"{text!r} is neither a moment of the week such as mon 07:00, nor off")
        return cls(_DAYS.index(match[1]), time.fromisoformat(match[2]))
