"""Logs and stack traces, of which only the first lines and the telling ones are left."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from triage.reading.plain_text import Cut, Line

_LOG_LINE = re.compile(
    r"""\s*(?:
    [\[(<]?\d{4}[-/]\d\d[-/]\d\d[T\s]\d\d:\d\d | [\[(]?\d\d:\d\d:\d\d\b | \d{10}\.\d+\s |
    (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s{1,2}\d{1,2}\s\d\d:\d\d:\d\d |
    (?:\d{1,3}\.){3}\d{1,3}\s |
    \[?(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL|SEVERE|NOTICE|VERBOSE)\]?[\s:|-] |
    at\s[\w$.<>/]{1,200}\s?[(\[] | at\s\S{1,200}:\d | File\s"[^"]{1,300}",\sline\s\d | Traceback\s\(most |
    Caused\sby: | \.\.\.\s\d+\smore | \#\d+\s+(?:0x|[\w.]+\() | [\w.$]{0,120}(?:Exception|Error)\b\s?: |
    goroutine\s\d |
    [{}\[\]],?$ | \{?"[^"]{1,80}"\s?: | <\d{1,3}>\S
    )""",
    re.VERBOSE,
)
_WRONG = (
    "error", "fatal", "exception", "fail", "panic", "critical", "denied", "refused", "timeout", "timed out",
    "fehler", "erreur",
)  # fmt: skip
_LOG_LINES = 6  # from which on it is a log and no list of what happened when
_LOG_HEAD, _LOG_ERRORS, _LOG_WIDTH = 3, 5, 200  # lines, lines that tell an error, characters of each


def condensed_logs(lines: list[Line], cuts: set[Cut]) -> list[Line]:
    """``lines`` with only the first and the telling ones of every log."""
    kept: list[Line] = []
    block: list[Line] = []

    def close() -> None:
        logged = [line for line in block if line.words]
        if len(logged) >= _LOG_LINES:
            cuts.add(Cut.LOG)
            kept.extend(_telling(logged))
        else:
            kept.extend(block)
        block.clear()

    for line in lines:
        within = bool(block) and (not line.words or line.text[:2] in {"  ", "\t"})
        if line.mark is None and (within or _LOG_LINE.match(line.text)):
            block.append(line)
        else:
            close()
            kept.append(line)
    close()
    return kept


def _telling(lines: Sequence[Line]) -> Iterator[Line]:
    seen: set[str] = set()
    for place, line in enumerate(lines):
        if place >= _LOG_HEAD:
            start = line.text[: 2 * _LOG_WIDTH].lower()
            if len(seen) == _LOG_ERRORS or not any(word in start for word in _WRONG):
                continue
            shape = re.sub(r"\d+", "0", line.text[:_LOG_WIDTH])
            if shape in seen:
                continue
            seen.add(shape)
        yield line.part(0, _LOG_WIDTH)
