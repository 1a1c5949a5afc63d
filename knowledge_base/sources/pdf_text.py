"""Paragraphs out of the lines of a PDF, which knows only lines."""

from __future__ import annotations

import re

_BULLET = re.compile(r"^\s*(?:[•●▪◦‣∙·○■□]|[-*](?=\s))\s*")
_NUMBERED = re.compile(r"^\s*(?:\d{1,2}|[a-z])[.)]\s+")
_HYPHENATED = re.compile(r"(?<=[a-zà-ÿ])[-\u00ad]$")
_WHOLE_LINE = (
    0.7  # a line that fills this much of its block's width was broken by the page, not by its author
)


def paragraphs(text: str) -> str:
    """``text`` as pdfminer gives it, with the lines of each paragraph joined and bullets as Markdown's.

    A line is joined to the one before if that one was full or hyphenated, or if it goes on in lower case;
    list items and the rows of tables stay lines of their own.
    """
    blocks = re.split(r"\n[ \t]*\n|\f", text)
    return "\n\n".join(filter(None, map(_join, blocks)))


def _join(block: str) -> str:
    lines = [line.strip() for line in block.splitlines() if line.strip()]
    width = max(map(len, lines), default=0)
    joined: list[str] = []
    before = ""
    for line in lines:
        if joined and _continues(before, line, width):
            last = joined[-1]
            hyphenated = _HYPHENATED.search(last) and line[:1].islower()
            joined[-1] = last[:-1] + line if hyphenated else f"{last} {line}"
        else:
            joined.append(_BULLET.sub("- ", line))
        before = line
    return "\n".join(joined)


def _continues(before: str, line: str, width: int) -> bool:
    if before.startswith("|") or line.startswith("|") or _BULLET.match(line) or _NUMBERED.match(line):
        return False
    return (
        line[:1].islower() or bool(_HYPHENATED.search(before)) or len(before) >= max(width * _WHOLE_LINE, 30)
    )
