"""What other rules would have done: a stream of old tickets through two routers, counted and explained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from triage.labels import Priority, Triage
from triage.routing import Router, Routing

EXAMPLES = 5  # of each change
OTHER = "(other)"  # queues of the past beyond the first few hundred
_QUEUES = 300  # recorded names that are told apart; more is free text in the wrong column
_RULES_SHOWN = 3
_NO_FACTS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RoutableTicket:
    """An old ticket with all that routing asks for; ``queue`` and ``priority`` are what it had then."""

    id: str
    triage: Triage
    at: datetime
    facts: Mapping[str, object] = field(default_factory=lambda: _NO_FACTS)
    channel: str | None = None
    queue: str | None = None
    priority: Priority | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A ticket that changes, and the rule responsible; None where it is the want of one."""

    ticket: str
    rule: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """How many tickets go from one to the other, by the rules responsible, most first, with examples."""

    before: str
    after: str
    count: int
    rules: tuple[tuple[str | None, int], ...]
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class DueChange:
    """How many promises of a kind come sooner or later, and by how much on average.

    ``made`` had none before, ``dropped`` have none after. ``examples`` are of all four.
    """

    kind: str
    sooner: int
    later: int
    made: int
    dropped: int
    mean_sooner: timedelta
    mean_later: timedelta
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would change. Of ``total`` tickets, ``compared`` had a queue to compare with.

    ``queues`` and ``priorities`` are the changes, most frequent first; ``prioritised`` tickets had a
    priority to compare with. ``dues`` is empty against what was recorded, which has no promises.
    """

    total: int
    compared: int
    prioritised: int
    queues: tuple[Change, ...]
    priorities: tuple[Change, ...]
    dues: tuple[DueChange, ...]

    @property
    def moved(self) -> int:
        """How many tickets would have gone to another queue."""
        return sum(change.count for change in self.queues)

    @property
    def raised(self) -> int:
        """How many tickets would have been more urgent."""
        return sum(change.count for change in self.priorities if change.after < change.before)

    @property
    def lowered(self) -> int:
        """How many tickets would have been less urgent."""
        return sum(change.count for change in self.priorities if change.after > change.before)

    def text(self) -> str:
        """For people: a line for each change with the rules responsible and tickets to look at."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        share = f" ({self.moved / self.compared:.1%})" if self.compared else ""
        yield f"{self.moved:,} of {_tickets(self.compared)} would have gone elsewhere{share}."
        if self.compared < self.total:
            yield f"{_tickets(self.total - self.compared)} had no queue to compare with."
        yield from map(_line, self.queues)
        if self.priorities:
            yield (
                f"{self.raised:,} of {_tickets(self.prioritised)} would have been more urgent,"
                f" {self.lowered:,} less urgent."
            )
            yield from map(_line, self.priorities)
        for due in self.dues:
            if due.sooner or due.later or due.made or due.dropped:
                yield _due_line(due)


@dataclass(slots=True)
class _Tally:
    """Counts of one change, in memory that does not grow with the tickets."""

    count: int = 0
    rules: Counter[str | None] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)

    def add(self, example: Example, *, keep: int) -> None:
        self.count += 1
        self.rules[example.rule] += 1
        if len(self.examples) < keep:
            self.examples.append(example)

    def change(self, before: str, after: str) -> Change:
        rules = sorted(self.rules.items(), key=lambda item: (-item[1], item[0] or ""))
        return Change(before, after, self.count, tuple(rules), tuple(self.examples))


@dataclass(slots=True)
class _Table:
    """Changes from one name to another."""

    tallies: dict[tuple[str, str], _Tally] = field(default_factory=dict)

    def add(self, before: str, after: str, example: Example, *, keep: int) -> None:
        self.tallies.setdefault((before, after), _Tally()).add(example, keep=keep)

    def changes(self) -> tuple[Change, ...]:
        found = [tally.change(before, after) for (before, after), tally in self.tallies.items()]
        return tuple(sorted(found, key=lambda change: (-change.count, change.before, change.after)))


@dataclass(slots=True)
class _Dues:
    """Moves of one kind of promise."""

    kind: str
    read: Callable[[Routing], datetime | None]
    counts: Counter[str] = field(default_factory=Counter)
    sooner: timedelta = timedelta(0)
    later: timedelta = timedelta(0)
    examples: list[Example] = field(default_factory=list)

    def add(self, old: Routing, new: Routing, ticket: str, *, keep: int) -> None:
        before, after = self.read(old), self.read(new)
        if before == after:
            return
        if before is None or after is None:
            self.counts["made" if before is None else "dropped"] += 1
        elif after < before:
            self.counts["sooner"] += 1
            self.sooner += before - after
        else:
            self.counts["later"] += 1
            self.later += after - before
        if len(self.examples) < keep:
            self.examples.append(Example(ticket, _why_due(old, new)))

    def change(self) -> DueChange:
        counts = self.counts
        return DueChange(
            self.kind,
            sooner=counts["sooner"],
            later=counts["later"],
            made=counts["made"],
            dropped=counts["dropped"],
            mean_sooner=self.sooner / max(counts["sooner"], 1),
            mean_later=self.later / max(counts["later"], 1),
            examples=tuple(self.examples),
        )


class Comparison:
    """Tickets through ``proposed``, against ``current`` or, without it, against what they had then.

    None of them is kept, however many there are; up to ``examples`` are named for each change. Who would
    take them is not asked: how busy people were is not known any more.
    """

    def __init__(self, current: Router | None, proposed: Router, *, examples: int = EXAMPLES) -> None:
        self._current, self._proposed, self._keep = current, proposed, examples
        self._queues, self._priorities = _Table(), _Table()
        self._dues = (
            _Dues("first response", lambda routing: routing.first_response_due),
            _Dues("resolution", lambda routing: routing.resolution_due),
        )
        self._recorded: set[str] = set()
        self._total = self._compared = self._prioritised = 0

    def add(self, ticket: RoutableTicket) -> None:
        """Count what becomes of ``ticket``."""
        self._total += 1
        new = _routed(ticket, self._proposed)
        old = None if self._current is None else _routed(ticket, self._current)
        queue = _known(ticket.queue, self._recorded) if old is None else old.queue
        priority = ticket.priority if old is None else old.priority
        self._compared += queue is not None
        self._prioritised += priority is not None
        if queue is not None and queue != new.queue:
            rule = new.queue_rule or (old.queue_rule if old is not None else None)
            self._queues.add(queue, new.queue, Example(ticket.id, rule), keep=self._keep)
        if priority is not None and priority is not new.priority:
            rule = _why_priority(old, new)
            self._priorities.add(
                priority.value, new.priority.value, Example(ticket.id, rule), keep=self._keep
            )
        if old is not None:
            for due in self._dues:
                due.add(old, new, ticket.id, keep=self._keep)

    def result(self) -> DryRun:
        """What was counted so far."""
        dues = () if self._current is None else tuple(due.change() for due in self._dues)
        return DryRun(
            self._total,
            self._compared,
            self._prioritised,
            self._queues.changes(),
            self._priorities.changes(),
            dues,
        )


def compare(
    tickets: Iterable[RoutableTicket],
    current: Router | None,
    proposed: Router,
    *,
    examples: int = EXAMPLES,
) -> DryRun:
    """A ``Comparison`` of all ``tickets``, which are read once."""
    comparison = Comparison(current, proposed, examples=examples)
    for ticket in tickets:
        comparison.add(ticket)
    return comparison.result()


def _routed(ticket: RoutableTicket, router: Router) -> Routing:
    return router.route(ticket.triage, at=ticket.at, facts=ticket.facts, channel=ticket.channel)


def _known(queue: str | None, recorded: set[str]) -> str | None:
    if queue is None or queue in recorded:
        return queue
    if len(recorded) >= _QUEUES:
        return OTHER
    recorded.add(queue)
    return queue


def _why_priority(old: Routing | None, new: Routing) -> str | None:
    return new.priority_rule or (old.priority_rule if old is not None else None)


def _why_due(old: Routing, new: Routing) -> str | None:
    """The rule that changed the promise, else the priority or the queue that it depends on."""
    if old.sla_rule != new.sla_rule:
        return new.sla_rule or old.sla_rule
    if old.priority is not new.priority:
        return _why_priority(old, new)
    if old.queue != new.queue:
        return new.queue_rule or old.queue_rule
    return None


def _tickets(count: int) -> str:
    return f"{count:,} ticket{'' if count == 1 else 's'}"


def _line(change: Change) -> str:
    rules = ", ".join(f"{_rule(rule)} {count:,}" for rule, count in change.rules[:_RULES_SHOWN])
    more = len(change.rules) - _RULES_SHOWN
    further = f", {more} more" if more > 0 else ""
    found = f"{change.count:,} by {rules}{further}{_such_as(change.examples)}"
    return f"  {change.before} -> {change.after}: {found}"


def _due_line(due: DueChange) -> str:
    parts = [
        f"{due.sooner:,} sooner (mean {_span(due.mean_sooner)})" if due.sooner else "",
        f"{due.later:,} later (mean {_span(due.mean_later)})" if due.later else "",
        f"{due.made:,} promised anew" if due.made else "",
        f"{due.dropped:,} no longer promised" if due.dropped else "",
    ]
    return f"{due.kind} due: {', '.join(filter(None, parts))}{_such_as(due.examples)}"


def _rule(rule: str | None) -> str:
    return "no rule" if rule is None else f'"{rule}"'


def _such_as(examples: tuple[Example, ...]) -> str:
    return f" (such as {', '.join(example.ticket for example in examples)})" if examples else ""


def _span(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes / 60:.1f} h"
