"""Words and sentences of a text, with their offsets."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_ABBREVIATIONS = frozenset(
    [
        "e.g",
        "i.e",
        "etc",
        "vs",
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "st",
        "no",
        "approx",
        "min",
        "max",
        "inc",
        "ltd",
        "co",
        "corp",
        "dept",
        "est",
        "fig",
        "tel",
        "ext",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
        "sat",
        "sun",
        "a.m",
        "p.m",
        "u.s",
        "u.k",
    ]
)
_BOUNDARY = re.compile(r"[.!?…。！？]+[\"'”’)\]*_]*(?=\s|$)|\n")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text: ``text[start:end]``, offsets in characters."""

    start: int
    end: int
    text: str


def words(text: str) -> list[str]:
    """Lower-case words of ``text`` (letters and digits; inner apostrophes, dots and hyphens kept)."""
    return [match.group().lower() for match in _WORD.finditer(normalise(text))]


def rarity(having: int, total: int) -> float:
    """How telling a word is that ``having`` of ``total`` pieces have: BM25's inverse frequency, above 0."""
    return math.log(1 + (total - having + 0.5) / (having + 0.5))


def normalise(text: str) -> str:
    """``text`` in Unicode NFKC, which folds ligatures, full-width letters and non-breaking spaces."""
    return unicodedata.normalize("NFKC", text)


def sentences(text: str) -> list[Span]:
    """Sentences of ``text`` in order, stripped of surrounding white space; a line break ends one.

    ``text[span.start:span.end] == span.text`` holds for each, and together they hold every character
    that is not white space.
    """
    spans: list[Span] = []
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        if boundary.group() != "\n" and _is_abbreviation(text, boundary):
            continue
        _append_stripped(spans, text, start, boundary.end())
        start = boundary.end()
    _append_stripped(spans, text, start, len(text))
    return spans


def _is_abbreviation(text: str, boundary: re.Match[str]) -> bool:
    if not boundary.group().startswith(".") or len(boundary.group()) > 1:
        return False
    before = text[max(0, boundary.start() - 12) : boundary.start()]
    word = before.split()[-1].lstrip("([\"'").lower() if before.split() else ""
    following = text[boundary.end() :].lstrip(" ")[:1]
    if word in _ABBREVIATIONS:
        return not (word in {"etc", "a.m", "p.m", "no"} and (following.isupper() or not following))
    is_list_number = (
        word.isdigit() and len(word) <= 2 and text[: boundary.start() - len(word)].endswith(("\n", ""))
    )
    line_start = text.rfind("\n", 0, boundary.start()) + 1
    return is_list_number and not text[line_start : boundary.start() - len(word)].strip()


def _append_stripped(spans: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        begin = start + len(piece) - len(piece.lstrip())
        spans.append(Span(begin, begin + len(stripped), stripped))
