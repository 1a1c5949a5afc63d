"""The pieces of a text that are read, and the text they make together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from triage.reading.plain_text import Cut, Line
from triage.reading.visible_text import visible

LONGEST = 4_000  # characters of a reading; triage/ngrams.py counts no more
_TAIL = 1_000  # of LONGEST, from the end: what is asked stands first or last

Piece = tuple[int, int, str]  # from, to, and what stands before it


def joined(lines: Iterable[Line]) -> Iterator[Piece]:
    """Pieces with a line break between them, or a space where a mail program wrapped the line."""
    before = ""
    for line in lines:
        if line.words or line.text.strip():
            wrapped = 50 <= len(before) <= 90 and before[-1] not in ".!?:;" and line.text[:1].islower()
            yield line.start, line.end, " " if wrapped else "\n"
        before = line.text


def shortened(pieces: list[Piece], dropped: set[Cut]) -> list[Piece]:
    """``pieces`` up to ``LONGEST`` characters: the beginning and the end."""
    length = sum(end - start + 1 for start, end, _ in pieces)
    if length <= LONGEST:
        return pieces
    dropped.add(Cut.TOO_LONG)
    head, tail = list[Piece](), list[Piece]()
    room = LONGEST - _TAIL
    for start, end, gap in pieces:
        if room <= 1:
            break
        head.append((start, min(end, start + room - 1), gap))
        room -= end - start + 1
    read = head[-1][1]
    room = _TAIL
    for start, end, gap in reversed(pieces):
        if room <= 1 or end <= read:
            break
        tail.append((max(start, end - room + 1, read), end, gap))
        room -= end - start + 1
    return [*head, *reversed(tail)]


def spelled(text: str, pieces: Iterable[Piece]) -> tuple[str, list[tuple[int, int]]]:
    """What is read, and the span of ``text`` that each character stands for."""
    said: list[str] = []
    spans: list[tuple[int, int]] = []
    for start, end, gap in pieces:
        words, places = visible(text[start:end])
        if not words:
            continue
        if said:
            said.append(gap)
            spans.append((spans[-1][1],) * 2)
        said.append(words)
        starts = [start + place for place in places]
        spans += zip(starts, [place + 1 for place in starts], strict=True)
    return "".join(said), spans
