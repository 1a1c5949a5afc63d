"""Customers' own words without who they are: what a digest quotes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.wording import is_function_word, stem
from insights.contact import Contact, ContactKind, Spans, Turn
from kit.personal_data import find_personal_data
from kit.text import sentences

LONGEST = 240  # characters of a quote
_SHORTEST_NAME = 3  # letters of a name's part that is looked for by itself
_SEVERAL_WORDS = frozenset({"name", "username"})
_WORD = re.compile(r"[^\W\d_]+")
_PATHS = {ContactKind.CONVERSATION: "/v1/conversations/", ContactKind.TICKET: "/v1/tickets/"}


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a contact; personal data is replaced by its kind in brackets, such as [name]."""

    text: str
    contact: str  # its id
    link: str  # to whoever may read it
    at: datetime


class Quoter:
    """Quotes contacts; ``base_url`` is the address of this server."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")

    def quote(self, contact: Contact, turn: Turn, spans: Spans = ()) -> Quote:
        """The sentences of ``turn`` that ``spans`` stand in; without spans the first ones."""
        text = excerpt(turn.text, spans, contact.personal)
        return Quote(text, contact.id, self.link(contact), turn.at)

    def link(self, contact: Contact) -> str:
        """Where the contact is read."""
        return f"{self._base_url}{_PATHS[contact.kind]}{contact.id}"


def few(found: Iterable[Quote | None], most: int) -> tuple[Quote, ...]:
    """The first ``most`` quotes that there are, each text once."""
    kept: dict[str, Quote] = {}
    for quote in found:
        if quote is not None:
            kept.setdefault(quote.text, quote)
        if len(kept) == most:
            break
    return tuple(kept.values())


def excerpt(text: str, spans: Spans, personal: Mapping[str, str]) -> str:
    """The sentences of ``text`` that ``spans`` stand in, or all of it, shortened, without personal data.

    Personal data is looked for in the whole text: what a sentence stands beside says what is a name in it.
    """
    found = sentences(text)
    wanted = [one for one in found if any(start < one.end and one.start < end for start, end in spans)]
    hidden = hide(text, personal)
    pieces = [hidden.of(one.start, one.end) for one in wanted or found]
    return _shortened(" ".join(" ".join(pieces).split()))


def anonymous(text: str, personal: Mapping[str, str]) -> str:
    """``text`` with personal data replaced by its kind in brackets, on one line."""
    return " ".join(hide(text, personal).of(0, len(text)).split())


@dataclass(frozen=True, slots=True)
class Hidden:
    """A text and the places in it that nobody is to see, in order, each with what stands there instead."""

    text: str
    places: tuple[tuple[int, int, str], ...]

    def of(self, start: int, end: int) -> str:
        """``text[start:end]`` as it may be seen; what reaches into it counts as a whole."""
        pieces, last = [], start
        for begin, after, kind in self.places:
            if begin < end and after > start:
                pieces += [self.text[last : max(last, begin)], f"[{kind}]"]
                last = max(last, after)
        return "".join([*pieces, self.text[last : max(last, end)]])


def hide(text: str, personal: Mapping[str, str]) -> Hidden:
    """Where personal data stands: by rules, and wherever a value of ``personal`` or a part of a name does."""
    places = [(span.start, span.end, str(span.kind)) for span in find_personal_data(text)]
    places += list(_known(text, personal))
    apart: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(places, key=lambda place: (place[0], -place[1])):
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]), apart[-1][2])
        else:
            apart.append((start, end, kind))
    return Hidden(text, tuple(apart))


def _known(text: str, personal: Mapping[str, str]) -> Iterable[tuple[int, int, str]]:
    for value, kind in personal.items():
        for part in {value, *_parts(value, kind)}:
            pattern = rf"(?<!\w){re.escape(part)}(?!\w)"
            for match in re.finditer(pattern, text, re.IGNORECASE):
                yield (*match.span(), kind)


def _parts(value: str, kind: str) -> Iterable[str]:
    """Words of a name that may stand alone: whoever gave both names signs with one."""
    if kind not in _SEVERAL_WORDS:
        return ()
    return [
        word
        for word in _WORD.findall(value)
        if len(word) >= _SHORTEST_NAME and not is_function_word(stem(word.lower()))
    ]


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
