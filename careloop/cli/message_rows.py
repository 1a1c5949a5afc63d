"""Messages in a file that a company brings: CSV, JSONL or Parquet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from careloop.cli.session import console
from triage.bulk import BATCH, Columns, message_of
from triage.files import read_rows
from triage.message import Message
from triage.reading import read_message

FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file", help="Messages of a CSV, JSONL or Parquet file instead of stored tickets.", metavar="FILE"
    ),
]
TextOption = Annotated[str, typer.Option(help="Column of the messages, in a file.")]
SubjectOption = Annotated[str | None, typer.Option(help="Column of the subjects, in a file.")]
IdOption = Annotated[str | None, typer.Option("--id", help="Column that names a row, in a file.")]
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message with what else its row holds; ``name`` is its id or "row 17"."""

    name: str
    message: Message
    values: Mapping[str, Any]


@dataclass(slots=True)
class MessageFile:
    """The messages of ``file``; ``problems`` names the rows that hold none, once they were read."""

    file: Path
    columns: Columns
    problems: list[str] = field(default_factory=list)

    def rows(self) -> Iterator[MessageRow]:
        """Every message. Raises ``FileUnreadable`` where the file is broken, or has no such column."""
        next(read_rows(self.file, columns=self.columns.names()), None)  # its columns are looked at first
        for row in read_rows(self.file):
            found = message_of(row, self.columns)
            if isinstance(found, str):
                self.problems.append(f"row {row.number}: {found}")
                continue
            name = row.values.get(self.columns.id) if self.columns.id else None
            yield MessageRow(f"row {row.number}" if name is None else str(name), found, row.values)

    def end(self) -> None:
        """Say which rows could not be used, and end with exit status 1 if there were any."""
        out = console()
        for problem in self.problems[:_SHOWN]:
            out.print(problem, markup=False)
        if len(self.problems) > _SHOWN:
            out.print(f"and {len(self.problems) - _SHOWN} more rows")
        if self.problems:
            raise typer.Exit(1)


def in_batches(rows: Iterable[MessageRow]) -> Iterator[list[MessageRow]]:
    """As many at a time as the encoder reads at once."""
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch


def read_of(message: Message) -> str:
    """What triage reads of it."""
    return read_message(message.text, subject=message.subject).text or message.text or ""


def facts_of(row: MessageRow, *, besides: Collection[str | None]) -> dict[str, Any]:
    """What a row says of its customer, for rules: all its columns but ``besides``, numbers as numbers."""
    return {name: _number(value) for name, value in row.values.items() if name not in besides}


def _number(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value
