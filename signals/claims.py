"""What a brand may say of itself, as data (``claims.yaml``), and whether a text says otherwise.

A check by rules, the same each time: a number with a unit that stands with the name of a product is one of
those approved for it; an offer whose time is over, or has not come, is not named; words that the brand does
not use are not used. It misses what says no name or number, and reads what is quoted as if it were said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from signals.catalogue import Period
from signals.data_file import read_data
from triage.entities.money import find_money

SHIPPED = Path(__file__).with_name("claims.yaml")
Name = Annotated[str, Field(min_length=1, max_length=200)]
# A point ends a sentence where no digit follows: £29.50.
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.](?=\d)[^.!?\n]*)*[.!?]?")
_NUMBER = re.compile(r"(?<![\w.,£$€])(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?")
_PERIODS = {
    "month": re.compile(r"(?i)^\s*(?:a|per|each|every|/)\s*(?:calendar )?month|^\s*(?:monthly|pm\b|pcm\b)"),
    "year": re.compile(r"(?i)^\s*(?:a|per|each|every|/)\s*year|^\s*(?:yearly|annually|pa\b)"),
}
# "£3 less a month" is a difference, not a price.
_DIFFERENCE = re.compile(
    r"(?i)^\s*(?:(?:a|per|each|every) month\s+)?"
    r"(?:more|less|off|extra|cheaper|dearer|discount|on top|credit)\b"
)


# "80 Mbps on Basics Plus" is said of what comes after it.
_OF_WHAT_FOLLOWS = re.compile(
    r"(?i)^\s*(?:(?:a|per|each|every) (?:month|year)\s+)?(?:on|with|for|of|in)\s+(?:the |our |a )?$"
)


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Claim(Period):
    """Numbers that may be said of a product with ``unit``: a currency (ISO 4217) or words such as Mbps."""

    what: Name
    values: tuple[float, ...] = Field(min_length=1)
    unit: Name
    per: Literal["month", "year"] | None = None


class Product(_Data):
    """Something that is sold, by all names that it goes by."""

    name: Name
    aliases: tuple[Name, ...] = ()
    claims: tuple[Claim, ...] = Field(min_length=1)


class Campaign(Period):
    """An offer that may be named while its time lasts."""

    name: Name
    aliases: tuple[Name, ...] = ()


class Wording(_Data):
    """Words that the brand does not use, and what it says instead."""

    phrase: Name
    say: Name


class BrandClaims(_Data):
    """All of it, for one brand."""

    brand: Name
    products: tuple[Product, ...] = ()
    offers: tuple[Campaign, ...] = ()
    tone: tuple[Wording, ...] = ()


class FindingKind(StrEnum):
    """What is wrong with a text."""

    WRONG_NUMBER = "wrong_number"
    OFFER_NOT_VALID = "offer_not_valid"
    TONE = "tone"


@dataclass(frozen=True, slots=True)
class Finding:
    """``text[start:end]`` says what it should not: ``about`` whom, and what holds instead."""

    kind: FindingKind
    start: int
    end: int
    text: str
    about: str
    approved: str


@dataclass(frozen=True, slots=True)
class _Amount:
    start: int
    end: int
    value: float
    unit: str


class ClaimChecker:
    """Checks texts against the claims of a brand; names are found in any case, as whole words."""

    def __init__(self, claims: BrandClaims) -> None:
        self._products = [(_names(one.name, one.aliases), one) for one in claims.products]
        self._offers = [(_names(one.name, one.aliases), one) for one in claims.offers]
        self._tone = [(_names(one.phrase, ()), one) for one in claims.tone]
        units = {claim.unit for one in claims.products for claim in one.claims}
        self._units = {unit: re.compile(rf"(?i)^\s*{re.escape(unit)}(?!\w)") for unit in units}

    def check(self, text: str, *, on: date) -> list[Finding]:
        """Everything in ``text`` that does not hold ``on`` that day, in the order of the text."""
        found = [finding for sentence in _SENTENCE.finditer(text) for finding in self._numbers(sentence, on)]
        for pattern, offer in self._offers:
            if not offer.holds(on):
                found += [
                    _finding(FindingKind.OFFER_NOT_VALID, text, said.span(), offer.name, offer.span())
                    for said in pattern.finditer(text)
                ]
        for pattern, wording in self._tone:
            found += [
                _finding(FindingKind.TONE, text, said.span(), wording.phrase, wording.say)
                for said in pattern.finditer(text)
            ]
        return sorted(found, key=lambda one: (one.start, one.end))

    def _numbers(self, sentence: re.Match[str], on: date) -> Iterator[Finding]:
        text, (start, end) = sentence.string, sentence.span()
        named = self._named(text, start, end)
        if not named:
            return
        for amount in self._amounts(text[start:end], start, named):
            product = _whose(text, amount, named)
            claims = [
                claim
                for claim in product.claims
                if claim.unit == amount.unit and claim.holds(on) and _is_meant(claim, text, amount.end)
            ]
            approved = sorted({value for claim in claims for value in claim.values})
            if claims and amount.value not in approved:
                shown = "; ".join(_shown(claim) for claim in claims)
                place = (amount.start, amount.end)
                yield _finding(FindingKind.WRONG_NUMBER, text, place, product.name, shown)

    def _named(self, text: str, start: int, end: int) -> list[tuple[int, int, Product]]:
        """Products that are named, by their place; where names overlap the longer is meant."""
        said = [
            (*found.span(), product)
            for pattern, product in self._products
            for found in pattern.finditer(text, start, end)
        ]
        said.sort(key=lambda one: (one[0] - one[1], one[0]))
        kept: list[tuple[int, int, Product]] = []
        for low, high, product in said:
            if all(high <= other[0] or low >= other[1] for other in kept):
                kept.append((low, high, product))
        return sorted(kept, key=lambda one: one[0])

    def _amounts(
        self, sentence: str, offset: int, named: Sequence[tuple[int, int, Product]]
    ) -> Iterator[_Amount]:
        for money in find_money(sentence):
            code, _, value = money.value.partition(" ")
            if not _DIFFERENCE.match(sentence[money.end :]):
                yield _Amount(money.start + offset, money.end + offset, float(value), code)
        for number in _NUMBER.finditer(sentence):
            low = number.start() + offset
            if any(start <= low < end for start, end, _ in named):
                continue  # the 300 of Fibre 300
            for unit, pattern in self._units.items():
                after = pattern.match(sentence[number.end() :])
                if after is not None:
                    said = float(number[1].replace(",", "") + f".{number[2] or 0}")
                    yield _Amount(low, number.end() + after.end() + offset, said, unit)


def read_claims(file: Path = SHIPPED) -> BrandClaims:
    """The claims of a YAML file. Raises ``SignalDataInvalid``."""
    return read_data(file, BrandClaims)


def _whose(text: str, amount: _Amount, named: Sequence[tuple[int, int, Product]]) -> Product:
    """The product that an amount is said of: one that follows at once, else the last before it, else any."""
    after = next((one for one in named if one[0] >= amount.end), None)
    if after is not None and _OF_WHAT_FOLLOWS.match(text[amount.end : after[0]]):
        return after[2]
    before = [product for start, _, product in named if start < amount.start]
    return before[-1] if before else named[0][2]


def _shown(claim: Claim) -> str:
    return f"{claim.what} {', '.join(f'{value:g}' for value in claim.values)} {claim.unit}"


def _is_meant(claim: Claim, text: str, end: int) -> bool:
    return claim.per is None or _PERIODS[claim.per].match(text[end : end + 40]) is not None


def _names(name: str, aliases: Sequence[str]) -> re.Pattern[str]:
    spelt = sorted({name, *aliases}, key=lambda one: (-len(one), one))
    words = "|".join(r"\s+".join(map(re.escape, one.split())) for one in spelt)
    return re.compile(rf"(?i)(?<!\w)(?:{words})(?!\w)")


def _finding(kind: FindingKind, text: str, place: tuple[int, int], about: str, approved: str) -> Finding:
    start, end = place
    return Finding(kind, start, end, text[start:end], about, approved)
