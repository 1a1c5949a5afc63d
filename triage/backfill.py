"""Labels of tickets that are stored already: what new ones would change, and how to take them back."""

from __future__ import annotations

import json
import os
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from triage.errors import FileUnreadable

Labels = Mapping[str, Any]  # what JSON can hold: "queue": "billing", "signals": ["churn_risk"]

COMPARED = ("intent", "queue", "priority", "sentiment", "language", "origin", "certainty", "signals")
NONE = "(none)"
OTHER = "(other)"
EXAMPLES = 5  # of each move
_NAMES = 1000  # of a label that are told apart; more is free text in the wrong column


@dataclass(frozen=True, slots=True)
class Move:
    """``count`` rows go from one name to the other; ``examples`` are ids, or places ("row 17")."""

    before: str
    after: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelChanges:
    """What becomes of one label: of ``compared`` rows, the ``moves``, most frequent first."""

    label: str
    compared: int
    moves: tuple[Move, ...]

    @property
    def changed(self) -> int:
        """How many rows would get another one."""
        return sum(move.count for move in self.moves)


@dataclass(frozen=True, slots=True)
class Changes:
    """What new labels would change, label by label.

    ``paired`` rows were on both sides and could be triaged, ``broken`` could not; ``only_current`` and
    ``only_new`` were on one side.
    """

    paired: int
    broken: int
    only_current: int
    only_new: int
    labels: tuple[LabelChanges, ...]

    def text(self) -> str:
        """For people: a line for each label, and one for each of its moves."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.paired:,} rows compared."
        for count, what in (
            (self.broken, "could not be triaged"),
            (self.only_current, "have no new labels"),
            (self.only_new, "have no labels to compare with"),
        ):
            if count:
                yield f"{count:,} {what}."
        for label in self.labels:
            yield f"{label.label}: {label.changed:,} of {label.compared:,} would change."
            for move in label.moves:
                such = f" (such as {', '.join(move.examples)})" if move.examples else ""
                yield f"  {move.before} -> {move.after}: {move.count:,}{such}"


def diff(
    current: Iterable[Mapping[str, Any]],
    new: Iterable[Mapping[str, Any]],
    *,
    current_id: str | None = "id",
    new_id: str | None = "id",
    examples: int = EXAMPLES,
) -> Changes:
    """``new`` rows, as bulk triage writes them, against the labels that ``current`` rows carry now.

    A label of a current row is its column ``current_<label>``, else ``<label>`` as in an earlier output;
    what has no such column is not compared, an empty cell is "(none)". Rows belong together by their ids, or
    by their order where they have none. Both sides are read once; only rows that are still without their
    other half are kept, so two files in one order take no memory.
    """
    tally = _Tally(examples)
    pairs = _Pairs()
    for at, (old_row, new_row) in enumerate(zip_longest(current, new), start=1):
        for row, side, id_name in ((old_row, 0, current_id), (new_row, 1, new_id)):
            if row is None:
                continue
            name = None if id_name is None else _shown(row.get(id_name))
            key = at if name in {None, NONE} else name
            pair = pairs.add(key, row, side=side)
            if pair is not None:
                tally.add(f"row {key}" if isinstance(key, int) else str(key), *pair)
    return tally.changes(only_current=pairs.waiting(0), only_new=pairs.waiting(1))


class _Pairs:
    """Finds the halves of pairs in two streams, in the order of the rows where an id comes twice."""

    def __init__(self) -> None:
        self._waiting: tuple[dict[int | str | None, deque[Mapping[str, Any]]], ...] = ({}, {})

    def add(
        self, key: int | str | None, row: Mapping[str, Any], *, side: int
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
        """The pair that ``row`` completes: current and new."""
        others = self._waiting[1 - side]
        if key not in others:
            self._waiting[side].setdefault(key, deque()).append(row)
            return None
        other = others[key].popleft()
        if not others[key]:
            del others[key]
        return (other, row) if side else (row, other)

    def waiting(self, side: int) -> int:
        return sum(map(len, self._waiting[side].values()))


@dataclass(slots=True)
class _Tally:
    """Counts and first examples, in memory that does not grow with the rows."""

    keep: int
    paired: int = 0
    broken: int = 0
    compared: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COMPARED, 0))
    moves: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=lambda: {label: set() for label in COMPARED})

    def add(self, name: str, current: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        if new.get("error"):
            self.broken += 1
            return
        self.paired += 1
        for label in COMPARED:
            column = f"current_{label}" if f"current_{label}" in current else label
            if column not in current or label not in new:
                continue
            self.compared[label] += 1
            before, after = _shown(current[column]), _shown(new[label])
            if before != after:
                move = (label, self._known(label, before), self._known(label, after))
                self.counts[move] = self.counts.get(move, 0) + 1
                found = self.moves.setdefault(move, [])
                if len(found) < self.keep:
                    found.append(name)

    def changes(self, *, only_current: int, only_new: int) -> Changes:
        labels = tuple(
            LabelChanges(label, self.compared[label], self._moves(label))
            for label in COMPARED
            if self.compared[label]
        )
        return Changes(self.paired, self.broken, only_current, only_new, labels)

    def _moves(self, label: str) -> tuple[Move, ...]:
        found = [
            Move(before, after, self.counts[of, before, after], tuple(names))
            for (of, before, after), names in self.moves.items()
            if of == label
        ]
        return tuple(sorted(found, key=lambda move: (-move.count, move.before, move.after)))

    def _known(self, label: str, name: str) -> str:
        names = self.names[label]
        if name not in names:
            if len(names) >= _NAMES:
                return OTHER
            names.add(name)
        return name


def _shown(value: object) -> str:
    """A label as it is told: signals in one order, whether they come as a list or from a CSV cell."""
    if isinstance(value, list | tuple):
        return ";".join(sorted(map(str, value))) or NONE
    text = "" if value is None else str(value).strip()
    return ";".join(sorted(text.split(";"))) if text else NONE


@dataclass(frozen=True, slots=True)
class Labelled:
    """The labels of a ticket and the version of the model that gave them; None where people did."""

    labels: Labels
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What a backfill did to a ticket; ``before`` is none where it had no labels."""

    ticket_id: str
    before: Labelled | None
    after: Labelled


class LabelStore(Protocol):
    """Where tickets and their labels are."""

    def labels_of(self, ticket_id: str) -> Labelled | None:
        """The labels of a ticket now; none without any. Raises ``KeyError`` when there is no such ticket."""
        ...

    def set_labels(self, ticket_id: str, labels: Labels, model: str | None) -> None:
        """Give a ticket ``labels`` in place of all it has; empty ``labels`` take them away."""
        ...


class BackfillJournal:
    """What a backfill did, a line of JSON for each ticket, written before the ticket is changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._whole = False

    def append(self, entry: Entry) -> None:
        """Write ``entry`` to the disk, before its ticket is changed."""
        with self._open() as file:
            _write(file, entry)

    def backfill(
        self, tickets: Iterable[tuple[str, Labels]], store: LabelStore, *, model: str
    ) -> tuple[int, int]:
        """Label ``tickets``; the number changed and the number that had these labels of this model already.

        Killed, it can be run again: what was done counts as had already.
        """
        changed = same = 0
        with self._open() as file:
            for ticket_id, labels in tickets:
                after, before = Labelled(labels, model), store.labels_of(ticket_id)
                if _same(before, after):
                    same += 1
                    continue
                _write(file, Entry(ticket_id, before, after))
                store.set_labels(ticket_id, labels, model)
                changed += 1
        return changed, same

    def newest_first(self) -> Iterator[Entry]:
        """The entries, last first. Raises ``FileUnreadable`` naming the line that is none."""
        try:
            with self.path.open("rb") as file:
                starts = array("Q")  # 8 bytes a line, however long it is
                at = 0
                for line in file:
                    if line.endswith(b"\n"):
                        starts.append(at)
                    at += len(line)
                for number in range(len(starts), 0, -1):
                    file.seek(starts[number - 1])
                    yield self._entry(number, file.readline())
        except OSError as error:
            raise FileUnreadable(f"{self.path} cannot be read: {error.strerror}.") from None

    def _entry(self, number: int, line: bytes) -> Entry:
        try:
            entry = json.loads(line)
            before = None if entry["before"] is None else Labelled(**entry["before"])
            return Entry(entry["ticket"], before, Labelled(**entry["after"]))
        except (ValueError, KeyError, TypeError) as error:
            raise FileUnreadable(
                f"{self.path}: line {number} is no entry of a backfill: {error!r}."
            ) from None

    def _open(self) -> BinaryIO:
        """For appending; a line that an earlier process left unfinished goes."""
        file = self.path.open("a+b")
        if not self._whole:
            file.seek(0)
            file.truncate(sum(len(line) for line in file if line.endswith(b"\n")))
            self._whole = True
        return file


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of the tickets of a backfill, by their ids.

    ``restored`` are as they were before it; ``unchanged`` were so already; ``changed_since`` have labels that
    somebody else gave them, and keep them; ``missing`` are no longer there.
    """

    restored: tuple[str, ...]
    unchanged: tuple[str, ...]
    changed_since: tuple[str, ...]
    missing: tuple[str, ...]


def undo(
    journal: BackfillJournal, store: LabelStore, *, advance: Callable[[int], None] | None = None
) -> Undone:
    """Take a backfill back, newest entry first, from the tickets whose labels are still what it wrote.

    It can be run again, after it was killed or not.
    """
    outcomes: dict[str, str] = {}
    for entry in journal.newest_first():
        before = outcomes.get(entry.ticket_id)
        if before not in {"changed_since", "missing"}:
            outcome = _undo(entry, store)
            # Of several entries of a ticket, one that did something tells more than one that had not to.
            outcomes[entry.ticket_id] = "restored" if "restored" in {before, outcome} else outcome
        if advance is not None:
            advance(1)
    found = {
        outcome: tuple(name for name, how in outcomes.items() if how == outcome) for outcome in _OUTCOMES
    }
    return Undone(**found)


_OUTCOMES = ("restored", "unchanged", "changed_since", "missing")


def _undo(entry: Entry, store: LabelStore) -> str:
    try:
        now = store.labels_of(entry.ticket_id)
    except KeyError:
        return "missing"
    if _same(now, entry.after):
        before = entry.before or Labelled({})
        store.set_labels(entry.ticket_id, before.labels, before.model)
        return "restored"
    return "unchanged" if _same(now, entry.before) else "changed_since"


def _same(one: Labelled | None, other: Labelled | None) -> bool:
    return bool(_plain(one or Labelled({})) == _plain(other or Labelled({})))


def _plain(labelled: Labelled) -> Any:  # noqa: ANN401 (JSON)
    """As it comes back from JSON, where a tuple is a list."""
    return json.loads(json.dumps({"labels": dict(labelled.labels), "model": labelled.model}))


def _write(file: BinaryIO, entry: Entry) -> None:
    before = None if entry.before is None else _plain(entry.before)
    line = {"ticket": entry.ticket_id, "before": before, "after": _plain(entry.after)}
    file.write(json.dumps(line, ensure_ascii=False).encode(errors="backslashreplace") + b"\n")
    file.flush()
    os.fsync(file.fileno())
