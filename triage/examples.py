"""Labelled messages, as a company has them: a CSV of old tickets."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.csv_rows import CsvRow, read_csv, why_cells_differ
from triage.errors import ExamplesInvalid

OUT_OF_SCOPE = "oos"  # the label of messages that none of the labels fits
_FEWEST = 2  # examples of a label: one to learn from, one to check with


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
    return read_csv(
        file,
        lambda row: _read_row(row, text=text, label=label),
        columns=(text, label),
        invalid=ExamplesInvalid,
    )


def read_texts(file: Path, *, text: str = "text") -> list[str]:
    """The messages of a CSV file, as ``read_examples`` reads them; other columns are not looked at.

    Rows without a message are left out: an export of tickets has some. Raises ``ExamplesInvalid``.
    """
    found = read_csv(file, lambda row: (row[text] or "",), columns=(text,), invalid=ExamplesInvalid)
    return [cell.strip() for (cell,) in found if cell.strip()]


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


def _read_row(row: CsvRow, *, text: str, label: str) -> Example | str:
    """The example, or why there is none."""
    if (reason := why_cells_differ(row, (text, label))) is not None:
        return reason
    if not row[text].strip():
        return f"{text} is empty"
    if not row[label].strip():
        return f"{label} is empty"
    return Example(row[text].strip(), row[label].strip())
