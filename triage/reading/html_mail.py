"""HTML as words, with the place of each in the source, and with what its markup says is quoted or signed.

``html.parser`` takes 22 s for 80 kB of "<a" (Python 3.11.7), and Beautiful Soup loses where the words stood.
"""

from __future__ import annotations

import html as markup
import re
from dataclasses import dataclass, field

from triage.reading.plain_text import Cut, PlainText

_HTML_START = re.compile(
    r"\s*(?:<!doctype\shtml|<html[\s>]|<(?:div|p|body|table|span)\b[^<>]{0,500}>)", re.IGNORECASE
)
_HTML_TAG = re.compile(
    r"<(?:/(?:html|body|div|p|span|table|tr|td|ul|li|blockquote|font|a|b|i|strong|em|h[1-6])|br\s?/?)>",
    re.IGNORECASE,
)
_SNIFFED = 20_000
_TAG = re.compile(
    r"<(?P<close>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:-]{0,40})"
    r"(?P<attributes>(?:[^<>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?){0,400}+)>"
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});?")
_NEXT = re.compile(r"[<&]")
_FLAT = {number: " " for number in range(0x3000) if chr(number).isspace()}
_BLOCK_NAMES = """
address article aside blockquote body br center dd div dl dt footer form h1 h2 h3 h4 h5 h6 header hr html li
main nav ol option p pre section table tbody thead tr ul
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_CELLS = frozenset({"td", "th"})
_VOID_NAMES = "area base br col embed hr img input link meta param source track wbr"
_VOID = frozenset(_VOID_NAMES.split())
_UNREAD = frozenset({"script", "style", "head", "title", "template", "noscript", "svg", "object"})
_HIDDEN = re.compile(r"(?i)display\s?:\s?none|mso-hide\s?:\s?all|visibility\s?:\s?hidden")
_QUOTE_BLOCK = re.compile(
    r"(?i)gmail_quote|gmail_extra|yahoo_quoted|moz-cite-prefix|moz-forward-container|protonmail_quote|zmail_extra|"
    r"outlookmessageheader|tutanota_quote|\btype\s?=\s?[\"']?cite"
)
_QUOTE_BELOW = re.compile(
    r"(?i)\bid\s?=\s?[\"']?(?:x_)*(?:divrplyfwdmsg|appendonsend|mail-editor-reference-message-container)|"
    r"border-top:\s?solid\s#(?:e1e1e1|b5c4df)"
)
_SIGNATURE_BLOCK = re.compile(
    r"(?i)gmail_signature|moz-signature|ms-outlook-(?:mobile-)?signature|protonmail_signature|"
    r"\bid\s?=\s?[\"']?(?:x_)*(?:apple-?mail-?)?signature\b"
)


def looks_like_html(source: str) -> bool:
    """Whether ``source`` is HTML and no text with an angle bracket, by its first 20,000 characters."""
    start = source[:_SNIFFED]
    tags = _HTML_TAG.finditer(start)
    found = sum(1 for _ in zip(range(2), tags, strict=False))
    return found == 2 or (bool(found or "</" in start) and bool(_HTML_START.match(start)))


@dataclass(slots=True)
class _Walk:
    """A text in the making; ``mark`` is what the element around is, ``tag`` its name, ``depth`` how deep."""

    parts: list[str] = field(default_factory=list)
    runs: list[tuple[int, int, int, int]] = field(default_factory=list)
    regions: list[tuple[int, int, Cut]] = field(default_factory=list)
    place: int = 0
    mark: Cut | None = None
    began: int = 0
    tag: str = ""
    depth: int = 0
    unclosed: set[str] = field(default_factory=set)

    def say(self, text: str, origin: int, extent: int) -> None:
        if text and self.mark is not Cut.HTML:
            self.parts.append(text)
            self.runs.append((self.place, len(text), origin, extent))
            self.place += len(text)

    def enter(self, mark: Cut, tag: str) -> None:
        self.leave()
        self.mark, self.began, self.tag, self.depth = mark, self.place, tag, 1

    def leave(self) -> None:
        if self.mark is not None and self.mark is not Cut.HTML and self.place > self.began:
            self.regions.append((self.began, self.place, self.mark))
        self.mark = None

    def opened(self, tag: str, attributes: str) -> None:
        if self.mark is not None and tag == self.tag:
            self.depth += 1
        if self.mark in {None, Cut.SIGNATURE}:
            if _QUOTE_BELOW.search(attributes):
                self.enter(Cut.QUOTED, "")  # to the end: nothing closes it
            elif tag == "blockquote" or _QUOTE_BLOCK.search(attributes):
                self.enter(Cut.QUOTED, tag)
            elif self.mark is None and _HIDDEN.search(attributes):
                self.enter(Cut.HTML, tag)
            elif self.mark is None and _SIGNATURE_BLOCK.search(attributes):
                self.enter(Cut.SIGNATURE, tag)

    def closed(self, tag: str) -> None:
        if self.mark is not None and tag == self.tag:
            self.depth -= 1
            if not self.depth:
                self.leave()


def read_html(source: str) -> PlainText:
    """The words of ``source``, a line for each block, marked where it is quoted or signed."""
    walk = _Walk()
    place, last = 0, source.rfind(">")
    while place < len(source):
        found = _NEXT.search(source, place)
        at = found.start() if found else len(source)
        walk.say(source[place:at].translate(_FLAT), place, at - place)
        if not found:
            break
        place = (
            _read_entity(walk, source, at) if found.group() == "&" else _read_tag(walk, source, at, last=last)
        )
    walk.leave()
    return PlainText("".join(walk.parts), tuple(walk.runs), tuple(walk.regions))


def _read_entity(walk: _Walk, source: str, at: int) -> int:
    found = _ENTITY.match(source, at)
    end = found.end() if found else at + 1
    walk.say(markup.unescape(source[at:end]).translate(_FLAT), at, end - at)
    return end


def _behind(walk: _Walk, source: str, at: int, *, name: str) -> int:
    """Where to read on behind the element ``name``, or at ``at`` where nothing closes it."""
    if name in walk.unclosed:
        return at
    closing = re.compile(rf"</{name}\b[^>]{{0,100}}>", re.IGNORECASE).search(source, at)
    if closing is None:
        walk.unclosed.add(name)
        return at
    return closing.end()


def _read_tag(walk: _Walk, source: str, at: int, *, last: int) -> int:
    """Where to read on; ``last`` is the place of the last ">"."""
    if source.startswith("<!--", at):
        end = source.find("-->", at + 4)
        return end + 3 if end >= 0 else len(source)
    if source[at + 1 : at + 2] in {"!", "?"} and at < last:
        return source.find(">", at) + 1
    found = _TAG.match(source, at) if at < last else None
    if found is None:
        walk.say("<", at, 1)
        return at + 1
    name = found["name"].lower()
    if name in _UNREAD and not found["close"]:
        return _behind(walk, source, found.end(), name=name)
    if name in _BLOCKS or name in _CELLS:
        walk.say("\n" if name in _BLOCKS else " ", at, 0)
    if found["close"]:
        walk.closed(name)
    elif name not in _VOID:
        walk.opened(name, found["attributes"][:2_000])
    return found.end()
