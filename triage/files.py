"""Rows of CSV, JSONL and Parquet files, in and out, in memory that does not grow with the file."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import pyarrow as pa  # it ships no type information
import pyarrow.parquet as pq  # as above

from triage.errors import FileUnreadable

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
LONGEST_LINE = 2**24  # bytes; a ticket with a log in it has a few hundred thousand
LONGEST_CELL = 2**22  # characters; what an open quotation mark may swallow before it is called broken
_ROWS_AT_ONCE = 256  # of a Parquet file
_ROW_GROUP = 4096
_ARROW = {int: pa.int64(), float: pa.float64(), str: pa.string(), list: pa.list_(pa.string())}
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_TOO_LONG = f"it is longer than {LONGEST_LINE // 2**20} MiB"
_NOT_UTF8 = "it is not UTF-8"


@dataclass(frozen=True, slots=True)
class Row:
    """A row and where it stands. ``error`` says why there are no ``values``.

    ``number`` is the row of a sheet (its header is row 1), the line of a JSONL file, or the row of a Parquet
    file, from 1.
    """

    number: int
    values: Mapping[str, Any]
    error: str | None = None


def read_rows(path: Path, *, columns: Sequence[str] = ()) -> Iterator[Row]:
    """The rows of a file, by its suffix; of ``columns`` only, if they are named.

    A broken row is one with an ``error`` and the next follows it. Raises ``FileUnreadable`` where it is the
    file that is broken, has no such column, or is of no kind that is read.
    """
    readers = {".parquet": _parquet_rows, ".jsonl": _json_rows, ".ndjson": _json_rows}
    reader = readers.get(_suffix(path), _csv_rows)
    try:
        yield from reader(path, columns)
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be read: {error.strerror or error}.") from None


class Output:
    """A file that is written row by row, complete under its own name once ``finish`` has been called.

    Until then it is ``<name>.part``, of which the first ``keep`` bytes stay. ``fields`` are the columns with
    their types; JSONL gets whatever else a row holds as well. Parquet is written once all rows are known,
    from a JSONL ``.part``: what a Parquet file holds cannot be read before its end is written.
    """

    def __init__(self, path: Path, fields: Mapping[str, type], *, keep: int = 0) -> None:
        self.path, self.part, self._fields = path, part_of(path), fields
        self._encode = _encoder(_suffix(path), fields)
        self._file = self._open(keep)

    def _open(self, keep: int) -> BinaryIO:
        self.part.touch()
        file = self.part.open("r+b")
        file.truncate(keep)
        file.seek(keep)
        if not keep and _suffix(self.path) in {".csv", ".tsv"}:
            file.write(self._encode(dict(zip(self._fields, self._fields, strict=True))))
        return file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append ``rows``; they are safe after the next ``flush``."""
        for row in rows:
            self._file.write(self._encode(row))

    def flush(self) -> int:
        """The length of the part in bytes, all of which is on the disk now."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def finish(self) -> None:
        """Give the file its name. What was killed in here can be done again."""
        self.flush()
        self._file.close()
        if _suffix(self.path) == ".parquet":
            _join(self.part, self.path, self._fields)
            self.part.unlink()
        else:
            self.part.replace(self.path)


def open_output(path: Path, fields: Mapping[str, type], *, keep: int = 0) -> Output:
    """A file to write rows to: JSONL, CSV or Parquet, by its suffix.

    Types of ``fields`` are int, float, str and list (of str). Raises ``FileUnreadable`` for any other suffix.
    """
    try:
        return Output(path, fields, keep=keep)
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be written: {error.strerror or error}.") from None


def part_of(path: Path) -> Path:
    """Where the rows of ``path`` are until it is complete. Raises ``FileUnreadable`` as ``open_output``."""
    _suffix(path)
    return path.with_name(path.name + ".part")


def _suffix(path: Path) -> str:
    if path.suffix.lower() not in SUFFIXES:
        raise FileUnreadable(f"{path} is none of {', '.join(SUFFIXES)}.")
    return path.suffix.lower()


class _LineTooLong(ValueError):
    pass


class _Lines:
    """Lines of a file; one that is too long raises ``_LineTooLong``, and the next call gives the next."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        start = file.read(3)
        if start[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            raise FileUnreadable(f"{path} is UTF-16. Save it as UTF-8.")
        if start != b"\xef\xbb\xbf":
            file.seek(0)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self._file.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (line := self._file.readline(LONGEST_LINE)) and not line.endswith(b"\n"):
                pass
            raise _LineTooLong(_TOO_LONG)
        return line


class _Records:
    """Records of a CSV file.

    A broken one costs its first line only: reading goes on at its second, so that a quotation mark which
    nobody closed does not swallow the rest of the file.
    """

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        first = self._take()
        self._again.append(first)
        self._reader = csv.reader(_Feed(self._take), strict=True, delimiter=_delimiter(first))

    def __iter__(self) -> Iterator[list[str] | str]:
        return self

    def __next__(self) -> list[str] | str:
        """The next record, or why there is none."""
        self._taken.clear()
        before = csv.field_size_limit(LONGEST_CELL)  # one limit for the process; others rely on theirs
        try:
            cells = next(self._reader)
        except (csv.Error, _LineTooLong) as error:
            self._again.extendleft(reversed(self._taken[1:]))
            return f"it is not CSV: {error}" if isinstance(error, csv.Error) else str(error)
        finally:
            csv.field_size_limit(before)
        return _NOT_UTF8 if any(map(_HALF_CHARACTER.search, cells)) else cells

    def _take(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines).decode(errors="surrogateescape")
        self._taken.append(line)
        return line


class _Feed:
    """An iterator that may go on after its end, as a generator may not."""

    def __init__(self, take: Callable[[], str]) -> None:
        self._take = take

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return self._take()


def _delimiter(header: str) -> str:
    """What most columns are apart by: a spreadsheet in German writes semicolons."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(",;\t", key=bare.count)


def _csv_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    with path.open("rb") as file:
        try:
            records = _Records(_Lines(file, path))
            header = next(records)
        except (StopIteration, _LineTooLong):
            raise FileUnreadable(f"{path} has no header.") from None
        if isinstance(header, str):
            raise FileUnreadable(f"{path}: row 1, the header, cannot be read: {header}.")
        _check_header(path, header, columns)
        wanted = columns or header
        for number, cells in enumerate(records, start=2):
            if isinstance(cells, str):
                yield Row(number, {}, cells)
            elif len(cells) != len(header) and cells:
                how = "more" if len(cells) > len(header) else "fewer"
                yield Row(number, {}, f"it has {how} cells than the header")
            elif cells:
                row = dict(zip(header, cells, strict=True))
                yield Row(number, {name: row[name] for name in wanted})


def _json_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    with path.open("rb") as file:
        lines = _Lines(file, path)
        number = 0
        while True:
            number += 1
            try:
                line = next(lines)
            except StopIteration:
                return
            except _LineTooLong as error:
                yield Row(number, {}, str(error))
                continue
            if line.strip():
                yield _json_row(number, line, columns)


def _json_row(number: int, line: bytes, columns: Sequence[str]) -> Row:
    try:
        values = json.loads(line)
        if not isinstance(values, dict):
            return Row(number, {}, "it is no JSON object")
        if b"\\u" in line:
            json.dumps(values, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        return Row(number, {}, _NOT_UTF8)
    except UnicodeEncodeError:
        return Row(number, {}, "it holds half a character (one \\u of a pair)")
    except json.JSONDecodeError as error:
        return Row(number, {}, f"it is not JSON: {error.msg} at character {error.colno}")
    except (ValueError, RecursionError) as error:
        return Row(number, {}, f"it is not JSON: {error}")
    return Row(number, {name: values[name] for name in columns if name in values} if columns else values)


def _parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            _check_header(path, file.schema_arrow.names, columns)
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=list(columns) or None):
                for values in _batch_rows(batch):
                    number += 1
                    yield Row(number, {}, values) if isinstance(values, str) else Row(number, values)
    except pa.ArrowException as error:
        where = f"after row {number}" if number else "from its start"
        raise FileUnreadable(f"{path} is no Parquet file {where}: {error}.") from None


def _batch_rows(batch: pa.RecordBatch) -> list[dict[str, Any] | str]:
    """The rows of a batch, one by one where one of them cannot be read."""
    try:
        return list(batch.to_pylist())
    except (ValueError, OverflowError) as error:
        if len(batch) == 1:
            return [_NOT_UTF8 if isinstance(error, UnicodeDecodeError) else f"it cannot be read: {error}"]
        return [row for at in range(len(batch)) for row in _batch_rows(batch.slice(at, 1))]


def _check_header(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in header]
    if missing:
        there = ", ".join(header) or "none"
        raise FileUnreadable(f"{path} has no column {' and no column '.join(missing)}; it has {there}.")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise FileUnreadable(f"{path} has more than one column {', '.join(twice)}.")


def _encoder(suffix: str, fields: Mapping[str, type]) -> Callable[[Mapping[str, Any]], bytes]:
    if suffix in {".csv", ".tsv"}:
        return _CsvEncoder(fields, delimiter="\t" if suffix == ".tsv" else ",")
    if suffix == ".parquet":
        return lambda row: _json_line({name: row.get(name) for name in fields})
    return _json_line


def _json_line(row: Mapping[str, Any]) -> bytes:
    # A backslash and the number of half a character is what JSON has for it.
    line = json.dumps(row, ensure_ascii=False, default=_fields_of)
    return line.encode(errors="backslashreplace") + b"\n"


def _fields_of(value: Any) -> dict[str, Any]:  # noqa: ANN401 (whatever json does not know)
    """Of a dataclass, as ``asdict`` but without the deep copy, which takes longer than to write the line."""
    return {each.name: getattr(value, each.name) for each in fields(value)}


class _CsvEncoder:
    def __init__(self, fields: Iterable[str], *, delimiter: str) -> None:
        self._fields = tuple(fields)
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, delimiter=delimiter, lineterminator="\n")

    def __call__(self, row: Mapping[str, Any]) -> bytes:
        self._writer.writerow([_cell(row.get(name)) for name in self._fields])
        line = self._text.getvalue().encode(errors="replace")
        self._text.seek(0)
        self._text.truncate()
        return line


def _cell(value: object) -> object:
    return ";".join(map(str, value)) if isinstance(value, list | tuple) else value


def _batches(lines: Iterator[bytes], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """A few rows at a time: as Python's objects they take ten times the memory."""
    while rows := [json.loads(line) for line in islice(lines, _ROWS_AT_ONCE)]:
        yield pa.RecordBatch.from_pylist(rows, schema=schema)


def _join(part: Path, target: Path, columns: Mapping[str, type]) -> None:
    """The rows of a JSONL file as a Parquet file: row groups of one size, however the rows were written."""
    schema = pa.schema([(name, _ARROW[kind]) for name, kind in columns.items()])
    joined = target.with_name(target.name + ".joined")
    with part.open("rb") as lines, joined.open("wb") as file:
        with pq.ParquetWriter(file, schema) as writer:
            while group := list(_batches(islice(lines, _ROW_GROUP), schema)):
                writer.write_table(pa.Table.from_batches(group, schema).combine_chunks())
        file.flush()
        os.fsync(file.fileno())
    joined.replace(target)
