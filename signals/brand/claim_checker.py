"""Whether a text says what its brand may not say.

A check by rules, the same each time: a number with a unit that stands with the name of a product is one of
those approved for it; what does not hold is not affirmed and what holds is not denied; an offer whose time is
over, or has not come, is not made; words that the brand does not use are not used. Questions claim nothing,
and neither do numbers that are denied or are of the past. It misses what says no name or number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from signals.brand.amounts import Amount, family_of, find_amounts
from signals.brand.campaign_text import made
from signals.brand.claims import BrandClaims, Claim, Product, Statement, Term, Wording
from signals.brand.sentences import Said, clause_of, is_denied, names_pattern, said_in

# "£3 less a month" and "save £60 a year" are differences, not prices; "£20 for each month left" is a charge.
_NO_PRICE_AFTER = re.compile(
    r"(?i)^\s*(?:(?:a|per|each|every) (?:month|year)\s+)?"
    r"(?:more|less|off|extra|cheaper|dearer|discount|on top|credit|left|remaining|to set up)\b"
)
_NO_PRICE_BEFORE = re.compile(
    r"(?i)\b(?:sav\w+|adds?|another|extra|additional|by|ris\w+|increas\w+|discount of|sparen sie)"
    r"(?:\s+(?:you|about|of|up to|a further))*\s*$"
)
_NO_PRICE_ABOVE = re.compile(r"(?i)\b(?:left|remaining|added|rise|saving|discount|charge|fee)\b")
_PAST = re.compile(
    r"(?i)\b(?:was|were|used to|previously|formerly|no longer|instead of|rather than|paid|reached|measured"
    r"|got|told|said|wrote|had|war|kostete|statt)\b|\bnot\b|\bnever\b|n['’]t\b|\bnicht\b"
)
_NOW = re.compile(r"(?i)\b(?:now|today|but|jetzt)\b")
_WORDS_BEFORE = 5
# "80 Mbps on Basics Plus" is said of what comes after it, and so is "for £31 a month you get Fibre 300".
_OF_WHAT_FOLLOWS = re.compile(
    r"(?i)^\W*(?:(?:a|per|each|every) (?:month|year)\s+)?(?:(?:on|with|for|of|in|für|bei)\s+(?:the |our |a )?"
    r"|[^;:.,£€$\d]{0,30}\b(?:get|gets|have|buys?|gives? you)\s+)$"
)
# "Add a Pod to Fibre 300 for £5 a month", "pausing Fibre 300 costs £8 a month".
_OF_SOMETHING_ELSE = re.compile(r"(?i)\badd(?:s|ed)?\b.*\bto (?:the |your )?$|\b\w{3,}ing (?:the |your )?$")
_PREPOSITION = re.compile(r"(?i)\b(?:for|of|on|with|to|in|from|by|than)\s+(?:the |your |our )?$")
# A price of no period is the product's own where nothing else stands between: "Fibre 500 costs just £35".
_DIRECT = re.compile(
    r"(?i)^(?:\W|\d+(?:\.\d+)?\s?mbps\b|\b(?:plan|package|broadband|tariff|at|for|is|costs?|price|priced|only|just|now|still|from|be"
    r"|will|would|currently|starts?|less|more|than|under|over|about|around|kostet|nur|ab|für)\b)+$"
)
_LEANS_BACK = re.compile(
    r"(?i)^\W*(?:it|this plan|that plan|the plan|this|that|der tarif|er)\b"
    r"|\bfor (?:it|this plan|that plan)\W*$"
)


class FindingKind(StrEnum):
    """What is wrong with a text."""

    WRONG_NUMBER = "wrong_number"
    WRONG_STATEMENT = "wrong_statement"
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


Named = tuple[int, int, Product]


class ClaimChecker:
    """Checks texts against the claims of a brand; names are found in any case, as whole words."""

    def __init__(self, claims: BrandClaims) -> None:
        self.claims = claims
        self._products = [(names_pattern([one.name, *one.aliases]), one) for one in claims.products]
        self._terms = [
            (names_pattern([one.name, *one.aliases]), _any(one.unless), one) for one in claims.terms
        ]
        self._statements = [
            (names_pattern(one.about), names_pattern(one.says), _any(one.unless), one)
            for one in claims.statements
        ]
        self._offers = [(names_pattern([one.name, *one.aliases]), one) for one in claims.offers]
        self._tone = [
            (names_pattern([one.phrase, *one.aliases]), _any(one.unless), one) for one in claims.tone
        ]
        subjects = (*claims.products, *claims.terms)
        units = {claim.unit for one in subjects for claim in one.claims}
        self._units = {
            unit: re.compile(rf"(?i)[\s-]?{re.escape(unit)}(?!\w)")
            for unit in units
            if family_of(unit)[0] == unit and not _is_currency(unit)
        }
        self._beside = {
            words: names_pattern(words) for one in subjects for claim in one.claims if (words := claim.beside)
        }

    def check(self, text: str, *, on: date) -> list[Finding]:
        """Everything in ``text`` that does not hold ``on`` that day, in the order of the text."""
        found: set[Finding] = set()
        for said in said_in(text):
            if not said.is_question:
                found.update(_placed(one, said.start) for one in self._said(said, text, on))
        return sorted(found, key=lambda one: (one.start, one.end, one.kind, one.about))

    def _said(self, said: Said, text: str, on: date) -> Iterator[Finding]:
        yield from self._numbers(said, on)
        yield from self._of_terms(said, on)
        for about, says, unless, statement in self._statements:
            if not unless.search(said.text):
                yield from _wrong_statement(said.text, about, says, statement)
        for pattern, offer in self._offers:
            if not offer.holds(on):
                for place in made(offer, pattern, said.text, whole=text):
                    yield _finding(FindingKind.OFFER_NOT_VALID, said.text, place, offer.name, offer.span())
        for pattern, unless, wording in self._tone:
            yield from _spoken(said.text, pattern, unless, wording)

    def _numbers(self, said: Said, on: date) -> Iterator[Finding]:
        named = _named(self._products, said.text)
        if not named and _LEANS_BACK.search(said.text):
            before = {one.name: one for _, _, one in _named(self._products, said.follows)}
            named = [(0, 0, product) for product in before.values()] if len(before) == 1 else []
        if not named:
            return
        for amount in self._amounts(said):
            if any(low <= amount.start < high for low, high, _ in named) or _is_past(said.text, amount):
                continue  # the 300 of Fibre 300
            owner = _whose(said, amount, named)
            if owner is not None:
                yield from self._judge(said, amount, owner, on)

    def _judge(self, said: Said, amount: Amount, owner: Named, on: date) -> Iterator[Finding]:
        claims = [
            claim
            for claim in owner[2].claims
            if claim.holds(on)
            and _is_alike(claim, amount)
            and (not claim.beside or self._beside[claim.beside].search(said.text))
            and (claim.per is None or _is_price(said, amount, owner))
        ]
        if claims and not any(_agrees(claim, amount) for claim in claims):
            yield _number(said.text, amount, owner[2], claims)

    def _of_terms(self, said: Said, on: date) -> Iterator[Finding]:
        for pattern, unless, term in self._terms:
            if pattern.search(said.text) and not unless.search(said.text):
                for amount in self._amounts(said):
                    yield from self._judge_term(said, amount, term, on)

    def _judge_term(self, said: Said, amount: Amount, term: Term, on: date) -> Iterator[Finding]:
        if _is_past(said.text, amount):
            return
        claims = [
            claim
            for claim in term.claims
            if claim.holds(on)
            and family_of(claim.unit)[0] == amount.family
            and (not claim.beside or _is_near(said.text, amount, self._beside[claim.beside]))
        ]
        if claims and not any(_agrees(claim, amount) for claim in claims):
            yield _number(said.text, amount, term, claims)

    def _amounts(self, said: Said) -> Iterator[Amount]:
        if not said.cells:
            yield from find_amounts(said.text, units=self._units)
        for start, end, above in said.cells:
            if not _NO_PRICE_ABOVE.search(above):
                for one in find_amounts(said.text[start:end], heading=above, units=self._units):
                    yield Amount(
                        one.start + start, one.end + start, one.value, one.family, one.per, one.compared
                    )


def _named(products: Sequence[tuple[re.Pattern[str], Product]], text: str) -> list[Named]:
    """Products that are named, by their place; where names overlap the longer is meant."""
    said = [(*found.span(), product) for pattern, product in products for found in pattern.finditer(text)]
    said.sort(key=lambda one: (one[0] - one[1], one[0]))
    kept: list[Named] = []
    for low, high, product in said:
        if all(high <= other[0] or low >= other[1] for other in kept):
            kept.append((low, high, product))
    return sorted(kept, key=lambda one: one[0])


def _whose(said: Said, amount: Amount, named: Sequence[Named]) -> Named | None:
    """The product that an amount is said of: one that follows it at once, else the last before it."""
    if said.cells:
        return named[0] if len({product.name for *_, product in named}) == 1 else None
    after = next((one for one in named if one[0] >= amount.end), None)
    if after is not None and _OF_WHAT_FOLLOWS.match(said.text[amount.end : after[0]]):
        return after
    owner = next((one for one in reversed(named) if one[1] <= amount.start), None)
    if owner is not None and _OF_SOMETHING_ELSE.search(said.text[: owner[0]]):
        return None
    return owner


def _is_price(said: Said, amount: Amount, owner: Named) -> bool:
    """Whether it is what the product costs, rather than a difference or a charge."""
    if _NO_PRICE_AFTER.match(said.text[amount.end :]) or _NO_PRICE_BEFORE.search(said.text[: amount.start]):
        return False
    if amount.per is not None:
        return True
    low, high, _ = owner
    direct = _DIRECT.match(said.text[high : amount.start]) is not None and high <= amount.start
    return direct and not said.cells and not _PREPOSITION.search(said.text[:low])


def _is_past(text: str, amount: Amount) -> bool:
    """Whether the amount is denied, or was so once: within the few words before it, in its clause."""
    low, _ = clause_of(text, amount.start, amount.end)
    before = " ".join(text[low : amount.start].split()[-_WORDS_BEFORE:])
    return _PAST.search(before) is not None and not _NOW.search(before)


def _is_near(text: str, amount: Amount, pattern: re.Pattern[str]) -> bool:
    before = text[: amount.start].split()[-_WORDS_BEFORE - 1 :]
    after = text[amount.end :].split()[:_WORDS_BEFORE]
    return pattern.search(" ".join([*before, *after])) is not None


def _wrong_statement(
    text: str, about: re.Pattern[str], says: re.Pattern[str], statement: Statement
) -> Iterator[Finding]:
    for said in says.finditer(text):
        nearest = min(about.finditer(text), key=lambda one: abs(one.start() - said.start()), default=None)
        if nearest is None:
            return
        if is_denied(text, said.span(), about=nearest.span()) == statement.holds:
            about_whom = statement.about[0]
            yield _finding(FindingKind.WRONG_STATEMENT, text, said.span(), about_whom, statement.name)
            return


def _spoken(
    text: str, pattern: re.Pattern[str], unless: re.Pattern[str], wording: Wording
) -> Iterator[Finding]:
    if unless.search(text):
        return
    for said in pattern.finditer(text):
        if not is_denied(text[: said.end()], said.span()) or is_denied(said.group(), (0, len(said.group()))):
            yield _finding(FindingKind.TONE, text, said.span(), wording.phrase, wording.say)


def _is_alike(claim: Claim, amount: Amount) -> bool:
    """Whether both are of one family; a price is one in any currency."""
    family, _ = family_of(claim.unit)
    return family == amount.family or (_is_currency(family) and _is_currency(amount.family))


def _agrees(claim: Claim, amount: Amount) -> bool:
    family, factor = family_of(claim.unit)
    months = 12 if claim.per == "year" else 1
    return family == amount.family and any(amount.agrees(value * factor / months) for value in claim.values)


def _is_currency(family: str) -> bool:
    return re.fullmatch("[A-Z]{3}", family) is not None


def _number(text: str, amount: Amount, product: Product, claims: Sequence[Claim]) -> Finding:
    shown = "; ".join(
        f"{claim.what} {', '.join(f'{value:g}' for value in claim.values)} {claim.unit}" for claim in claims
    )
    return _finding(FindingKind.WRONG_NUMBER, text, (amount.start, amount.end), product.name, shown)


def _finding(kind: FindingKind, text: str, place: tuple[int, int], about: str, approved: str) -> Finding:
    start, end = place
    return Finding(kind, start, end, text[start:end], about, approved)


def _placed(one: Finding, offset: int) -> Finding:
    return Finding(one.kind, one.start + offset, one.end + offset, one.text, one.about, one.approved)


def _any(words: Sequence[str]) -> re.Pattern[str]:
    return names_pattern(words) if words else re.compile(r"(?!)")
