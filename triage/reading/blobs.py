"""What a program encoded: base64, keys and certificates, and ``data:`` addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.reading.plain_text import Cut, Line

_BLOB = re.compile(
    r"data:[\w.+-]{1,60}/[\w.+-]{1,60}(?:;[\w=.-]{1,60}){0,4},[^\s\"'<>)]*|(?<![\w+/=-])[A-Za-z0-9+/_=-]{120,}"
)
_BLOB_LINE = re.compile(r"[A-Za-z0-9+/_-]{48,}={0,2}$")
_BLOB_END = re.compile(r"[A-Za-z0-9+/_-]{2,}={0,2}$|={1,2}[A-Za-z0-9+/]{4}$")
_PEM = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]{3,40}-----$")


def without_blobs(lines: list[Line], cuts: set[Cut]) -> list[Line]:
    """``lines`` with only what stands around what is encoded."""
    kept: list[Line] = []
    within = 0  # lines of a blob just above
    for place, line in enumerate(lines):
        words = line.text.strip()
        below = lines[place + 1].text.strip() if place + 1 < len(lines) else ""
        if (
            len(words) >= 48
            and _random(words)
            and _BLOB_LINE.match(words)
            and (within or _BLOB_LINE.match(below))
        ):
            within += 1
        elif _PEM.match(words) or (within and _BLOB_END.match(words) and _random_end(words)):
            within = 0
        else:
            kept += _around_blobs(line)
            within = 0
    if sum(len(line.text) for line in kept) < sum(len(line.text) for line in lines):
        cuts.add(Cut.BASE64)
    return kept


def _around_blobs(line: Line) -> Iterator[Line]:
    if len(line.text) < 24 or ("data:" not in line.text and len(line.text) < 120):
        yield line
        return
    place = 0
    for found in _BLOB.finditer(line.text):
        if found.group().startswith("data:") or _random(found.group()):
            yield line.part(place, found.start())
            place = found.end()
    yield line.part(place)


def _random(text: str) -> bool:
    start = text[:4_000]
    return any(map(str.isdigit, start)) and any(map(str.isupper, start)) and any(map(str.islower, start))


def _random_end(words: str) -> bool:
    return words.endswith("=") or (len(words) >= 12 and _random(words))
