"""Numbers in a sentence, by what they count: money, percentages, dates, times, durations, sizes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from kit.text import normalise, words

_MONTH_NAMES = """
    jan january | feb february | mar march | apr april | may | jun june | jul july | aug august
    | sep sept september | oct october | nov november | dec december
"""
_MONTHS = {
    name: number for number, names in enumerate(_MONTH_NAMES.split("|"), start=1) for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_UP_TO_FIFTEEN = """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
"""
_SPELLED = {word: number for number, word in enumerate(_UP_TO_FIFTEEN.split(), start=1)} | {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "sixty": 60,
    "ninety": 90,
}
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_SPELLED_OUT = "|".join(sorted(_SPELLED, key=len, reverse=True))
_QUALIFIED = r"(?:(?:working|business|calendar|full|consecutive|more)\s)?"
_PATTERNS = (
    ("date", rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?P<month>{_MONTH})\b\.?(?:,?\s+(?P<year>\d{{4}}))?"),
    ("date", rf"\b(?P<month>{_MONTH})\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<year>\d{{4}}))?"),
    ("date", r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"),
    ("time", r"\b(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))?\s?(?P<half>[ap])\.?m\b\.?"),
    ("time", r"\b(?P<hour>\d{1,2}):(?P<minute>\d{2})\b"),
    ("money", rf"(?P<currency>[£$€¥₹])\s?(?P<number>{_NUMBER})(?:\s?(?P<scale>[pkm])\b)?"),
    ("percent", rf"(?P<number>{_NUMBER})\s?(?:%|per\s?cent\b)"),
    (
        "quantity",
        rf"\b(?P<number>{_NUMBER}[\s-]?|(?:{_SPELLED_OUT})[\s-]){_QUALIFIED}(?P<unit>[a-z]{{1,20}})\b",
    ),
)
_FACT = [(kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _PATTERNS]
# "Fibre 500", "Wi-Fi 6", "Step 2": a number that names something.
_NAMED = re.compile(rf"\b([A-Z][\w-]*)\s({_NUMBER})\b(?!\s?%)")
# Words that begin a sentence with a number in it, and name nothing.
_BEFORE_NUMBERS = """
    about after allow all another any around at before between both by during each every first for from in
    last maximum minimum next of on only over pay under until up wait when with within
"""
# Words after a number that do not say what it counts.
_AFTER_NUMBERS = """
    a am an and are as at be but by can for from has have if in is it no nor not of off on or out per pm so
    than that the then this to under up was we when will with you your
"""
_NO_UNIT = frozenset(_AFTER_NUMBERS.split())
_NO_NAME = _NO_UNIT | set(_BEFORE_NUMBERS.split()) | set(_MONTHS)
_TELLING = re.compile(r"[a-z]{3,}")
_NOT_TELLING = "the and for you your are with that this from can will have has our not any all per"
_SMALL_WORDS = frozenset(_NOT_TELLING.split())


@dataclass(frozen=True, slots=True)
class Facts:
    """``values`` by what they count ("money £", "quantity day"); ``names`` are numbers that name something.

    ``topic`` holds the words that say what it is about, numbers and small words left out.
    """

    values: Mapping[str, frozenset[str]]
    names: frozenset[str]
    topic: frozenset[str]


def facts_of(sentence: str) -> Facts:
    """The facts in ``sentence``."""
    rest = normalise(sentence)
    values: dict[str, set[str]] = defaultdict(set)
    for kind, pattern in _FACT:
        if kind == "quantity":  # the last, which would take any number that was not taken before
            for match in reversed(_named(rest)):
                rest = rest[: match.start(2)] + rest[match.end(2) :]
        for match in pattern.finditer(rest):
            slot, value = _read(kind, match)
            if slot:
                values[slot].add(value)
        rest = pattern.sub(" ", rest)
    return Facts(
        {slot: frozenset(found) for slot, found in values.items()}, names_in(sentence), _topic(sentence)
    )


def names_in(text: str) -> frozenset[str]:
    """Numbers that name something, with the word before them: "fibre 500"."""
    return frozenset(match.group().lower() for match in _named(normalise(text)))


def _named(text: str) -> list[re.Match[str]]:
    return [match for match in _NAMED.finditer(text) if match[1].lower() not in _NO_NAME]


def _read(kind: str, match: re.Match[str]) -> tuple[str, str]:
    found = match.groupdict()
    match kind:
        case "date":
            month = found["month"].lower()
            number = int(month) if month.isdigit() else _MONTHS[month]
            return kind, f"{found['year'] or '?'}-{number:02}-{int(found['day']):02}"
        case "time":
            hour = (
                int(found["hour"]) % 12 + 12 * (found["half"].lower() == "p")
                if found.get("half")
                else int(found["hour"])
            )
            return kind, f"{hour:02}:{found['minute'] or '00'}"
        case "money":
            return f"money {found['currency']}", _plain(found["number"]) + (found["scale"] or "").lower()
        case "percent":
            return kind, _plain(found["number"])
        case _:
            unit = found["unit"].lower()
            return ("", "") if unit in _NO_UNIT else (f"quantity {_singular(unit)}", _plain(found["number"]))


def _plain(number: str) -> str:
    number = number.strip(" -")
    spelled = _SPELLED.get(number.lower())
    return f"{float(number.replace(',', '')) if spelled is None else spelled:g}"


def _singular(unit: str) -> str:
    return unit[:-1] if len(unit) > 3 and unit.endswith("s") and not unit.endswith("ss") else unit


def _topic(sentence: str) -> frozenset[str]:
    return frozenset(
        _singular(word) for word in words(sentence) if _TELLING.fullmatch(word) and word not in _SMALL_WORDS
    )
