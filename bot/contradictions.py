"""Quoted sentences without those that say what the brand does not approve."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.answer import AnswerSentence, Citation
from bot.claim_review import Became, Objection
from signals.brand.claim_checker import Finding, FindingKind

# A sentence that opens like this means little without the one before it.
LEANS_BACK = re.compile(
    r"^\W*(?:it|its|they|their|them|this|these|that|those|he|she|his|her|then|there|otherwise|however|but|and"
    r"|also|so|both|neither|either|without (?:it|one)|in (?:this|that|either|both) cases?|if not"
    r"|after (?:this|that)|later than that|beyond this|yes|no)\b|^\W*(?:\w+\s+){1,3}(?:it|them)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quotable:
    """What may be said of a quoted answer; nothing where its ``heart``, the best piece, may not."""

    sentences: tuple[AnswerSentence, ...]
    objections: tuple[Objection, ...] = ()


def quotable(
    sentences: Sequence[AnswerSentence],
    *,
    heart: Citation,
    join: Callable[[Sequence[AnswerSentence]], str],
    check: Callable[[str], Sequence[Finding]],
) -> Quotable:
    """``sentences`` without contradictions, and what cannot stand without the ones that are left out.

    Of an answer whose ``heart`` is left out nothing is said: the rest only completes it. Words that the brand
    does not use are quoted all the same; they are for whoever writes.
    """
    found = [one for one in check(join(sentences)) if one.kind is not FindingKind.TONE]
    if not found:
        return Quotable(tuple(sentences))
    wrong = _places(sentences, found, join)
    gone = _with_dependants(sentences, set(wrong.values()))
    withheld = any(_covers(sentences[place], heart) for place in gone)
    became = Became.WITHHELD if withheld else Became.LEFT_OUT
    objections = tuple(
        Objection(one, became, next(iter(sentences[place].citations), None)) for one, place in wrong.items()
    )
    kept = () if withheld else tuple(one for place, one in enumerate(sentences) if place not in gone)
    return Quotable(kept if any(one.citations for one in kept) else (), objections)


def _places(
    sentences: Sequence[AnswerSentence],
    found: Sequence[Finding],
    join: Callable[[Sequence[AnswerSentence]], str],
) -> dict[Finding, int]:
    """Which sentence each finding is in: the text of the first n sentences begins the text of all."""
    ends = [len(join(sentences[: number + 1])) for number in range(len(sentences))]
    return {one: next(place for place, end in enumerate(ends) if one.start < end) for one in found}


def _with_dependants(sentences: Sequence[AnswerSentence], gone: set[int]) -> set[int]:
    """``gone`` with the sentences after them that lean back on them, and their headings and lead-ins."""
    more = set(gone)
    for place in range(1, len(sentences)):
        if place - 1 in more and LEANS_BACK.match(sentences[place].text):
            more.add(place)
    for place in range(len(sentences) - 1, 0, -1):
        if place in more and (
            not sentences[place - 1].citations or sentences[place - 1].text.rstrip("*_").endswith(":")
        ):
            more.add(place - 1)
    return more


def _covers(sentence: AnswerSentence, heart: Citation) -> bool:
    return any(
        one.passage_id == heart.passage_id and one.start < heart.end and one.end > heart.start
        for one in sentence.citations
    )
