"""What qualifies a lead, where the customer says it: budget, authority, need, timing (BANT).

Rules on English words, beside what triage finds of money and dates. What is not said is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from signals.detection import Heard, place
from signals.signal import Stated, StatedField
from triage.entities import Entity

_LONGEST = 20_000  # characters of a text that are looked at, as many as for entities
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?=\d)[^.!?\n]*)*")  # a point before a digit ends none: 12.50
_BUDGET = re.compile(
    r"(?i)\b(?:budget|afford|spend(?:ing)?|up to|no more than|at most|less than|under|willing to pay|"
    r"(?:happy|ready|able|prepared) to pay)\b"
)
# Money that was taken, is owed or comes back is nobody's budget.
_NO_BUDGET = re.compile(
    r"(?i)\b(?:charged?|refund\w*|owe[ds]?|overcharged|compensation|late fee|bill(?:ed)?|debited|took)\b"
)
_DECIDES = re.compile(
    r"(?i)\bI(?:['’]m| am) (?:the |an? )?(?:\w+ ){0,2}(?:owner|director|ceo|cto|cfo|founder|head of \w+|"
    r"(?:it|office|purchasing|procurement) manager|account holder|decision[- ]maker)\b|"
    r"\bI (?:can )?(?:decide|sign off|approve)\b|\bmy (?:own )?(?:business|company|firm|shop)\b|"
    r"\bit['’]?s my decision\b"
)
_ASKS = re.compile(
    r"(?i)\b(?:my|our) (?:boss|manager|director|husband|wife|partner|landlord|parents|board)\b[^.!?\n]{0,40}?"
    r"\b(?:decides?|approves?|agrees?|signs? off|has to|needs? to|must|would have to)\b|"
    r"\b(?:have|need|has) to (?:ask|check with|run it by|convince) (?:my|our|the) \w+|"
    r"\b(?:get|need) (?:approval|sign-off|permission)\b"
)
_NEED = re.compile(
    r"(?i)\b(?:we|I)(?:['’]re| are|['’]m| am)? (?:really |currently |also )?"
    r"(?:need|looking for|look for|interested in|want|would like|thinking (?:of|about)|after)\b"
    r"(?: to (?:add|upgrade|buy|order|get|switch to|move to|have))?[^.!?,;\n]{3,120}"
)
_NO_NEED = re.compile(
    r"(?i)\b(?:refund|cancel|complain|leave|my money back|speak to|talk to|a person|human)\b"
)
_NOW = re.compile(
    r"(?i)\b(?:asap|as soon as possible|immediately|right away|straight away|today|tomorrow|this week|"
    r"urgently|by (?:mon|tues|wednes|thurs|fri|satur|sun)day)\b"
)
_WEEKS = re.compile(
    r"(?i)\b(?:next week|this month|in (?:a|one|two|three|1|2|3) weeks?|within (?:a month|the month)|"
    r"(?:by|at) the end of the month|next month|in (?:a|one|1) month)\b"
)
_MONTHS = re.compile(
    r"(?i)\b(?:next quarter|this quarter|in (?:two|three|four|five|six|[2-6]|a few) months|"
    r"when (?:my|our) contract (?:ends|is up|runs out)|this (?:summer|autumn|winter|spring)|"
    r"by (?:summer|autumn|winter|spring|christmas))\b"
)
_LATER = re.compile(
    r"(?i)\b(?:next year|some ?day|at some point|not (?:yet|now)|no rush|in the future|"
    r"just (?:curious|looking|browsing)|eventually)\b"
)
_HORIZONS = (("now", _NOW), ("weeks", _WEEKS), ("months", _MONTHS), ("later", _LATER))
_DATED = (("now", timedelta(days=7)), ("weeks", timedelta(days=31)), ("months", timedelta(days=183)))
# A date is one of a purchase where its sentence wants something.
_WANTS = re.compile(
    r"(?i)\b(?:need|want|order|start|ready|install\w*|live|upgrade|switch|move|have it|set up|by|before)\b"
)


@dataclass(frozen=True, slots=True)
class _Found:
    field: StatedField
    value: str
    start: int
    end: int


def stated(heard: Heard, *, today: date) -> tuple[Stated, ...]:
    """What the customer said of each field, at most once each: the first that is said of it.

    Offsets are in the message that has the words; a quote that reaches over two messages is cut short.
    """
    text = heard.text[:_LONGEST]
    found: dict[StatedField, Stated] = {}
    for one in _all(text, heard.triage.entities, today):
        if one.field in found:
            continue
        pieces = place(heard, one.start, one.end)
        if pieces:
            message, start, end, words = pieces[0]
            found[one.field] = Stated(one.field, one.value, words, start, end, message)
    return tuple(found.values())


def _all(text: str, entities: Sequence[Entity], today: date) -> Iterator[_Found]:
    for sentence in _SENTENCE.finditer(text):
        within = [one for one in entities if sentence.start() <= one.start < sentence.end()]
        yield from _budget(text, sentence, within)
        yield from _authority(text, sentence)
        yield from _need(text, sentence)
        yield from _timing(text, sentence, within, today)


def _budget(text: str, sentence: re.Match[str], entities: Sequence[Entity]) -> Iterator[_Found]:
    words = _BUDGET.search(text, *sentence.span())
    money = [one for one in entities if one.kind == "money"]
    if words is None or not money or _NO_BUDGET.search(text, *sentence.span()):
        return
    nearest = min(money, key=lambda one: abs(one.start - words.end()))
    start, end = min(words.start(), nearest.start), max(words.end(), nearest.end)
    yield _Found(StatedField.BUDGET, nearest.value, start, end)


def _authority(text: str, sentence: re.Match[str]) -> Iterator[_Found]:
    for value, words in (("asks", _ASKS), ("decides", _DECIDES)):
        said = words.search(text, *sentence.span())
        if said is not None:
            yield _Found(StatedField.AUTHORITY, value, *said.span())
            return


def _need(text: str, sentence: re.Match[str]) -> Iterator[_Found]:
    said = _NEED.search(text, *sentence.span())
    if said is not None and not _NO_NEED.search(said[0]):
        start, end = said.start(), said.start() + len(said[0].rstrip())
        yield _Found(StatedField.NEED, text[start:end], start, end)


def _timing(text: str, sentence: re.Match[str], entities: Sequence[Entity], today: date) -> Iterator[_Found]:
    for value, words in _HORIZONS:
        said = words.search(text, *sentence.span())
        if said is not None:
            yield _Found(StatedField.TIMING, value, *said.span())
            return
    if not _WANTS.search(text, *sentence.span()):
        return
    for one in entities:
        if one.kind == "date" and (day := _day(one.value)) is not None and day >= today:
            far = day - today
            value = next((name for name, limit in _DATED if far <= limit), "later")
            yield _Found(StatedField.TIMING, value, one.start, one.end)
            return


def _day(value: str) -> date | None:
    """The day that ISO 8601 names; none for anything less sure, such as one of two days."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
