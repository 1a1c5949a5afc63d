"""Dates that are written out, in figures or with the name of the month."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from triage.entities.entity import Candidate

_MONTH_NAMES = (
    "january jan januar jänner janvier janv enero ene gennaio januari",
    "february feb februar février févr fév febrero febbraio februari",
    "march mar märz mrz mars marzo maart",
    "april apr avril avr abril aprile",
    "may mai mayo maggio mei",
    "june jun juni juin junio giugno",
    "july jul juli juillet juil julio luglio",
    "august aug août aout agosto augustus",
    "september sept sep septembre septiembre settembre",
    "october oct oktober okt octobre octubre ottobre",
    "november nov novembre noviembre",
    "december dec dezember dez décembre déc diciembre dicembre",
)
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
_MONTH = "|".join(sorted(_MONTHS, key=lambda name: (-len(name), name)))
_WRITTEN_DATES = re.compile(
    rf"(?i)(?<![\w.,:/-])(?:"
    rf"(?P<y>[0-9]{{4}})[-/](?P<m>[0-9]{{1,2}})[-/](?P<d>[0-9]{{1,2}})(?!\d|[-/]\d)|"
    rf"(?P<dd>[0-9]{{1,2}})\.\s?(?P<dm>[0-9]{{1,2}})\.(?:\s?(?P<dy>[0-9]{{4}}|[0-9]{{2}})(?!\d))?(?!\d|[./-]\d)|"
    rf"(?P<s1>[0-9]{{1,2}})(?P<sep>[/-])(?P<s2>[0-9]{{1,2}})(?P=sep)(?P<sy>[0-9]{{4}}|[0-9]{{2}})(?!\d|[./-]\d)|"
    rf"(?P<nd>[0-9]{{1,2}})(?:st|nd|rd|th|er|\.|[ºª])?\s?(?:of\s|de\s|di\s)?(?P<nm>{_MONTH})(?!\w)\.?"
    rf"(?:,?\s(?:de\s|del\s)?(?P<ny>[0-9]{{4}})(?!\d))?|"
    rf"(?P<mm>{_MONTH})\.?\s(?:the\s)?(?P<md>[0-9]{{1,2}})(?:st|nd|rd|th)?(?!\w|[.:,]\d|[/-]\d)"
    rf"(?:,?\s(?P<my>[0-9]{{4}})(?!\d))?)"
)
_VERSION = re.compile(r"(?i)(?:\bv|version|release|firmware|build|ios|android|windows|macos|update)\.?\s?$")


def find_written_dates(text: str, today: date | None, *, day_first: bool | None) -> Iterator[Candidate]:
    """Days in ISO 8601; of the year nearest to ``today`` where none is written, "XXXX-11-03" without.

    ``day_first`` says how 11/03/2026 is meant; while it is none, the value is the set of both days.
    """
    for found in _WRITTEN_DATES.finditer(text):
        if value := _written_date(text, found, today, day_first=day_first):
            yield Candidate(3, "date", *found.span(), value)


def _written_date(
    text: str, found: re.Match[str], today: date | None, *, day_first: bool | None
) -> str | None:
    if found["y"]:
        return _iso(found["y"], int(found["m"]), int(found["d"]), today)
    if found["dd"]:
        if _VERSION.search(text[max(0, found.start() - 12) : found.start()]):
            return None
        return _iso(found["dy"], int(found["dm"]), int(found["dd"]), today)
    if found["s1"]:
        return _slashed(int(found["s1"]), int(found["s2"]), found["sy"], day_first=day_first)
    if found["nd"]:
        return _iso(found["ny"], _MONTHS[found["nm"].lower()], int(found["nd"]), today)
    return _iso(found["my"], _MONTHS[found["mm"].lower()], int(found["md"]), today)


def _slashed(first: int, second: int, year: str, *, day_first: bool | None) -> str | None:
    """A date with slashes: a number above 12 is the day, else ``day_first`` says, else it is one of two."""
    days = _iso(year, second, first, None), _iso(year, first, second, None)
    if days[0] is None or days[1] is None or days[0] == days[1]:
        return days[0] or days[1]
    if day_first is not None:
        return days[0] if day_first else days[1]
    return f"[{min(days[0], days[1])},{max(days[0], days[1])}]"


def _iso(year: str | None, month: int, day: int, today: date | None) -> str | None:
    """The date in ISO 8601, of the year nearest to ``today`` where none is given; none for 31 February."""
    try:
        if year:
            return date(int(year) + (2000 if len(year) == 2 else 0), month, day).isoformat()
        if today is None:
            return f"XXXX-{date(2000, month, day):%m-%d}"
        near = [
            date(number, month, day)
            for number in (today.year - 1, today.year, today.year + 1)
            if (month, day) != (2, 29) or (number % 4 == 0 and (number % 100 or number % 400 == 0))
        ]
        return min(near, key=lambda one: abs(one - today)).isoformat()
    except ValueError:
        return None
