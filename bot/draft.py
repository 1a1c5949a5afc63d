"""What a language model wrote, read as it arrives: sentences with the passages that they rest on.

The model is asked for one JSON object a line. Models without a JSON mode wrap them in arrays, code fences
or remarks; all that is needed here is that the objects themselves can be read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_TEXT_KEYS = ("sentence", "text", "step")
_PASSAGE_KEYS = ("passages", "passage", "sources", "source_ids", "citations")
_TRAILING_COMMA = re.compile(r",\s*([}\]])")


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """One sentence or step as the model wrote it.

    ``passages`` are the numbers it gave, from 1, as they came. ``source`` is the same sentence in the
    language of the passages where the model was asked for it, else the sentence itself.
    """

    text: str
    passages: tuple[int, ...]
    source: str


class DraftParser:
    """Reads JSON objects out of a stream of text. ``insufficient`` turns true when the model says so."""

    def __init__(self) -> None:
        self.insufficient = False
        self._buffer = ""
        self._position = 0
        self._starts: list[int] = []
        self._in_string = False

    def feed(self, text: str) -> list[DraftSentence]:
        """The sentences that ``text``, after all that came before it, completes."""
        self._buffer += text
        found: list[DraftSentence] = []
        while self._position < len(self._buffer):
            character = self._buffer[self._position]
            if self._in_string and character == "\\":
                if self._position + 1 == len(self._buffer):
                    break  # what it escapes has not arrived yet
                self._position += 1
            elif character == '"' and self._starts:
                self._in_string = not self._in_string
            elif not self._in_string:
                found += self._brace(character)
            self._position += 1
        return found

    def _brace(self, character: str) -> list[DraftSentence]:
        if character == "{":
            self._starts.append(self._position)
        elif character == "}" and self._starts:
            sentence = self._read(self._buffer[self._starts.pop() : self._position + 1])
            if sentence:
                return [sentence]
        return []

    def _read(self, source: str) -> DraftSentence | None:
        value = _loads(source) or _loads(_TRAILING_COMMA.sub(r"\1", source)) or {}
        self.insufficient = self.insufficient or value.get("insufficient") is True
        text = next((value[key] for key in _TEXT_KEYS if isinstance(value.get(key), str)), "").strip()
        if not text:
            return None
        numbers: object = next((value[key] for key in _PASSAGE_KEYS if key in value), [])
        origin = value.get("source")
        return DraftSentence(
            text=text,
            passages=tuple(int(number) for number in re.findall(r"\d{1,4}", str(numbers))),
            source=origin.strip() if isinstance(origin, str) and origin.strip() else text,
        )


def _loads(source: str) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(source, strict=False)
    except json.JSONDecodeError:
        return None
    return value
