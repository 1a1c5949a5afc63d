"""Triage of a whole file, which can be killed at any moment and started again."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from kit.errors import InvalidInput
from triage.errors import CannotResume, FileUnreadable, TargetTaken
from triage.files import Output, Row, open_output, part_of, read_rows
from triage.labels import Triage
from triage.message import Message

FORMAT = 1
BATCH = 256  # messages: the encoder starts anew with each batch, and what a killed run loses is a batch
FIELDS: Mapping[str, type] = {
    "row": int,
    "id": str,
    "intent": str,
    "certainty": str,
    "probability": float,
    "queue": str,
    "priority": str,
    "sentiment": str,
    "language": str,
    "origin": str,
    "signals": list,
    "error": str,
}
_PROBLEMS_SHOWN = 10


class BulkTriager(Protocol):
    """Something that triages many messages in one pass."""

    def triage(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Triage]:
        """One triage per message. Raises ``InvalidInput`` when one of them cannot be triaged."""
        ...


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns are called; a file without subjects or ids has none."""

    text: str = "text"
    subject: str | None = None
    id: str | None = None

    def names(self) -> list[str]:
        """Those there are, each once."""
        return list(dict.fromkeys(name for name in (self.id, self.subject, self.text) if name))


@dataclass(frozen=True, slots=True)
class BulkReport:
    """What became of a file. Of ``rows``, ``broken`` have an error in the output instead of labels.

    ``resumed`` rows were done by an earlier run; ``problems`` are the first of this one, with their rows.
    """

    target: Path
    rows: int
    broken: int
    resumed: int
    problems: tuple[str, ...]

    @property
    def triaged(self) -> int:
        """How many rows got labels."""
        return self.rows - self.broken


def triage_file(
    source: Path,
    target: Path,
    triager: BulkTriager,
    *,
    columns: Columns = Columns(),
    batch: int = BATCH,
    evidence: bool = True,
    resume: bool = True,
    advance: Callable[[int], None] | None = None,
) -> BulkReport:
    """Triage every row of ``source`` into ``target``, which appears under its name when it is complete.

    A killed run leaves ``<target>.part`` and ``<target>.progress``; with ``resume`` the next goes on from
    there, without it from the start. ``advance`` is told of rows done, ``batch`` at most at a time. Raises
    ``TargetTaken`` when there is a target, ``CannotResume`` when what is left is of another source, other
    columns or another model, ``FileUnreadable`` when the source is broken as a whole.
    """
    described = {
        "format": FORMAT,
        "source": _fingerprint(source),
        "columns": asdict(columns),
        "evidence": evidence,
    }
    with _Progress(target, described, resume=resume) as progress:
        before = source.stat()
        run = _Run(triager, columns, evidence=evidence, done=progress.done)
        resumed = progress.done.rows
        if resumed and advance is not None:
            advance(resumed)
        if not (progress.done.complete and not part_of(target).exists()):
            with open_output(target, FIELDS, keep=progress.done.bytes) as output:
                for rows in _batches(source, columns, skip=resumed, size=batch):
                    output.write(run.triage(rows))
                    run.done = replace(run.done, bytes=output.flush())
                    progress.add(run.done)
                    if advance is not None:
                        advance(len(rows))
                _check_unchanged(source, before)
                _finish(output, progress, run.done)
        progress.remove()
    return BulkReport(target, run.done.rows, run.done.broken, resumed, tuple(run.problems))


@dataclass(frozen=True, slots=True)
class _Done:
    """How far a run has come: ``bytes`` of the part hold ``rows`` of the source."""

    rows: int = 0
    bytes: int = 0
    broken: int = 0
    model: str | None = None
    complete: bool = False


class _Run:
    """Rows to rows of the output, and the count of them."""

    def __init__(self, triager: BulkTriager, columns: Columns, *, evidence: bool, done: _Done) -> None:
        self._triager, self._columns, self._evidence = triager, columns, evidence
        self.done = done
        self.problems: list[str] = []

    def triage(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Rows of the output, one for each of ``rows``."""
        messages = [message_of(row, self._columns) for row in rows]
        found = iter(self._triaged([each for each in messages if isinstance(each, Message)]))
        results = [next(found) if isinstance(each, Message) else each for each in messages]
        written = [_output_row(row, result, self._columns) for row, result in zip(rows, results, strict=True)]
        broken = [f"row {row['row']}: {row['error']}" for row in written if row["error"] is not None]
        self.problems += broken[: _PROBLEMS_SHOWN - len(self.problems)]
        self.done = replace(self.done, rows=self.done.rows + len(rows), broken=self.done.broken + len(broken))
        return written

    def _triaged(self, messages: Sequence[Message]) -> list[Triage | str]:
        """What each message is, or why that cannot be said: one by one where together they fail."""
        if not messages:
            return []
        try:
            found = self._triager.triage(messages, evidence=self._evidence)
        except InvalidInput as error:
            if len(messages) == 1:
                return [error.detail]
            return [result for message in messages for result in self._triaged([message])]
        self._check_model(found)
        return [*found]

    def _check_model(self, found: Sequence[Triage]) -> None:
        models = {each.model for each in found} | ({self.done.model} - {None})
        if len(models) > 1:
            raise CannotResume(
                f"Rows were triaged by different models: {', '.join(sorted(map(str, models)))}. Start over "
                "without resuming."
            )
        self.done = replace(self.done, model=next(iter(models), None))


class _Progress:
    """The journal beside the target: what the run is of, then a line for each batch.

    It is locked while it is open. A line that was not written to its end does not count, nor one that
    speaks of more bytes than the part has.
    """

    def __init__(self, target: Path, described: Mapping[str, Any], *, resume: bool) -> None:
        self._path = target.with_name(target.name + ".progress")
        self._target, self._described = target, described
        self._part = part_of(target)
        self.done = _Done()
        fresh = not self._path.exists()
        if target.exists() and (fresh or not resume):
            raise TargetTaken(f"{target} is there already. Remove it or choose another name.")
        try:
            self._file = self._path.open("a+b")
        except OSError as error:
            raise FileUnreadable(f"{self._path} cannot be written: {error.strerror}.") from None
        try:
            self._lock()
            self._load(resume=resume)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, done: _Done) -> None:
        """Write down how far the run has come."""
        self.done = done
        self._write(asdict(done))

    def remove(self) -> None:
        """The run is over."""
        self._path.unlink()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotResume(f"Another process is writing {self._target}.") from None

    def _load(self, *, resume: bool) -> None:
        self._file.seek(0)
        described = _line(self._file.readline()) if resume else None
        if described is None:
            self._file.truncate(0)
            self._write(self._described)
            return
        other = [name for name in self._described if described.get(name) != self._described[name]]
        if other:
            raise CannotResume(
                f"{self._path} is of a run with another {' and another '.join(other)}. Start over without "
                "resuming, or choose another target."
            )
        size = self._part.stat().st_size if self._part.exists() else -1
        end = self._file.tell()
        while (entry := _line(self._file.readline())) is not None:
            done = _Done(**entry)
            if done.bytes <= size or (done.complete and self._target.exists()):
                self.done, end = done, self._file.tell()
        self._file.truncate(end)

    def _write(self, entry: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()


def _finish(output: Output, progress: _Progress, done: _Done) -> None:
    """Called off between any two of these lines, the next run finds out which it was."""
    progress.add(replace(done, bytes=output.flush(), complete=True))
    output.finish()


def _line(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return entry


def _fingerprint(source: Path) -> str:
    try:
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileUnreadable(f"{source} cannot be read: {error.strerror}.") from None


def _check_unchanged(source: Path, before: os.stat_result) -> None:
    now = source.stat()
    if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise CannotResume(f"{source} was changed while it was read. Start over without resuming.")


def _batches(source: Path, columns: Columns, *, skip: int, size: int) -> Iterator[list[Row]]:
    rows = islice(read_rows(source, columns=columns.names()), skip, None)
    while batch := list(islice(rows, size)):
        yield batch


def message_of(row: Row, columns: Columns) -> Message | str:
    """The message in a row, or why there is none."""
    if row.error is not None:
        return row.error
    text = row.values.get(columns.text)
    subject = row.values.get(columns.subject) if columns.subject else None
    for name, value in ((columns.text, text), (columns.subject, subject)):
        if value is not None and not isinstance(value, str):
            return f"{name} is no text"
    text, subject = (value if value and value.strip() else None for value in (text, subject))
    if text is None and subject is None:
        return f"{columns.text} is empty" if columns.text in row.values else f"it has no {columns.text}"
    return Message(text, subject)


def _output_row(row: Row, result: Triage | str, columns: Columns) -> dict[str, Any]:
    identity = row.values.get(columns.id) if columns.id else None
    found: dict[str, Any] = dict.fromkeys(FIELDS)
    found |= {"row": row.number, "id": None if identity is None else str(identity)}
    if isinstance(result, str):
        return found | {"error": result, "triage": None}
    return found | {
        "intent": result.intent.name,
        "certainty": result.certainty.value,
        "probability": result.intent.probability,
        "queue": result.queue.name,
        "priority": result.priority.name.value,
        "sentiment": result.sentiment.name,
        "language": result.language.name,
        "origin": result.origin.name,
        "signals": [signal.name for signal in result.signals],
        "triage": result,
    }
