"""Times of day: 14:30, 3 pm, 15 Uhr."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.entities.entity import Candidate

_TIMES = re.compile(
    r"(?i)(?<![\w:.,/-])(?P<hour>[0-9]{1,2})(?:(?P<colon>:)(?P<minute>[0-5][0-9])(?::[0-5][0-9])?)?"
    r"(?:\s?(?:(?P<half>[ap])\.?m\b\.?|(?P<clock>uhr|o['’]clock)\b))?(?![\w:])"
)


def find_times(text: str) -> Iterator[Candidate]:
    """Times as "15:00", on the clock of 24 hours."""
    for found in _TIMES.finditer(text):
        if not (found["colon"] or found["half"] or found["clock"]):
            continue
        hour, half = int(found["hour"]), (found["half"] or "").lower()
        if hour > (12 if half else 24) or (half and not hour):
            continue
        if half:
            hour = hour % 12 + (12 if half == "p" else 0)
        yield Candidate(4, "time", *found.span(), f"{hour % 24:02}:{found['minute'] or '00'}")
