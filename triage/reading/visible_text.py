"""What of a text is seen: its characters without those that nobody sees, and single spaces."""

from __future__ import annotations

import re
from collections.abc import Sequence

_JUNK = (
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\ud800-\udfff]|(?<![\u2190-\U0010ffff])\u200d"  # a joiner is part of many an emoji
)
_OUT = re.compile(rf"(?P<junk>(?:{_JUNK})+)|(?P<space>\s+)")
_CHANGED = re.compile(rf"[^\S ]|  |^ | \Z|{_JUNK}")  # where some of a text is left out or another character


def visible(text: str) -> tuple[str, Sequence[int]]:
    """``text`` with single spaces and without what nobody sees, and the place of each character."""
    if not _CHANGED.search(text):
        return text, range(len(text))
    said: list[str] = []
    places: list[int] = []
    place, spaced = 0, True
    for found in (*_OUT.finditer(text), None):
        end = found.start() if found else len(text)
        if end > place:
            said.append(text[place:end])
            places.extend(range(place, end))
            spaced = False
        if found is None:
            break
        if found["space"] and not spaced:
            said.append(" ")
            places.append(found.start())
            spaced = True
        place = found.end()
    if places and spaced:
        said.pop()
        places.pop()
    return "".join(said), places
