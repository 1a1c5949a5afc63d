"""The plain text of a message, line by line, and where each character of it stands in the original."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class Cut(StrEnum):
    """What a reading leaves out."""

    QUOTED = "quoted"
    SIGNATURE = "signature"  # and disclaimers, and "Sent from my iPhone"
    BASE64 = "base64"
    LOG = "log"
    HTML = "html"  # the markup, not its words
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a plain text, from ``start``, without the white space behind it."""

    start: int
    text: str
    mark: Cut | None = None  # what the HTML says it is

    @property
    def words(self) -> str:
        """Its text without white space, emphasis ("*From:*") and what nobody sees at either end."""
        return self.text.strip(" \t*_\u200b\ufeff\xa0")

    @property
    def end(self) -> int:
        """Where it ends in the plain text."""
        return self.start + len(self.text)

    def part(self, start: int, end: int | None = None) -> Line:
        """``text[start:end]`` as a line that knows where it stands."""
        return replace(self, start=self.start + start, text=self.text[start:end])


@dataclass(frozen=True, slots=True)
class PlainText:
    """The text of a message.

    ``runs`` say where it is from: (place, length, place in the original, length there), where both lengths
    are the same, character by character. ``regions`` are what the markup marks: (start, end, as what).
    """

    text: str
    runs: tuple[tuple[int, int, int, int], ...]
    regions: tuple[tuple[int, int, Cut], ...] = ()

    @classmethod
    def of(cls, source: str) -> Self:
        """Of a message that is plain text already."""
        return cls(source, ((0, len(source), 0, len(source)),))

    def lines(self, most: int) -> list[Line]:
        """The first ``most`` lines."""
        lines: list[Line] = []
        place, regions = 0, iter((*self.regions, (len(self.text) + 1, len(self.text) + 1, Cut.HTML)))
        start, end, cut = next(regions)
        for whole in self.text.splitlines(keepends=True)[:most]:
            while place >= end:
                start, end, cut = next(regions)
            lines.append(Line(place, whole.rstrip(), cut if start <= place else None))
            place += len(whole)
        return lines

    def originals(self, places: Sequence[tuple[int, int]]) -> Iterable[tuple[int, int]]:
        """``original`` of each; of a message that is plain text already they are the places themselves."""
        verbatim = len(self.runs) == 1 and self.runs[0] == (0, len(self.text), 0, len(self.text))
        return places if verbatim else map(self.original, places)

    def original(self, place: tuple[int, int]) -> tuple[int, int]:
        """The original's span of a character, or of the seam (an empty span) between two."""
        start, end = place
        if start == end:
            at = self.original((start - 1, start))[1] if start else 0
            return at, at
        begin, length, origin, extent = self.runs[bisect_right(self.runs, start, key=lambda run: run[0]) - 1]
        if length == extent:
            return origin + start - begin, origin + end - begin
        return origin, origin + extent


def has_letter(text: str) -> bool:
    """Whether there is a letter, of any script, in ``text``."""
    return any(map(str.isalpha, text))


def say_something(lines: Iterable[Line]) -> bool:
    """Whether there is a letter in any of ``lines``."""
    return any(has_letter(line.text) for line in lines)
