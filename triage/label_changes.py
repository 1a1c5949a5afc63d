"""What new labels would change in tickets that have some already."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

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
    tally = LabelTally(examples)
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
class LabelTally:
    """Counts and the first ``keep`` examples of each move, in memory that does not grow with the rows."""

    keep: int = EXAMPLES
    paired: int = 0
    broken: int = 0
    compared: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COMPARED, 0))
    moves: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=lambda: {label: set() for label in COMPARED})

    def add(self, name: str, current: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Count what becomes of the row that is called ``name``."""
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

    def changes(self, *, only_current: int = 0, only_new: int = 0) -> Changes:
        """What was counted, beside the rows that had no other half."""
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
