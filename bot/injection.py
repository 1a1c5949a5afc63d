"""Does a text try to give the assistant orders? Rules with structure, not trigger words.

A sentence counts when an order is *addressed to whoever writes the answer* ("in your reply, ...") or
reaches for what only an attacker wants (earlier instructions, the system prompt, another role). Words
such as "ignore" or "system" alone mean nothing: customers ignore error messages all day.

Messages and passages are judged differently. A customer may ask for anything, in any form; a passage of
a help centre has no business talking to the assistant at all, nor handing it errands. The rules are
data (``orders.yaml``); how well they do is in docs/adr/0006.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from kit.text import normalise, sentences, words
from kit.yaml_text import parse_yaml

SUSPICIOUS = 0.5  # from here on a passage is left out, and a message is answered from the help centre only
ORDERS = Path(__file__).with_name("orders.yaml")
_ERRAND = 0.6
_LONGEST_MESSAGE = 8000
_LONGEST_SENTENCE = 1000
_QUOTED = re.compile(r"[\"“][^\"“”\n]{1,200}[\"”]")
_END = re.compile(r"[.!?…]")


class Sign(NamedTuple):
    """A pattern over one normalised sentence, how sure it is in [0, 1], and a sentence that shows it.

    ``needs`` holds strings one of which every match has: looking for them takes a tenth of the time.
    """

    score: float
    needs: tuple[str, ...]
    pattern: re.Pattern[str]
    example: str

    def fits(self, sentence: str) -> bool:
        """Whether ``sentence``, as ``plain`` gives it, shows this sign."""
        return any(word in sentence for word in self.needs) and bool(self.pattern.search(sentence))


class InjectionRules:
    """The signs of ``orders.yaml``, compiled."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        lists = data["lists"]
        self.orders = [_sign(entry, lists) for entry in data["orders"]]
        self.out_of_place = [_sign(entry, lists) for entry in data["out_of_place"]]
        self._errands = re.compile(_filled(data["errands"], lists))
        self._correspondence = re.compile(data["correspondence"])
        self._common = frozenset(data["common"].split())

    def message(self, text: str) -> float:
        """Score in [0, 1] of the surest sign in a customer's message."""
        found = (_surest(plain(span.text), self.orders) for span in sentences(text[:_LONGEST_MESSAGE]))
        return max(found, default=0.0)

    def passage(self, text: str) -> float:
        """Score in [0, 1] of the surest sign in a passage."""
        # A full stop inside quotation marks does not end the order around it.
        unbroken = _QUOTED.sub(lambda quoted: _END.sub(" ", quoted.group()), text)
        pieces = [plain(span.text) for span in sentences(unbroken)]
        surest = max(map(self._in_passage, pieces), default=0.0)
        return surest or max((self._errand(at, pieces) for at in range(1, len(pieces))), default=0.0)

    def _in_passage(self, sentence: str) -> float:
        sure = _surest(sentence, self.orders)
        # "Your reply" is the customer's own where it is about mail, forms and security questions.
        own = self._correspondence.search(sentence)
        return sure if sure or own else _surest(sentence, self.out_of_place)

    def _errand(self, at: int, pieces: Sequence[str]) -> float:
        if not self._errands.match(pieces[at]):
            return 0.0
        own = self._content(pieces[at])
        around: set[str] = set()
        for place, piece in enumerate(pieces):
            if place != at:
                around |= self._content(piece)
        return _ERRAND if len(own) >= 2 and len(around) >= 5 and not own & around else 0.0

    def _content(self, sentence: str) -> set[str]:
        """The beginnings of telling words: five letters, which joins most forms of a word."""
        return {word[:5] for word in words(sentence) if len(word) > 3 and word not in self._common}


@lru_cache(maxsize=1)
def rules() -> InjectionRules:
    """The rules of ``orders.yaml``, read once."""
    return InjectionRules(parse_yaml(ORDERS.read_text(encoding="utf-8")))


def message_injection_score(text: str) -> float:
    """How sure it is, in [0, 1], that ``text``, a customer's message, tries to change what the bot is."""
    return rules().message(text)


@lru_cache(maxsize=8192)
def passage_injection_score(text: str) -> float:
    """How sure it is, in [0, 1], that ``text``, a passage, holds an order to the assistant.

    Remembered, since the same passages come back: the first look takes about 0.4 ms per 100 words.
    """
    return rules().passage(text)


def plain(sentence: str) -> str:
    """``sentence`` as the patterns expect it: lower case, single spaces, straight apostrophes."""
    folded = normalise(sentence[:_LONGEST_SENTENCE]).replace("’", "'").lower()
    return " ".join(folded.split())


def _sign(entry: Mapping[str, Any], lists: Mapping[str, str]) -> Sign:
    pattern = re.compile(_filled(entry["pattern"], lists))
    return Sign(entry["score"], tuple(entry["needs"]), pattern, entry["example"])


def _filled(pattern: str, lists: Mapping[str, str]) -> str:
    for _ in range(2):  # lists may name lists
        pattern = re.sub(r"\{([a-z_]+)\}", lambda slot: lists[slot[1]], pattern)
    return pattern


def _surest(sentence: str, signs: Sequence[Sign]) -> float:
    return max((sign.score for sign in signs if sign.fits(sentence)), default=0.0)
