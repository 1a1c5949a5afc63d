"""Texts as what they say sentence by sentence and cell by cell, and what a sentence denies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kit.text import Span, sentences

_CLAUSE = re.compile(r"[;:,](?!\d)|\s[–—-]\s|\b(?:but|while|whereas|aber|sondern)\b")
# What denies a whole clause, and what denies the few words after it.
_NOT = re.compile(r"(?i)\b(?:not(?! only\b)|never|cannot|nothing|exempt|waived?|nicht|nie)\b|\b\w+n['’]t\b")
_NO = re.compile(r"(?i)\b(?:no|none|nor|neither|without|ohne|kein\w*)\b")
_REACH = 4  # words: "without paying any set-up fee"
_ENUMERATION = re.compile(r"(?i)\b(?:and|or|und|oder)\b")
_LONGEST = 1000  # characters
_PIECE = re.compile(rf"\S.{{0,{_LONGEST - 1}}}(?=\s|$)|\S{{1,{_LONGEST}}}", re.DOTALL)
_ROW = re.compile(r"^\s*\|(.*)\|\s*$")
_RULE = re.compile(r"[\s|:-]*")


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence or a row of a table: ``text`` stands at ``start``.

    ``cells`` are those of a row, with their places in ``text`` and what stands above them; ``follows`` is the
    sentence before it in the same line.
    """

    text: str
    start: int
    cells: tuple[tuple[int, int, str], ...] = ()
    follows: str = ""

    @property
    def is_question(self) -> bool:
        """Whether it asks; what asks claims nothing."""
        return self.text.rstrip(" \t*_\"'”’)").endswith("?")


def said_in(text: str) -> Iterator[Said]:
    """What ``text`` says, in its order: rows of tables by cells, all else by sentences."""
    headings: Sequence[str] | None = None
    before = ""
    ended = 0
    for span in _pieces(text):
        same_line = "\n" not in text[ended : span.start]
        ended = span.end
        row = _ROW.match(span.text)
        if row is None:
            headings = None
            yield Said(span.text, span.start, follows=before if same_line else "")
            before = span.text
            continue
        before = ""
        cells = _cells(span.text)
        if headings is None:
            headings = [span.text[start:end] for start, end in cells]
        elif not _RULE.fullmatch(span.text):
            above = [*headings, *[""] * len(cells)]
            named = tuple((start, end, above[number]) for number, (start, end) in enumerate(cells))
            yield Said(span.text, span.start, named)


def _pieces(text: str) -> Iterator[Span]:
    """Sentences; one that is longer than any is read in pieces, so that time grows with the length only."""
    for span in sentences(text):
        if len(span.text) <= _LONGEST:
            yield span
            continue
        for one in _PIECE.finditer(span.text):
            yield Span(span.start + one.start(), span.start + one.end(), one.group())


def clause_of(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the part of ``text`` that holds ``start`` to ``end`` begins and ends."""
    cuts = [cut.span() for cut in _CLAUSE.finditer(text)]
    low = max((high for _, high in cuts if high <= start), default=0)
    high = min((low for low, _ in cuts if low >= end), default=len(text))
    return low, high


def is_denied(text: str, said: tuple[int, int], *, about: tuple[int, int] | None = None) -> bool:
    """Whether the clause says no to what stands at ``said``; twice no is yes.

    ``about`` is the place of whom it is said of: all between both is looked at, too.
    """
    places = (said, about or said)
    low, high = clause_of(text, min(start for start, _ in places), max(end for _, end in places))
    denials = len(_NOT.findall(text, low, high))
    for one in _NO.finditer(text, low, high):
        between = text[one.end() : said[0]]
        near = one.end() <= said[0] and len(between.split()) <= _REACH and not _ENUMERATION.search(between)
        denials += near or not text[one.end() : high].strip(" .!*")
    return denials % 2 == 1


def _cells(row: str) -> list[tuple[int, int]]:
    places, start = [], row.index("|") + 1
    for bar in re.finditer(r"\|", row[start:]):
        places.append((start, row.index("|") + 1 + bar.start()))
        start = row.index("|") + 1 + bar.end()
    return places


def names_pattern(names: Sequence[str]) -> re.Pattern[str]:
    """Any of ``names`` as whole words, in any case and spacing; the longest that fits."""
    spelt = sorted(set(names), key=lambda one: (-len(one), one))
    words = "|".join(r"\s+".join(map(re.escape, one.split())) for one in spelt)
    return re.compile(rf"(?i)(?<!\w)(?:{words})(?!\w)")
