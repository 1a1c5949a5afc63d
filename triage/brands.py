"""Whose name is whose: to leave us for them is not to leave them for us."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

# What a name becomes before a message is read; the labelled messages have these words for {us} and {them}.
US = "our company"
THEM = "a competitor"
_PLACEHOLDERS = {"{us}": US, "{them}": THEM, "{them2}": THEM}


@dataclass(frozen=True, slots=True)
class Named:
    """A text with ``US`` and ``THEM`` for the names in it.

    ``offsets`` has the place in the text before of each character, [start, end); none where nothing changed.
    ``rivals`` are the places of competitors' names in the text before.
    """

    text: str
    offsets: tuple[tuple[int, int], ...] | None = field(default=None, repr=False)
    rivals: tuple[tuple[int, int], ...] = ()

    def before(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]`` stands in the text before; a name counts as a whole."""
        if self.offsets is None or start >= end:
            return start, end
        return self.offsets[start][0], self.offsets[end - 1][1]


class Brands:
    """The company's own names (``us``) and its competitors' (``them``), in any case, also after @ or #."""

    def __init__(self, us: Sequence[str] = (), them: Sequence[str] = ()) -> None:
        self._us = _any_of(us)
        self._pattern = _any_of([*us, *them])

    def name(self, text: str) -> Named:
        """``text`` with every name replaced by whose it is."""
        matches = list(self._pattern.finditer(text)) if self._pattern else []
        if not matches:
            return Named(text)
        pieces: list[str] = []
        offsets: list[tuple[int, int]] = []
        rivals: list[tuple[int, int]] = []
        last = 0
        for match in matches:
            word = US if self._us and self._us.fullmatch(match["name"]) else THEM
            if word == THEM:
                rivals.append(match.span())
            pieces += [text[last : match.start()], word]
            offsets += [(place, place + 1) for place in range(last, match.start())]
            offsets += [match.span()] * len(word)
            last = match.end()
        pieces.append(text[last:])
        offsets += [(place, place + 1) for place in range(last, len(text))]
        return Named("".join(pieces), tuple(offsets), tuple(rivals))


def fill(text: str) -> str:
    """``text`` of a labelled message with the words of ``US`` and ``THEM`` for its placeholders."""
    for placeholder, word in _PLACEHOLDERS.items():
        text = text.replace(placeholder, word)
    return text


def _any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(
        {name.strip() for name in names if name.strip()}, key=lambda name: (-len(name), name)
    )
    if not longest_first:
        return None
    return re.compile(
        rf"(?<!\w)[@#]?(?P<name>{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE
    )
