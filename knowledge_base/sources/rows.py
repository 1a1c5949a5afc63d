"""CSV and JSONL files: one document per row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from itertools import islice

from knowledge_base.document import Document, DocumentKind
from knowledge_base.errors import CannotLoad
from knowledge_base.sources.canonical import canonical, first_of, flat_metadata, moment, one_line
from knowledge_base.sources.source import ROW_SEPARATOR, Failure, Loaded

_ID = ("id", "_id")
_URL = ("url",)
_UPDATED = ("updated", "updated_at", "last_updated")
_OWN_FIELDS = {*_ID, *_URL, *_UPDATED, "question", "answer", "title", "text"}
_EXPECTED = "expected columns question and answer, or title and text (id, url and updated may join them)"

_Row = Mapping[str, object]
_Numbered = Iterator[tuple[int, _Row | CannotLoad]]


def rows_of_csv(key: str, text: str, *, most: int) -> Loaded:
    """One document per row of a CSV file with a header; a comma, semicolon or tab separates columns.

    Raises ``CannotLoad`` for a file without the columns needed or with more than ``most`` rows.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), dialect=_dialect(text), strict=True)
    try:
        names = {one_line(name).lower() for name in reader.fieldnames or ()}
    except csv.Error as error:
        raise CannotLoad(f"Its header cannot be read: {error}.") from None
    fits = {"question", "answer"} <= names or ("text" in names and not names.isdisjoint({"title", *_ID}))
    if not fits:
        raise CannotLoad(f"Its header does not fit: {_EXPECTED}.")
    return _collect(key, _csv_rows(reader), most)


def rows_of_jsonl(key: str, text: str, *, most: int) -> Loaded:
    """One document per line of a JSONL file. Raises ``CannotLoad`` beyond ``most`` rows."""
    return _collect(key, _jsonl_rows(text), most)


def _collect(key: str, rows: _Numbered, most: int) -> Loaded:
    documents: dict[str, Document] = {}
    failures: list[Failure] = []
    for number, row in islice(rows, most + 1):
        if number > most:
            raise CannotLoad(f"It has more than {most:,} rows.")
        row_key = f"{key}{ROW_SEPARATOR}{number}"
        try:
            document = _document(key, number, row)
        except CannotLoad as error:
            failures.append(Failure(row_key, error.detail))
            continue
        if document.key in documents:
            failures.append(Failure(row_key, f"An earlier row has the same id, {document.key!r}."))
        else:
            documents[document.key] = document
    if failures and not documents:
        raise CannotLoad(f"None of its rows can be used; the first: {failures[0].reason}")
    return Loaded(tuple(documents.values()), failures=tuple(failures))


def _document(key: str, number: int, row: _Row | CannotLoad) -> Document:
    if isinstance(row, CannotLoad):
        raise row
    question, answer = _text(row, "question"), _text(row, "answer")
    title, text = _text(row, "title"), _text(row, "text")
    if question and answer:
        kind, title, text = DocumentKind.QUESTION_ANSWER, question, answer
    elif text:
        kind = DocumentKind.ARTICLE
    else:
        raise CannotLoad(f"It lacks a value: {_EXPECTED}.")
    row_id = first_of(row, *_ID)
    name = one_line(str(row_id)) if isinstance(row_id, str | int) else ""
    url = first_of(row, *_URL)
    return Document(
        key=f"{key}{ROW_SEPARATOR}{name or number}",
        title=one_line(title) or _first_words(text),
        text=canonical(text),
        kind=kind,
        url=one_line(url) if isinstance(url, str) else None,
        updated_at=moment(first_of(row, *_UPDATED)),
        metadata=flat_metadata((field, value) for field, value in row.items() if field not in _OWN_FIELDS),
    )


def _text(row: _Row, name: str) -> str:
    value = row.get(name)
    return canonical(value).strip() if isinstance(value, str) else ""


def _first_words(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= 60 else line[:60].rsplit(" ", 1)[0] + " …"


def _csv_rows(reader: csv.DictReader[str]) -> _Numbered:
    number = 0
    while True:
        number += 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield number, CannotLoad(f"The row cannot be read: {error}.")
            continue
        if row is None:
            return
        yield number, {one_line(name).lower(): value for name, value in row.items() if isinstance(name, str)}


def _jsonl_rows(text: str) -> _Numbered:
    number = 0
    for line in text.split("\n"):
        if not line.strip():
            continue
        number += 1
        yield number, _parsed(line)


def _parsed(line: str) -> _Row | CannotLoad:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return CannotLoad(f"The line is not JSON: {error}.")
    if not isinstance(row, dict):
        return CannotLoad("The line is not a JSON object.")
    return {str(name).strip().lower(): value for name, value in row.items()}


def _dialect(text: str) -> type[csv.Dialect]:
    header = text.lstrip("\ufeff\n\r ").split("\n", 1)[0]
    separator = max(",;\t", key=header.count)

    class Dialect(csv.excel):
        delimiter = separator

    return Dialect
