from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa  # it ships no type information
import pyarrow.parquet as pq  # as above
import pytest

from triage import files
from triage.errors import FileUnreadable
from triage.files import Row, open_output, read_rows

FIELDS: dict[str, type] = {"row": int, "id": str, "probability": float, "signals": list, "error": str}
ROWS: list[dict[str, Any]] = [
    {"row": 1, "id": "a", "probability": 0.5, "signals": ["churn_risk", "renewal"], "error": None},
    {"row": 2, "id": 'ü, "quoted"\nand more', "probability": None, "signals": [], "error": "text is empty"},
]  # fmt: skip


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_csv_has_its_header_in_row_1(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", 'id,text\n1,"two\nlines"\n\n2,plain "quotes" inside\n')
    assert list(read_rows(file)) == [
        Row(2, {"id": "1", "text": "two\nlines"}),
        Row(4, {"id": "2", "text": 'plain "quotes" inside'}),
    ]


@dataclass(frozen=True)
class Header:
    content: str | bytes
    name: str = "a.csv"


@pytest.mark.parametrize(
    "case",
    [
        Header("id;text\n1;so, well\n"),
        Header("id\ttext\n1\tso, well\n", "a.tsv"),
        Header(b'\xef\xbb\xbfid,"text"\r\n1,"so, well"\r\n'),
        Header('"id";"text"\n1;so, well'),
        Header('{"id": "1", "text": "so, well"}\n', "a.jsonl"),
        Header(b'\xef\xbb\xbf{"id": "1", "text": "so, well"}', "a.NDJSON"),
    ],
)
def test_what_spreadsheets_and_others_write_is_read(case: Header, tmp_path: Path) -> None:
    [row] = read_rows(write(tmp_path / case.name, case.content))
    assert row.values == {"id": "1", "text": "so, well"}


@dataclass(frozen=True)
class Broken:
    line: bytes
    reason: str


@pytest.mark.parametrize(
    "case",
    [
        Broken(b'2,"never closed', "not CSV"),
        Broken(b'2,"closed" too early', "not CSV"),
        Broken(b"2,one,two", "more cells"),
        Broken(b"2", "fewer cells"),
        Broken(b"2,caf\xe9", "not UTF-8"),
    ],
)
def test_a_broken_row_of_a_csv_file_does_not_take_others_with_it(case: Broken, tmp_path: Path) -> None:
    rows = list(
        read_rows(write(tmp_path / "a.csv", b"id,text\n1,before\n" + case.line + b"\n3,after\n4,end\n"))
    )
    assert [row.number for row in rows] == [2, 3, 4, 5]
    assert [row.values.get("text") for row in rows] == ["before", None, "after", "end"]
    assert [index for index, row in enumerate(rows) if row.error] == [1]
    assert case.reason in (rows[1].error or "")


@pytest.mark.parametrize(
    "case",
    [
        Broken(b'{"text": ', "not JSON"),
        Broken(b'["text"]', "no JSON object"),
        Broken(b'{"text": "caf\xe9"}', "not UTF-8"),
        Broken(b'{"text": "\\ud83d"}', "half a character"),
        Broken(b'{"text": ' + b"[" * 100_000, "not JSON"),
        Broken(b'{"text": ' + b"1" * 5000 + b"}", "not JSON"),
    ],
)
def test_a_broken_line_of_a_jsonl_file_does_not_take_others_with_it(case: Broken, tmp_path: Path) -> None:
    rows = list(read_rows(write(tmp_path / "a.jsonl", b'{"text": "a"}\n' + case.line + b'\n\n{"text": "b"}')))
    assert [(row.number, row.values.get("text")) for row in rows] == [(1, "a"), (2, None), (4, "b")]
    assert case.reason in (rows[1].error or "")


def test_a_whole_character_written_as_two_halves_is_read(tmp_path: Path) -> None:
    [row] = read_rows(write(tmp_path / "a.jsonl", b'{"text": "\\ud83d\\ude00"}\n'))
    assert row.values == {"text": "\N{GRINNING FACE}"}


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_line_without_end_is_passed_over(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LONGEST_LINE", 100)
    good = {"a.csv": "text\nfirst\n{}\nlast\n", "a.jsonl": '{{"text":"first"}}\n{}\n{{"text":"last"}}\n'}
    rows = list(read_rows(write(tmp_path / name, good[name].format("x" * 350))))
    assert [row.values.get("text") for row in rows] == ["first", None, "last"]
    assert "longer than" in (rows[1].error or "")


def test_csv_limit_of_others_is_left_alone(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    [row] = read_rows(write(tmp_path / "a.csv", f'text\n"{"long " * 60_000}"\n'))
    assert len(row.values["text"]) == 300_000
    assert csv.field_size_limit() == before


def test_parquet_is_read_row_by_row(tmp_path: Path) -> None:
    table = pa.table(
        {"id": list(range(700)), "text": [f"message {at}" for at in range(700)], "other": [1.0] * 700}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    rows = list(read_rows(tmp_path / "a.parquet", columns=["text", "id"]))
    assert rows[0] == Row(1, {"id": 0, "text": "message 0"})
    assert rows[-1] == Row(700, {"id": 699, "text": "message 699"})


def test_a_broken_string_in_parquet_is_one_broken_row(tmp_path: Path) -> None:
    binary = pa.array([b"good", b"caf\xe9", b"fine"], pa.binary())
    strings = pa.StringArray.from_buffers(3, *binary.buffers()[1:])
    pq.write_table(pa.table({"text": strings}), tmp_path / "a.parquet")
    rows = list(read_rows(tmp_path / "a.parquet"))
    assert [row.values.get("text") for row in rows] == ["good", None, "fine"]
    assert rows[1].error == "it is not UTF-8"


@dataclass(frozen=True)
class Refused:
    name: str
    content: bytes | None
    reason: str


@pytest.mark.parametrize(
    "case",
    [
        Refused("a.xlsx", b"", "none of .csv"),
        Refused("a.csv", None, "No such file"),
        Refused("a.csv", b"", "no header"),
        Refused("a.csv", b"id,body\n", "has no column text; it has id, body"),
        Refused("a.csv", b"text,text\n", "more than one column text"),
        Refused("a.csv", b'"text\n', "row 1, the header"),
        Refused("a.csv", "text\n".encode("utf-16"), "UTF-16"),
        Refused("a.parquet", b"PAR1 and nothing that follows", "no Parquet file from its start"),
    ],
)
def test_a_file_that_is_broken_as_a_whole_is_refused(case: Refused, tmp_path: Path) -> None:
    if case.content is not None:
        write(tmp_path / case.name, case.content)
    with pytest.raises(FileUnreadable, match=case.reason):
        list(read_rows(tmp_path / case.name, columns=["text"]))


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
def test_an_output_appears_when_it_is_finished_and_reads_back(name: str, tmp_path: Path) -> None:
    target = tmp_path / name
    with open_output(target, FIELDS) as output:
        output.write(ROWS)
        assert not target.exists()
        output.finish()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    read = [dict(row.values) for row in read_rows(target)]
    if name == "out.csv":
        assert read[0]["signals"] == "churn_risk;renewal"
        assert [row["id"] for row in read] == [row["id"] for row in ROWS]
    else:
        assert read == ROWS


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
def test_an_output_goes_on_after_what_is_kept(name: str, tmp_path: Path) -> None:
    for folder in ("once", "twice"):
        (tmp_path / folder).mkdir()
    with open_output(tmp_path / "once" / name, FIELDS) as output:
        output.write(ROWS)
        output.finish()
    with open_output(tmp_path / "twice" / name, FIELDS) as output:
        output.write(ROWS[:1])
        kept = output.flush()
        output.write(ROWS)
    with open_output(tmp_path / "twice" / name, FIELDS, keep=kept) as output:
        output.write(ROWS[1:])
        output.finish()
    assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "twice" / name).read_bytes()


def test_jsonl_keeps_what_is_no_column_and_half_a_character(tmp_path: Path) -> None:
    with open_output(tmp_path / "out.jsonl", FIELDS) as output:
        output.write([{"row": 1, "triage": {"certainty": "sure"}, "id": "\ud83d"}])
        output.finish()
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8")) == {
        "row": 1,
        "triage": {"certainty": "sure"},
        "id": "\ud83d",
    }


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=r"none of \.csv"):
        open_output(tmp_path / "out.xlsx", FIELDS)
    with pytest.raises(FileUnreadable, match="cannot be written"):
        open_output(tmp_path / "nowhere" / "out.csv", FIELDS)
    assert not list(tmp_path.iterdir())
