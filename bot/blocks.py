"""A passage cut into the pieces that may be quoted: sentences, whole lists, rows of tables."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from kit.text import Span, sentences

_HEADING = re.compile(r"#{1,6}\s+\S")
_STEP = re.compile(r"\d{1,2}[.)]\s+\S")
_BULLET = re.compile(r"[-*+•]\s+\S")
_ROW = re.compile(r"\|.*\|?\s*$")
_RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*\|?\s*$")
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]*)[^)]*\)")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|>~<])")
_RUN_IN = re.compile(r"(\*\*|__)[^*_]+\1[.:?]?")
_HEADING_WORDS = 9  # a line this short without a full stop is a heading that lost its mark-up


class BlockKind(StrEnum):
    """What a piece of a passage is."""

    HEADING = "heading"  # says what follows is about; never quoted by itself
    SENTENCE = "sentence"
    STEPS = "steps"  # an ordered list: whole or not at all
    BULLETS = "bullets"
    ROW = "row"  # one row of a table


@dataclass(frozen=True, slots=True)
class Block:
    """A piece ``passage.text[start:end]``.

    ``sentences`` is the half-open range of ``kit.text.sentences(passage.text)`` that lies in it, so that the
    stored sentence embeddings fit. ``paragraph`` numbers the paragraph, list or table within the
    passage. ``heading`` is the nearest heading above it in the passage, ``columns`` the header cells
    of a row's table and ``header`` their span in the passage (none where the header row stands in another).
    ``items`` are the spans in the passage of a list's outermost items.
    """

    kind: BlockKind
    start: int
    end: int
    text: str
    sentences: tuple[int, int]
    paragraph: int
    heading: str = ""
    columns: tuple[str, ...] = ()
    header: tuple[int, int] | None = None
    items: tuple[tuple[int, int], ...] = ()


@lru_cache(maxsize=4096)
def blocks_of(text: str, context: str = "") -> tuple[Block, ...]:
    """The blocks of a passage's ``text`` in order; together they hold all of it but rules and white space.

    ``context`` is the passage's context, where a table's header row stands when the table was cut.
    """
    return tuple(_Cutter(text, context).cut())


def cells(row: str) -> tuple[str, ...]:
    """The cells of a Markdown table row, readable."""
    inner = row.strip().removeprefix("|").removesuffix("|")
    return tuple(readable(cell.strip()) for cell in re.split(r"(?<!\\)\|", inner))


def readable(text: str) -> str:
    """``text`` without the mark-up that only works inside the help centre: relative links, escapes, marks.

    Bold and italics stay, as do links to a web address.
    """
    text = _LINK.sub(
        lambda m: m.group() if m.group(2).startswith(("http://", "https://")) else m.group(1), text
    )
    return _ESCAPE.sub(r"\1", text)


class _Cutter:
    """One pass over the lines of a passage."""

    def __init__(self, text: str, context: str) -> None:
        self._text = text
        self._spans = sentences(text)
        self._context_columns = _header_cells(context)
        self._blocks: list[Block] = []
        self._paragraph = 0
        self._heading = ""
        self._columns: tuple[str, ...] = ()
        self._header: tuple[int, int] | None = None
        self._in_table = False

    def cut(self) -> list[Block]:
        lines = _lines(self._text)
        place = 0
        while place < len(lines):
            place = self._take(lines, place)
        return self._blocks

    def _take(self, lines: list[Span], place: int) -> int:
        """Make blocks from the line at ``place`` on; the place after them."""
        line = lines[place]
        stripped = line.text.strip()
        if not _ROW.match(stripped) or not stripped.startswith("|"):
            self._in_table = False
        if not stripped:
            self._paragraph += 1
            return place + 1
        if stripped.startswith("|"):
            self._take_row(lines, place)
            return place + 1
        for mark, kind in ((_STEP, BlockKind.STEPS), (_BULLET, BlockKind.BULLETS)):
            if mark.match(stripped):
                return self._take_list(lines, place, mark, kind)
        self._take_prose(line, followed=place + 1 < len(lines))
        return place + 1

    def _take_row(self, lines: list[Span], place: int) -> None:
        line = lines[place]
        if _RULE.fullmatch(line.text.strip()):
            return
        begins = not self._in_table
        self._in_table = True
        if begins:
            self._paragraph += 1
            ruled = place + 1 < len(lines) and _RULE.fullmatch(lines[place + 1].text.strip())
            self._columns = cells(line.text) if ruled else self._context_columns
            self._header = (line.start, line.end) if ruled else None
            if ruled:
                return
        self._add(BlockKind.ROW, line.start, line.end, columns=self._columns, header=self._header)

    def _take_list(self, lines: list[Span], place: int, mark: re.Pattern[str], kind: BlockKind) -> int:
        self._paragraph += 1
        first = last = place
        indent = _indent(lines[place])
        for here in range(place + 1, len(lines)):
            text = lines[here].text
            if not text.strip():
                continue
            if (
                not (mark.match(text.strip()) and _indent(lines[here]) == indent)
                and _indent(lines[here]) <= indent
            ):
                break
            last = here
        starts = [
            lines[here].start for here in range(first, last + 1) if _begins_item(lines[here], mark, indent)
        ]
        items = tuple(zip(starts, [*starts[1:], lines[last].end], strict=True))
        self._add(kind, lines[first].start, lines[last].end, items=items)
        return last + 1

    def _take_prose(self, line: Span, *, followed: bool) -> None:
        spans = [span for span in self._spans if line.start <= span.start < line.end]
        if _HEADING.match(line.text.strip()) or (followed and _reads_as_heading(line.text, len(spans))):
            self._paragraph += 1
            self._heading = readable(line.text.strip().lstrip("#").strip())
            self._add(BlockKind.HEADING, line.start, line.end)
            return
        start: int | None = None
        for place, span in enumerate(spans):
            start = span.start if start is None else start
            if _RUN_IN.fullmatch(span.text) and place + 1 < len(spans):
                continue  # "**Inside.** One hole is drilled": the bold words belong to what follows
            self._add(BlockKind.SENTENCE, start, span.end)
            start = None

    def _add(
        self,
        kind: BlockKind,
        start: int,
        end: int,
        *,
        columns: tuple[str, ...] = (),
        header: tuple[int, int] | None = None,
        items: tuple[tuple[int, int], ...] = (),
    ) -> None:
        inside = [place for place, span in enumerate(self._spans) if start <= span.start < end]
        covered = (inside[0], inside[-1] + 1) if inside else (0, 0)
        text = self._text[start:end].strip()
        self._blocks.append(
            Block(kind, start, end, text, covered, self._paragraph, self._heading, columns, header, items)
        )


def _lines(text: str) -> list[Span]:
    found: list[Span] = []
    start = 0
    for line in text.splitlines(keepends=True):
        found.append(Span(start, start + len(line), line))
        start += len(line)
    return found


def _indent(line: Span) -> int:
    return len(line.text) - len(line.text.lstrip())


def _begins_item(line: Span, mark: re.Pattern[str], indent: int) -> bool:
    return bool(mark.match(line.text.strip())) and _indent(line) == indent


def _reads_as_heading(line: str, sentence_count: int) -> bool:
    bare = line.strip().strip("*_")
    if sentence_count != 1 or len(bare.split()) > _HEADING_WORDS + 5:
        return False
    if bare.endswith("?"):
        return True
    return len(bare.split()) <= _HEADING_WORDS and bare[-1:].isalnum() and bare[:1].isupper()


def _header_cells(context: str) -> tuple[str, ...]:
    lines = context.splitlines()
    for line, following in itertools.pairwise(lines):
        if line.strip().startswith("|") and _RULE.fullmatch(following.strip()):
            return cells(line)
    last = lines[-1].strip() if lines else ""
    return cells(last) if last.startswith("|") else ()
