from __future__ import annotations

import csv
import gc
import json
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa  # it ships no type information
import pyarrow.parquet as pq  # as above
import pytest

from kit.errors import InvalidInput, Unavailable
from tests.triage.triaged import triaged
from triage.bulk import FIELDS, Columns, triage_file
from triage.errors import CannotResume, FileUnreadable, TargetTaken
from triage.files import part_of, read_rows
from triage.labels import Certainty, Priority, Signal, Triage
from triage.message import Message

ROOT = Path(__file__).parents[2]
TARGETS = ["out.jsonl", "out.csv", "out.parquet"]
COLUMNS = Columns(text="body", subject="subject", id="ticket")


class WordTriager:
    """Triages by one word, and cannot read a message that says "poison"."""

    def __init__(self) -> None:
        self.asked: list[Message] = []

    def triage(
        self,
        messages: Sequence[Message],
        *,
        evidence: bool = True,  # noqa: ARG002 (the port has it)
    ) -> list[Triage]:
        self.asked += messages
        return [self._one(message) for message in messages]

    def _one(self, message: Message) -> Triage:
        said = f"{message.subject or ''} {message.text or ''}".lower()
        if "poison" in said:
            raise InvalidInput("nobody can read this")
        if "refund" in said:
            angry = "angry" in said
            return triaged(
                queue="billing",
                priority=Priority.P2 if angry else Priority.P3,
                signals={Signal.CHURN_RISK: 0.9} if angry else {},
            )
        return triaged("other", probability=0.4, certainty=Certainty.NOT_SURE, queue="general")


class BreaksAfter(WordTriager):
    """Stops answering after ``good`` passes."""

    def __init__(self, good: int) -> None:
        super().__init__()
        self._left = good

    def triage(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Triage]:
        if not self._left:
            raise Unavailable("the model server went away")
        self._left -= 1
        return super().triage(messages, evidence=evidence)


def sheet(folder: Path, rows: int, *, name: str = "tickets.csv") -> Path:
    """Every 7th row is broken in one of three ways."""
    lines = ["ticket,subject,body"]
    for at in range(rows):
        match at % 21:
            case 6:
                lines.append(f"{at},,")
            case 13:
                lines.append(f'{at},s,"never closed {at}')
            case 20:
                lines.append(f"{at},poison,message {at}")
            case 1 | 2:
                lines.append(f"{at},angry,I want a refund {at}")
            case _:
                lines.append(f"{at},,message {at} is about nothing ü")
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("out"))


def test_each_row_gets_its_labels_or_the_reason_why_not(tmp_path: Path) -> None:
    seen: list[int] = []
    source, target = sheet(tmp_path, 42), tmp_path / "out.jsonl"
    report = triage_file(source, target, WordTriager(), columns=COLUMNS, batch=16, advance=seen.append)
    rows = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert (report.rows, report.triaged, report.broken, report.resumed) == (42, 36, 6, 0)
    assert seen == [16, 16, 10]
    assert [row["row"] for row in rows] == list(range(2, 44))
    assert list(rows[1]) == [*FIELDS, "triage"]
    assert rows[1]["triage"]["priority"]["probabilities"][1] == ["P2", 0.7]
    flat = {name: rows[1][name] for name in FIELDS}
    assert flat == {
        "row": 3,
        "id": "1",
        "intent": "billing.refund_request",
        "certainty": "sure",
        "probability": 0.8,
        "queue": "billing",
        "priority": "P2",
        "sentiment": "neutral",
        "language": "en",
        "origin": "customer",
        "signals": ["churn_risk"],
        "error": None,
    }
    assert {row["row"]: row["error"] for row in rows if row["error"]} == {
        8: "body is empty",
        15: rows[13]["error"],
        22: "nobody can read this",
        29: "body is empty",
        36: rows[34]["error"],
        43: "nobody can read this",
    }
    assert "not CSV" in rows[13]["error"]
    assert report.problems[0] == "row 8: body is empty"
    assert leftovers(tmp_path) == ["out.jsonl"]


def test_parquet_in_csv_out(tmp_path: Path) -> None:
    table = pa.table({"body": ["refund, angry", None, "hello"], "number": [7, 8, None]})
    pq.write_table(table, tmp_path / "in.parquet")
    target = tmp_path / "out.csv"
    triage_file(tmp_path / "in.parquet", target, WordTriager(), columns=Columns(text="body", id="number"))
    with target.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["id"] for row in rows] == ["7", "8", ""]
    assert [row["priority"] for row in rows] == ["P2", "", "P3"]
    assert rows[0]["signals"] == "churn_risk"
    assert rows[1]["error"] == "body is empty"


def test_a_message_is_what_its_columns_say(tmp_path: Path) -> None:
    lines = [{"body": "hi", "subject": "s"}, {"subject": "only"}, {"body": 5}, {"other": "x"}, {"body": " "}]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    triager = WordTriager()
    triage_file(source, tmp_path / "out.jsonl", triager, columns=Columns(text="body", subject="subject"))
    assert triager.asked == [Message("hi", "s"), Message(None, "only")]
    errors = [row.values["error"] for row in read_rows(tmp_path / "out.jsonl")]
    assert errors == [None, None, "body is no text", "it has no body", "body is empty"]


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("good", [0, 1, 3])
def test_a_run_that_broke_off_goes_on_where_it_was(name: str, good: int, tmp_path: Path) -> None:
    source = sheet(tmp_path, 100)
    triage_file(source, tmp_path / f"whole-{name}", WordTriager(), columns=COLUMNS)
    columns = Columns(text="body", id="ticket")  # no subject: nothing is asked twice
    triage_file(source, tmp_path / f"plain-{name}", WordTriager(), columns=columns)
    with pytest.raises(Unavailable):
        triage_file(source, tmp_path / name, BreaksAfter(good), columns=columns, batch=17)
    assert not (tmp_path / name).exists()
    triager, seen = WordTriager(), list[int]()
    report = triage_file(source, tmp_path / name, triager, columns=columns, batch=10, advance=seen.append)
    assert (report.rows, report.resumed) == (100, 17 * good)
    assert sum(seen) == 100
    assert len(triager.asked) == sum(1 for at in range(17 * good, 100) if at % 21 not in {6, 13})
    assert (tmp_path / name).read_bytes() == (tmp_path / f"plain-{name}").read_bytes()
    assert (tmp_path / name).read_bytes() != (tmp_path / f"whole-{name}").read_bytes()
    assert leftovers(tmp_path) == [name]


def broken_off(folder: Path, name: str) -> tuple[Path, Path]:
    source, target = sheet(folder, 100), folder / name
    with pytest.raises(Unavailable):
        triage_file(source, target, BreaksAfter(3), columns=Columns("body"), batch=17)
    return source, target


def cut_line(target: Path) -> None:
    part = part_of(target)
    part.write_bytes(part.read_bytes()[:-25])


def cut_to_nothing(target: Path) -> None:
    part_of(target).unlink()


def half_a_line_more(target: Path) -> None:
    with part_of(target).open("ab") as file:
        file.write(b'{"row": 53, "id": nu')


def half_an_entry(target: Path) -> None:
    journal = target.with_name(target.name + ".progress")
    journal.write_bytes(journal.read_bytes()[:-9])


def half_a_header(target: Path) -> None:
    journal = target.with_name(target.name + ".progress")
    journal.write_bytes(journal.read_bytes()[:30])


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("damage", [cut_line, cut_to_nothing, half_a_line_more, half_an_entry, half_a_header])
def test_what_was_half_written_is_written_again(
    damage: Callable[[Path], None], name: str, tmp_path: Path
) -> None:
    source, target = broken_off(tmp_path, name)
    triage_file(source, tmp_path / f"whole-{name}", WordTriager(), columns=Columns("body"))
    damage(target)
    with pytest.raises(Unavailable):  # and a second time, on top of what was damaged
        triage_file(source, target, BreaksAfter(1), columns=Columns("body"), batch=5)
    triage_file(source, target, WordTriager(), columns=Columns("body"), batch=9)
    assert target.read_bytes() == (tmp_path / f"whole-{name}").read_bytes()


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("named", [False, True])
def test_killed_while_the_file_gets_its_name(
    name: str, named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = sheet(tmp_path, 30), tmp_path / name
    triage_file(source, tmp_path / f"whole-{name}", WordTriager(), columns=COLUMNS)

    def killed(self: Path, *_: object) -> None:
        raise KeyboardInterrupt(str(self))

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        # before the file has its name, or after it and before the journal is gone
        patched.setattr(Path, "unlink" if named else "replace", killed)
        triage_file(source, target, WordTriager(), columns=COLUMNS)
    assert target.exists() == named
    triager = WordTriager()
    report = triage_file(source, target, triager, columns=COLUMNS)
    assert (report.rows, report.resumed, triager.asked) == (30, 30, [])
    assert target.read_bytes() == (tmp_path / f"whole-{name}").read_bytes()
    assert leftovers(tmp_path) == [name]


SLOW_RUN = """
    import sys, time
    from pathlib import Path
    from tests.triage.test_bulk import COLUMNS, WordTriager
    from triage.bulk import triage_file

    class Slow(WordTriager):
        def triage(self, messages, *, evidence=True):
            time.sleep(0.01)
            return super().triage(messages, evidence=evidence)

    source, target = map(Path, sys.argv[1:])
    print("started", flush=True)
    triage_file(source, target, Slow(), columns=COLUMNS, batch=3)
"""


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_a_process_that_is_killed_loses_nothing(name: str, tmp_path: Path) -> None:
    source, target = sheet(tmp_path, 600), tmp_path / name
    triage_file(source, tmp_path / f"whole-{name}", WordTriager(), columns=COLUMNS)
    journal = target.with_name(target.name + ".progress")
    kills = 0
    for wait in (0.05, 0.2, 0.13):
        run = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SLOW_RUN), source, target],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        with run:
            assert run.stdout is not None
            assert run.stdout.readline() == b"started\n"
            before = journal.stat().st_size if journal.exists() else 0
            while run.poll() is None and (not journal.exists() or journal.stat().st_size <= before):
                time.sleep(0.005)
            time.sleep(wait)
            run.kill()
        kills += run.returncode == -signal.SIGKILL
        assert not target.exists()
    assert kills == 3
    report = triage_file(source, target, WordTriager(), columns=COLUMNS)
    assert 0 < report.resumed < report.rows == 600
    assert target.read_bytes() == (tmp_path / f"whole-{name}").read_bytes()


def test_another_source_or_other_options_are_refused(tmp_path: Path) -> None:
    source, target = broken_off(tmp_path, "out.jsonl")
    with pytest.raises(CannotResume, match="another columns"):
        triage_file(source, target, WordTriager(), columns=COLUMNS)
    with pytest.raises(CannotResume, match="another evidence"):
        triage_file(source, target, WordTriager(), columns=Columns("body"), evidence=False)
    sheet(tmp_path, 101)
    with pytest.raises(CannotResume, match="another source"):
        triage_file(source, target, WordTriager(), columns=Columns("body"))
    report = triage_file(source, target, WordTriager(), columns=Columns("body"), resume=False)
    assert (report.rows, report.resumed) == (101, 0)


def test_another_model_is_refused(tmp_path: Path) -> None:
    class Newer(WordTriager):
        def triage(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Triage]:
            found = super().triage(messages, evidence=evidence)
            return [replace(each, model="newer") for each in found]

    source, target = broken_off(tmp_path, "out.jsonl")
    with pytest.raises(CannotResume, match="different models: newer, test"):
        triage_file(source, target, Newer(), columns=Columns("body"))
    assert triage_file(source, target, WordTriager(), columns=Columns("body")).resumed == 51


def test_a_result_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    source, target = sheet(tmp_path, 5), tmp_path / "out.jsonl"
    triage_file(source, target, WordTriager(), columns=COLUMNS)
    before = target.read_bytes()
    for resume in (True, False):
        with pytest.raises(TargetTaken):
            triage_file(source, target, WordTriager(), columns=COLUMNS, resume=resume)
    assert target.read_bytes() == before
    assert leftovers(tmp_path) == ["out.jsonl"]


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    source, target = sheet(tmp_path, 40), tmp_path / "out.jsonl"

    def meanwhile(_: int) -> None:
        with pytest.raises(CannotResume, match="Another process"):
            triage_file(source, target, WordTriager(), columns=COLUMNS)

    assert triage_file(source, target, WordTriager(), columns=COLUMNS, advance=meanwhile).rows == 40


def test_a_source_that_changes_meanwhile_is_no_result(tmp_path: Path) -> None:
    source, target = sheet(tmp_path, 40), tmp_path / "out.jsonl"
    with pytest.raises(CannotResume, match="was changed"):
        triage_file(
            source, target, WordTriager(), columns=COLUMNS, advance=lambda _: void(sheet(tmp_path, 41))
        )
    assert not target.exists()


def void(_: object) -> None:
    return


@pytest.mark.parametrize(("name", "target"), [("a.csv", "out.xlsx"), ("missing.csv", "out.csv")])
def test_files_that_cannot_be_read_or_written_leave_nothing(name: str, target: str, tmp_path: Path) -> None:
    sheet(tmp_path, 5, name="a.csv")
    with pytest.raises(FileUnreadable):
        triage_file(tmp_path / name, tmp_path / target, WordTriager(), columns=COLUMNS)
    assert leftovers(tmp_path) == []


# JSONL has the whole triage in each line: tracing what that allocates takes a minute for 20,000 rows.
@pytest.mark.slow
@pytest.mark.parametrize(("name", "rows"), [("out.csv", 2_000), ("out.parquet", 2_000), ("out.jsonl", 400)])
def test_memory_does_not_grow_with_the_file(name: str, rows: int, tmp_path: Path) -> None:
    class Forgetful(WordTriager):
        def triage(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Triage]:
            self.asked.clear()
            return super().triage(messages, evidence=evidence)

    def peak(count: int) -> int:
        source = sheet(tmp_path, count, name=f"{count}.csv")
        target = tmp_path / f"{count}-{name}"
        tracemalloc.start()
        report = triage_file(
            source, target, Forgetful(), columns=COLUMNS, advance=lambda _: void(gc.collect())
        )
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert report.rows == count
        return found

    gc.freeze()  # what is there already need not be looked through at each collection
    peak(100)  # caches
    few, many = peak(rows), peak(10 * rows)
    gc.unfreeze()
    assert many < few * 1.1
