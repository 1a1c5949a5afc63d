"""Rows of a CSV file that people filled in: all of them, or the first that are broken and why."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from kit.errors import InvalidInput

_LONGEST_CELL = 2**24  # a ticket with a log in it is longer than the library's 128 kB
_REASONS_SHOWN = 10

CsvRow = Mapping[str, str]
Made = TypeVar("Made")


def read_csv(
    file: Path,
    read: Callable[[CsvRow], Made | str],
    *,
    columns: Sequence[str],
    invalid: type[InvalidInput],
) -> list[Made]:
    """What ``read`` makes of each row of ``file`` (UTF-8, with a header), in their order.

    A text that ``read`` returns says why a row is broken. ``columns`` are those that must be there. Raises
    ``invalid``, which names the first broken rows and why each is broken; the header is row 1.
    """
    found: list[Made] = []
    problems: list[str] = []
    for number, row in _rows(file, columns=columns, invalid=invalid):
        made = read(row)
        if isinstance(made, str):
            problems.append(f"row {number}: {made}")
        else:
            found.append(made)
    if problems:
        more = f", and {len(problems) - _REASONS_SHOWN} more" if len(problems) > _REASONS_SHOWN else ""
        raise invalid(f"{file}: {'; '.join(problems[:_REASONS_SHOWN])}{more}.")
    if not found:
        raise invalid(f"{file} has a header and no rows.")
    return found


def why_cells_differ(row: CsvRow, columns: Iterable[str]) -> str | None:
    """Why ``row`` has no cell for one of ``columns``, or one that no column is for; none where it fits."""
    if None in row:
        return "it has more cells than the header"
    if any(row[name] is None for name in columns):
        return "it has fewer cells than the header"
    return None


def _rows(file: Path, *, columns: Sequence[str], invalid: type[InvalidInput]) -> Iterator[tuple[int, CsvRow]]:
    """Rows with their numbers. What no row can be blamed for is raised at once."""
    number = 0  # of the last row that was read
    try:
        with _long_cells(), file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines, strict=True)
            there = rows.fieldnames or []
            missing = [name for name in columns if name not in there]
            if missing:
                shown = ", ".join(there) or "none"
                raise invalid(f"{file} has no column {' and no column '.join(missing)}; it has {shown}.")
            number = 1
            for number, row in enumerate(rows, start=2):
                yield number, row
    except csv.Error as error:
        raise invalid(f"{file}: row {number + 1} is not CSV: {error}.") from None
    except OSError as error:
        raise invalid(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise invalid(
            f"{file} is not UTF-8: byte {error.start} of the part read is {error.object[error.start]:#04x}."
        ) from None


@contextmanager
def _long_cells() -> Iterator[None]:
    """The library has one limit for the whole process; others rely on it."""
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)
