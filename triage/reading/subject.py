"""The subject of a mail, without the "Re:" and "Fwd:" before it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from triage.reading.visible_text import visible

_REPLY = r"re|aw|antw|antwort|sv|vs|ref|rif|r|odp|res|ynt"
_FORWARD = r"fwd?|wg|tr|rv|i|doorst|enc|vb|vl|pd|weitergeleitet"
_PREFIX = re.compile(rf"(?i)\s*(?:(?P<reply>{_REPLY})|(?P<forward>{_FORWARD}))\s?(?:\[\d{{1,3}}\])?\s?[:：]")
_LONGEST = 300  # characters of a title


@dataclass(frozen=True, slots=True)
class Subject:
    """A ``title`` of up to 300 characters, and whether its prefixes say that the mail replies or forwards."""

    title: str
    replies: bool = False
    forwards: bool = False


def read_subject(subject: str | None) -> Subject:
    """``subject`` without its prefixes, of which there may be several in any language."""
    text, _ = visible((subject or "")[: 4 * _LONGEST])
    replies = forwards = False
    while prefix := _PREFIX.match(text):
        replies, forwards = replies or bool(prefix["reply"]), forwards or bool(prefix["forward"])
        text = text[prefix.end() :]
    return Subject(_words_within(text.strip(), _LONGEST), replies, forwards)


def _words_within(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0].rstrip()
