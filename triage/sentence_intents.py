"""The sentences of messages, each of which may be about something else."""

from __future__ import annotations

from collections.abc import Sequence

from kit.text import sentences
from triage.spans import Spans

_MOST = 8  # sentences of a message


def sentences_of(texts: Sequence[str]) -> Spans:
    """The sentences of those of ``texts`` that have several, eight at most of each."""
    return Spans.of(texts, [_sentences(text) if several(text) else [] for text in texts])


def several(text: str) -> bool:
    """Whether there may be more than one sentence; cheap, for most messages are one."""
    return any(mark in text[:-1] for mark in ".!?\n…。！？")


def _sentences(text: str) -> list[tuple[int, int]]:
    found = [(one.start, one.end) for one in sentences(text)[:_MOST]]
    return found if len(found) > 1 else []
