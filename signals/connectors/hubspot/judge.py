"""What HubSpot's errors mean for a delivery."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from signals.connectors.answer import Answer, Json, Standing, Verdict, by_status

# "Error handling" of the API guide: 423 locked, 477 while an account moves between data centres.
_LATER = frozenset({423, 477})
_LATER_CATEGORIES = frozenset({"RATE_LIMITS", "RETRY", "TIMEOUT", "INTERNAL_ERROR"})
_EXISTING = re.compile(r"Existing ID: (\d+)")


def judge(answer: Answer) -> Verdict:
    """The verdict on a whole answer."""
    said = answer.json_or_none()
    why = reason(said) if isinstance(said, dict) else ""
    if answer.status in _LATER:
        return Verdict(Standing.LATER, why)
    return by_status(answer, why)


def standing(error: Json) -> Standing:
    """Whose turn it is after an error within a batch's answer (status 207)."""
    return Standing.LATER if str(error.get("category")) in _LATER_CATEGORIES else Standing.REFUSED


def reason(error: Json) -> str:
    """HubSpot's words, with the properties they are about."""
    named = ", ".join(sorted(set(_properties(error))))
    words = f"{error.get('category', 'error')}: {_plain(str(error.get('message', '')))}"
    return f"{words} (properties: {named})" if named else words


def existing_id(error: Json) -> str | None:
    """The contact that is in the way of a new one of the same address."""
    found = _EXISTING.search(str(error.get("message", "")))
    return found[1] if found else None


def _properties(error: Json) -> Iterator[str]:
    for one in (error, *(error.get("errors") or [])):
        yield from map(str, (one.get("context") or {}).get("propertyName") or [])
    for one in _invalid(str(error.get("message", ""))):
        yield str(one.get("name"))


def _plain(message: str) -> str:
    """The sentence before a list of invalid properties: the list repeats their values."""
    return message.partition(": [{")[0]


def _invalid(message: str) -> list[dict[str, Json]]:
    """The list that "Property values were not valid: [{…}]" carries as text."""
    _, found, rest = message.partition(": [")
    try:
        return [one for one in json.loads("[" + rest) if isinstance(one, dict)] if found else []
    except ValueError:
        return []
