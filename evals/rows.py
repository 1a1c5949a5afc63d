"""Reading a data set's files row by row, collecting what is wrong with which line."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from evals.errors import DatasetInvalid

_MOST_REPORTED = 20  # broken lines named in one error; the rest are counted


class _Named(Protocol):
    @property
    def id(self) -> str: ...


class RowReader:
    """Files of one data set folder. Broken lines are collected and raised together by ``check``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._broken: list[str] = []

    @staticmethod
    def nothing_left(reason: str) -> DatasetInvalid:
        """The error for a data set that cannot be used as a whole."""
        return DatasetInvalid(reason)

    def broken(self, file: str, line: int, reason: str) -> None:
        """Note that line ``line`` (from 1) of ``file`` cannot be used."""
        self._broken.append(f"{file} line {line}: {reason}")

    def object(self, file: str) -> dict[str, Any]:
        """The JSON object that is the whole of ``file``."""
        try:
            value = json.loads(self._read(file))
        except json.JSONDecodeError as error:
            raise DatasetInvalid(
                f"{self.path / file} is not JSON: {error.msg}, line {error.lineno}."
            ) from None
        if not isinstance(value, dict):
            raise DatasetInvalid(f"{self.path / file} is not a JSON object.")
        return value

    def json_lines(self, file: str) -> Iterator[JsonLine]:
        """Every line of ``file`` that is a JSON object; others are noted as broken, empty ones skipped."""
        for number, line in enumerate(self._read(file).split("\n"), start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except json.JSONDecodeError as error:
                self.broken(file, number, f"not JSON: {error.msg}")
                continue
            if isinstance(value, dict):
                yield JsonLine(self, file, number, value)
            else:
                self.broken(file, number, "not a JSON object")

    def table(self, file: str, *, columns: int) -> Iterator[tuple[int, list[str]]]:
        """Line number and cells of every row after the header of a tab-separated ``file``."""
        for number, line in enumerate(self._read(file).split("\n"), start=1):
            cells = line.rstrip("\r").split("\t")
            if number == 1 or not line.strip():
                continue
            if len(cells) == columns:
                yield number, cells
            else:
                self.broken(file, number, f"{len(cells)} columns instead of {columns}")

    def check(
        self,
        *,
        relevance: Mapping[str, Mapping[str, int]],
        documents: Collection[str],
        queries: Sequence[_Named],
    ) -> None:
        """Raise ``DatasetInvalid`` if a line was broken, or if a judgement names what does not exist.

        ``documents`` may be empty: then what a judgement names is found out after ingestion.
        """
        known = {query.id for query in queries}
        for query, grades in relevance.items():
            if query not in known:
                self._broken.append(f"qrels.tsv: there is no question {query}")
            self._broken += [
                f"qrels.tsv: question {query} names the document {document}, which does not exist"
                for document in grades
                if documents and document not in documents
            ]
        self.check_usable(len(queries))

    def check_usable(self, usable: int) -> None:
        """Raise ``DatasetInvalid`` if a line was broken, or if nothing usable was found."""
        if self._broken:
            more = len(self._broken) - _MOST_REPORTED
            listed = self._broken[:_MOST_REPORTED] + ([f"and {more} more"] if more > 0 else [])
            raise DatasetInvalid(f"The data set {self.path} has broken rows:\n  " + "\n  ".join(listed))
        if not usable:
            raise DatasetInvalid(f"The data set {self.path} is empty.")

    def _read(self, file: str) -> str:
        try:
            return (self.path / file).read_text(encoding="utf-8")
        except OSError as error:
            raise DatasetInvalid(f"{self.path / file} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError as error:
            raise DatasetInvalid(f"{self.path / file} is not UTF-8: byte {error.start}.") from None


@dataclass(frozen=True, slots=True)
class JsonLine:
    """One JSON object of a file, and where it stands."""

    reader: RowReader
    file: str
    number: int
    value: dict[str, Any]

    def broken(self, reason: str) -> None:
        """Note that this line cannot be used."""
        self.reader.broken(self.file, self.number, reason)

    def text(self, name: str, *, empty: bool = False) -> str | None:
        """The text under ``name``; none, and a note, when it is missing or (unless ``empty``) blank."""
        value = self.value.get(name)
        if isinstance(value, str) and (empty or value.strip()):
            return value
        self.broken(f"no text under `{name}`")
        return None

    def optional_text(self, name: str) -> str | None:
        """The text under ``name``, if there is one."""
        value = self.value.get(name)
        return value if isinstance(value, str) else None

    def turns(self, name: str) -> list[tuple[str, str]]:
        """Role and text of each turn under ``name``."""
        return self._pairs(name, "role", "text")

    def quotes(self, name: str) -> list[tuple[str, str]]:
        """Document and quote of each entry under ``name``."""
        return self._pairs(name, "document", "quote")

    def spans(self, name: str) -> tuple[tuple[int, int], ...]:
        """Pairs of offsets under ``name``."""
        found = []
        for span in self.value.get(name) or ():
            match span:
                case [int(start), int(end)] if 0 <= start <= end:
                    found.append((start, end))
                case _:
                    self.broken(f"`{name}` holds {span!r}, not [start, end]")
        return tuple(found)

    def _pairs(self, name: str, first: str, second: str) -> list[tuple[str, str]]:
        found = []
        for entry in self.value.get(name) or ():
            one, other = (entry.get(first), entry.get(second)) if isinstance(entry, dict) else (None, None)
            if isinstance(one, str) and isinstance(other, str):
                found.append((one, other))
            else:
                self.broken(f"`{name}` holds an entry without `{first}` and `{second}`")
        return found
