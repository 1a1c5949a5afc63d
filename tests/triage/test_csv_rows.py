from __future__ import annotations

import csv
from pathlib import Path

import pytest

from triage.csv_rows import CsvRow, read_csv, why_cells_differ
from triage.errors import ExamplesInvalid


def read(file: Path) -> list[tuple[str, str]]:
    def cells(row: CsvRow) -> tuple[str, str] | str:
        if (reason := why_cells_differ(row, ("text", "label"))) is not None:
            return reason
        return (row["text"], row["label"]) if row["text"] else "text is empty"

    return read_csv(file, cells, columns=("text", "label"), invalid=ExamplesInvalid)


def written(folder: Path, content: str | bytes) -> Path:
    file = folder / "tickets.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_rows_are_read_with_quotes_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    file = written(tmp_path, '\ufefftext,label\n"Hello,\n\nwhere is it?",delivery\nStraße?,address\n')
    assert read(file) == [("Hello,\n\nwhere is it?", "delivery"), ("Straße?", "address")]


def test_a_ticket_with_a_long_log_is_read_and_the_limit_of_others_stays(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    assert len(read(written(tmp_path, f"text,label\n{'x' * 300_000},log\n"))[0][0]) == 300_000
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no column text and no column label; it has none"),
        ("message,label\nhi,a\n", "no column text; it has message, label"),
        ("text,label\n", "a header and no rows"),
        ("text,label\nhi,a\n,b\n", "row 3: text is empty"),
        ("text,label\nhi\n", "row 2: it has fewer cells than the header"),
        ("text,label\nhi,a,b\n", "row 2: it has more cells than the header"),
        ('text,label\nhi,a\n"hi,a\n', "row 3 is not CSV"),
        ('text,"label\nhi,a\n', "row 1 is not CSV"),
        (b"text,label\nstra\xdfe,a\n", "not UTF-8: byte 15 of the part read is 0xdf"),
        ("text,label\n" + ",a\n" * 15, "row 11: text is empty, and 5 more"),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, content: str | bytes, says: str) -> None:
    with pytest.raises(ExamplesInvalid, match=says):
        read(written(tmp_path, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExamplesInvalid, match=r"none\.csv cannot be read: No such file"):
        read(tmp_path / "none.csv")


def test_a_cell_that_nobody_needs_may_be_missing(tmp_path: Path) -> None:
    assert read(written(tmp_path, "text,label,note\nhi,a\n")) == [("hi", "a")]
