"""Whether the language of short messages is named right, and whether its confidence holds."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals.errors import DatasetInvalid
from evals.measures import Measures
from evals.metrics import ece, macro_f1
from evals.report import Report, Stopwatch
from triage.language import LanguageIdentifier

_COLUMNS = ("language", "text")


@dataclass(frozen=True, slots=True)
class Message:
    """A message and the language (ISO 639-1) that it is written in."""

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Identified:
    """A message with what was said of it; ``code`` is None where nothing was."""

    message: Message
    code: str | None
    confidence: float

    @property
    def right(self) -> bool:
        """Whether the language named is the message's."""
        return self.code == self.message.language


def load_messages(path: Path) -> list[Message]:
    """Rows of ``language`` and ``text`` in a CSV file. Raises ``DatasetInvalid`` naming a broken line."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            if not set(_COLUMNS) <= set(rows.fieldnames or ()):
                raise DatasetInvalid(f"{path} needs the columns {' and '.join(_COLUMNS)}.")
            messages = [_message(path, rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetInvalid(f"{path} cannot be read: {error}.") from None
    if not messages:
        raise DatasetInvalid(f"{path} is empty.")
    return messages


def evaluate_language(
    name: str, rows: Sequence[Message], *, identifier: LanguageIdentifier | None = None
) -> Report:
    """Accuracy, macro-F1 over the languages of ``rows``, calibration error, and each language's recall."""
    stopwatch = Stopwatch()
    known = identifier or LanguageIdentifier()
    guesses = [known.identify(row.text) for row in rows]
    found = [Identified(row, guess.code, guess.confidence) for row, guess in zip(rows, guesses, strict=True)]
    return stopwatch.report("language", name, len(rows), measure(found))


def measure(found: Sequence[Identified]) -> Measures:
    """Accuracy, macro-F1, calibration error; ``recall.xx`` for each language that there are messages in."""
    measures = Measures()
    measures.mean("accuracy", [one.right for one in found])
    measures.statistic("macro_f1", len(found), _macro_f1(found))
    measures.pairs("ece", [one.confidence for one in found], [one.right for one in found], ece)
    for language in sorted({one.message.language for one in found}):
        own = [one.right for one in found if one.message.language == language]
        measures.mean(f"recall.{language}", own)
    return measures


def _macro_f1(found: Sequence[Identified]) -> Callable[[NDArray[np.intp]], float]:
    languages = sorted({one.message.language for one in found})
    place = {language: number for number, language in enumerate(languages)}
    truth = np.array([place[one.message.language] for one in found], dtype=np.intp)
    # A language that no message is in, or none at all, is wrong and no class of its own.
    named = np.array([place.get(one.code or "", len(languages)) for one in found], dtype=np.intp)

    return lambda places: macro_f1(truth[places], named[places], len(languages)) if len(places) else math.nan


def _message(path: Path, line: int, row: dict[str, str | None]) -> Message:
    language, text = (row["language"] or "").strip(), row["text"] or ""
    if not language or not text.strip():
        raise DatasetInvalid(f"{path} line {line} needs a language and a text.")
    return Message(language, text)
