"""Canonical text: what every offset counts in, free of what a database or a reader stumbles over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

# Control and formatting characters without a meaning in Markdown: NUL (which PostgreSQL refuses), soft
# hyphens and zero-width marks (which hide words from search), byte order marks. The zero-width joiners
# U+200C and U+200D stay: emoji, Persian and Indic scripts are spelled with them.
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff\ufffe\uffff]")
_LINE_END = re.compile("\r\n|\r|\x85|\u2028|\u2029")
_TRAILING = re.compile(r"[ \t\u00a0]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")
_INLINE_IMAGE = re.compile(r"!\[([^\]]*)\]\(data:[^)]*\)")
_HEADING = re.compile(r"\A\s*#[ \t]+(?P<title>[^\n]+?)[ \t#]*(?:\n|\Z)")
_FRONT_MATTER_NAMES = re.compile(r"[\s-]+")


def canonical(text: str) -> str:
    """``text`` with plain line ends, no control characters, no trailing blanks, at most one blank line.

    Lone surrogates, which UTF-8 cannot hold, become U+FFFD. Images embedded as data keep their
    description only. Applying it twice changes nothing.
    """
    text = printable(_LINE_END.sub("\n", text))
    text = _INLINE_IMAGE.sub(r"\1", text)
    return _BLANK_LINES.sub("\n\n", _TRAILING.sub("", text)).strip("\n")


def printable(text: str) -> str:
    """``text`` without control characters other than tab and line feed, and without lone surrogates."""
    return _UNWANTED.sub("", text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def one_line(text: str) -> str:
    """``text`` made printable, each run of white space one blank."""
    return " ".join(printable(text).split())


def split_title(text: str) -> tuple[str | None, str]:
    """The first heading of canonical ``text`` if it opens it as a level-1 heading, and what follows it."""
    match = _HEADING.match(text)
    if match is None:
        return None, text
    return one_line(match["title"]), text[match.end() :].lstrip("\n")


def title_of_name(stem: str) -> str:
    """A title made of a file's name without its ending: ``reset-your_router`` gives ``Reset your router``."""
    words = one_line(re.sub(r"[-_]+", " ", stem))
    return words[:1].upper() + words[1:]


def flat_metadata(pairs: Iterable[tuple[object, object]]) -> dict[str, str]:
    """Facts as flat strings: lists joined by ", ", dates in ISO 8601; what is nested deeper is left out."""
    flat: dict[str, str] = {}
    for name, value in pairs:
        if isinstance(value, list | tuple | set):
            shown = ", ".join(filter(None, (_scalar(item) for item in value)))
        else:
            shown = _scalar(value)
        key = _FRONT_MATTER_NAMES.sub("_", one_line(str(name)).lower())
        if key and shown:
            flat[key] = shown
    return flat


def moment(value: object) -> datetime | None:
    """A date or time as a moment in UTC; none for what is none. A date without a time is its midnight."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None


def first_of(metadata: Mapping[str, object], *names: str) -> object | None:
    """The first of ``names`` that has a value which is not empty."""
    return next((metadata[name] for name in names if metadata.get(name) not in (None, "")), None)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return one_line(str(value)) if isinstance(value, str | int | float) else ""
