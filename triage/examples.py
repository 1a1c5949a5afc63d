"""Labelled messages, as a company has them: a CSV of old tickets."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from triage.errors import ExamplesInvalid

OUT_OF_SCOPE = "oos"  # the label of messages that none of the labels fits
_REASONS_SHOWN = 10
_FEWEST = 2  # examples of a label: one to learn from, one to check with

_LONGEST_CELL = 2**24  # a ticket with a log in it is longer than the library's 128 kB


@dataclass(frozen=True, slots=True)
class Example:
    """A message and what it is."""

    text: str
    label: str


def read_examples(file: Path, *, text: str = "text", label: str = "label") -> list[Example]:
    """The rows of a CSV file (UTF-8, with a header); ``text`` and ``label`` name its columns.

    Raises ``ExamplesInvalid``, which names the first broken rows and why each is broken; the header is
    row 1.
    """
    problems: list[str] = []
    examples: list[Example] = []
    try:
        with _long_cells(), file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines, strict=True)
            missing = [name for name in (text, label) if name not in (rows.fieldnames or [])]
            if missing:
                columns = ", ".join(rows.fieldnames or []) or "none"
                raise ExamplesInvalid(
                    f"{file} has no column {' and no column '.join(missing)}; it has {columns}."
                )
            for number, row in _numbered(rows, file):
                reason = _why_broken(row, text=text, label=label)
                if reason is None:
                    examples.append(Example(row[text].strip(), row[label].strip()))
                else:
                    problems.append(f"row {number}: {reason}")
    except OSError as error:
        raise ExamplesInvalid(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ExamplesInvalid(
            f"{file} is not UTF-8: byte {error.start} of the part read is {error.object[error.start]:#04x}."
        ) from None
    if problems:
        more = f", and {len(problems) - _REASONS_SHOWN} more" if len(problems) > _REASONS_SHOWN else ""
        raise ExamplesInvalid(f"{file}: {'; '.join(problems[:_REASONS_SHOWN])}{more}.")
    if not examples:
        raise ExamplesInvalid(f"{file} has a header and no rows.")
    return examples


def check_trainable(examples: Iterable[Example]) -> None:
    """Raise ``ExamplesInvalid`` unless there are two labels or more with two examples or more each."""
    counts = Counter(example.label for example in examples if example.label != OUT_OF_SCOPE)
    if len(counts) < 2:
        raise ExamplesInvalid(f"There must be at least two labels to tell apart; there are {len(counts)}.")
    rare = sorted(label for label, count in counts.items() if count < _FEWEST)
    if rare:
        raise ExamplesInvalid(f"Only one example of: {', '.join(rare)}. Each label needs at least {_FEWEST}.")


def content_hash(examples: Sequence[Example]) -> str:
    """SHA-256 of texts and labels in their order, in hexadecimal."""
    digest = hashlib.sha256()
    for example in examples:
        for part in (example.text, example.label):
            digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    return digest.hexdigest()


@contextmanager
def _long_cells() -> Iterator[None]:
    """The library has one limit for the whole process; others rely on it."""
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _numbered(rows: csv.DictReader[str], file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    number = 1
    while True:
        number += 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise ExamplesInvalid(f"{file}: row {number} is not CSV: {error}.") from None
        yield number, row


def _why_broken(row: dict[str, str], *, text: str, label: str) -> str | None:
    if None in row:
        return "it has more cells than the header"
    if row[text] is None or row[label] is None:
        return "it has fewer cells than the header"
    if not row[text].strip():
        return f"{text} is empty"
    if not row[label].strip():
        return f"{label} is empty"
    return None
