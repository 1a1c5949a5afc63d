"""Amounts in texts, in English and German: prices with their period, speeds, times, volumes, in words too.

Values are in one unit of each family, so that 0.9 Gbps is 900 Mbps, two weeks are 14 days and £408 a year
is £34 a month.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from triage.entities.money import find_money

_MONTH_DAYS = 365.25 / 12
# Family, spelling, how many of the family's unit one is.
_UNITS: tuple[tuple[str, str, float], ...] = (
    ("Mbps", r"mbps|mbit/s|megabits?(?: (?:a|per) second)?", 1),
    ("Mbps", r"gbps|gbit/s|gigabits?(?: (?:a|per) second)?", 1000),
    ("working days", r"(?:working|business) days?|werktagen?|werktage", 1),
    ("days", r"(?:calendar )?days?|tage?n?", 1),
    ("days", r"weeks?|wochen?", 7),
    ("days", r"(?:calendar )?months?|monate?n?", _MONTH_DAYS),
    ("days", r"years?|jahre?n?", 365.25),
    ("days", r"hours?|stunden?", 1 / 24),
    ("GB", r"gb|gigabytes?", 1),
    ("GB", r"tb|terabytes?", 1000),
    ("GB", r"mb|megabytes?", 0.001),
    ("%", r"%|per ?cent|prozent", 1),
)
_UNIT = re.compile(
    r"(?i)[\s-]?(?:"
    + "|".join(f"(?P<u{n}>{words})" for n, (_, words, _) in enumerate(_UNITS))
    + r")(?![\w/])"
)
_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "fourteen": 14, "fifteen": 15, "sixteen": 16, "eighteen": 18,
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
    "ein": 1, "eine": 1, "einen": 1, "einem": 1, "einer": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5,
    "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "elf": 11, "zwölf": 12, "vierzehn": 14,
    "zwanzig": 20, "dreißig": 30, "vierzig": 40, "fünfzig": 50, "sechzig": 60, "neunzig": 90,
}  # fmt: skip
_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?i)(?<![\w.,£$€])(?:(?P<whole>\d{{1,3}}(?:,\d{{3}})+|\d+)(?:[.,](?P<part>\d{{1,2}}))?(?!\d)"
    rf"|(?<!-)(?P<word>{_WORD})(?:-(?P<ones>one|two|three|four|five|six|seven|eight|nine))?(?!\w)|(?P<a>an?)(?=\s\w+(?:'s|’s)\snotice))"
)
_COINS = {"GBP": r"pounds?|quid|pfund|£", "EUR": r"euros?|€", "USD": r"dollars?"}
_COIN = re.compile(
    r"(?i)\s(?:" + "|".join(f"(?P<{code}>{words})" for code, words in _COINS.items()) + r")(?!\w)"
)
_PERIODS = {
    "month": (r"(?:calendar )?month|monat", r"monthly|pm|pcm|monatlich"),
    "year": (r"year|annum|jahr", r"yearly|annually|pa|jährlich"),
    "week": (r"week|woche", r"weekly|wöchentlich"),
}
_OF = r"a|per|each|every|pro|im|je|jede[nrs]?"
_AFTER = {
    name: re.compile(rf"(?i)^\s*(?:(?:{_OF}|/)\s*(?:{noun})|(?:{adverb}))(?!\w)")
    for name, (noun, adverb) in _PERIODS.items()
}
_BEFORE = {
    name: re.compile(
        rf"(?i)(?:\b(?:{_OF}) (?:{noun})\W{{0,4}}$|^\W*(?:a|one|each|every|ein) (?:{noun}) (?:of|with|on)\b"
        rf"|\b{name}ly (?:price|cost|charge)\b)"
    )
    for name, (noun, _) in _PERIODS.items()
}
_MONTHS = {"month": 1.0, "year": 1 / 12, "week": 52 / 12}


class Compared(StrEnum):
    """How an amount is said: as it is, as a bound, roughly."""

    EXACT = "exact"
    BELOW = "below"
    ABOVE = "above"
    ABOUT = "about"


_COMPARISONS = {
    Compared.BELOW: re.compile(r"(?i)\b(?:less|lower|cheaper|fewer) than\s*$|\b(?:under|below|unter)\s*$"),
    Compared.ABOVE: re.compile(r"(?i)\b(?:more|higher|dearer) than\s*$|\b(?:over|above|über)\s*$"),
    Compared.ABOUT: re.compile(
        r"(?i)\b(?:about|around|roughly|nearly|almost|approximately|etwa|rund|circa)\s*$"
    ),
}


@dataclass(frozen=True, slots=True)
class Amount:
    """``value`` of ``family``, at ``start`` to ``end``. Money is of a month where ``per`` is a period."""

    start: int
    end: int
    value: float
    family: str
    per: str | None = None
    compared: Compared = Compared.EXACT

    def agrees(self, approved: float) -> bool:
        """Whether it may be said where ``approved`` holds."""
        match self.compared:
            case Compared.BELOW:
                return approved < self.value or (approved == self.value and not self.per)
            case Compared.ABOVE:
                return approved > self.value or (approved == self.value and not self.per)
            case Compared.ABOUT:
                return abs(self.value - approved) <= 0.1 * approved
            case Compared.EXACT:
                # A month is 30 or 31 days, £7.85 a week £34.02 a month.
                return abs(self.value - approved) <= (0.02 * approved if self._is_rounded else 0.004)

    @property
    def _is_rounded(self) -> bool:
        return self.family == "days" or self.per in {"year", "week"}


def family_of(unit: str) -> tuple[str, float]:
    """The family of a unit and how many of the family's it is; a unit that is not known is its own family."""
    found = _UNIT.fullmatch(unit)
    if found is None:
        return unit, 1.0
    family, _, factor = _UNITS[int((found.lastgroup or "u0")[1:])]
    return family, factor


def find_amounts(
    sentence: str, *, heading: str = "", units: Mapping[str, re.Pattern[str]] | None = None
) -> Iterator[Amount]:
    """Amounts of ``sentence``, which may be a cell of a table below ``heading``.

    ``units`` are further ones by their family, as patterns of what follows a number.
    """
    money = [(one.start, one.end, float(one.value.partition(" ")[2]), one.value.partition(" ")[0])
             for one in find_money(sentence)]  # fmt: skip
    taken = [(start, end) for start, end, *_ in money]
    numbers = [one for one in _NUMBER.finditer(sentence) if not _is_within(one.start(), taken)]
    money += [
        (one.start(), coin.end(), _value(one), coin.lastgroup or "")
        for one in numbers
        if (coin := _COIN.match(sentence, one.end())) is not None
    ]
    priced = (_priced(sentence, place, heading) for place in money)
    measured = (
        Amount(
            one.start(), unit.end(), _value(one) * factor, family, compared=_compared(sentence, one.start())
        )
        for one in numbers
        if (unit := _UNIT.match(sentence, one.end())) is not None
        for family, _, factor in [_UNITS[int((unit.lastgroup or "u0")[1:])]]
    )
    others = (
        Amount(one.start(), unit.end(), _value(one), family, compared=_compared(sentence, one.start()))
        for one in numbers
        for family, pattern in (units or {}).items()
        if (unit := pattern.match(sentence, one.end())) is not None
    )
    return chain(priced, measured, others)


def _priced(sentence: str, place: tuple[int, int, float, str], heading: str) -> Amount:
    start, end, value, code = place
    after, before = sentence[end : end + 40], f"{heading}: " if heading else sentence[:start]
    per = next((name for name, pattern in _AFTER.items() if pattern.match(after)), None) or next(
        (name for name, pattern in _BEFORE.items() if pattern.search(before)), None
    )
    month = 1.0 if per is None else _MONTHS[per]
    return Amount(start, end, value * month, code, per, _compared(sentence, start))


def _value(number: re.Match[str]) -> float:
    if number["word"]:
        return float(_WORDS[number["word"].lower()] + _WORDS.get((number["ones"] or "").lower(), 0))
    return 1.0 if number["a"] else float(number["whole"].replace(",", "") + f".{number['part'] or 0}")


def _compared(sentence: str, start: int) -> Compared:
    before = sentence[:start]
    return next((kind for kind, pattern in _COMPARISONS.items() if pattern.search(before)), Compared.EXACT)


def _is_within(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)
