"""Whether tickets reach the right queue: how many go there by themselves, and how often that goes wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from evals.errors import DatasetInvalid
from evals.measures import Measures
from evals.metrics import macro_f1, quadratic_kappa
from evals.report import Report, Stopwatch
from inference.embeddings import Encoder
from triage.bulk import BATCH
from triage.examples import Example
from triage.files import Row, read_rows
from triage.labels import Certainty, Priority, Triage
from triage.marks import MarkModel
from triage.message import Message
from triage.model import train
from triage.models import TriageModels, points_of
from triage.routing import Router
from triage.similar_texts import RememberingEncoder
from triage.triager import Triager

OWN_TICKETS = Path(__file__).parents[1] / "cases" / "brightwater_tickets" / "tickets.csv"  # for telecom.yaml
# When all tickets come in: a Monday morning, on which every team that ships rules for is there.
ARRIVAL = datetime(2026, 7, 6, 10, 0, tzinfo=UTC)
_CONFUSED = 5  # pairs of queues that are reported
_REASONS_SHOWN = 10
_LEVELS = tuple(Priority)


@dataclass(frozen=True, slots=True)
class LabelledTicket:
    """A message and where it belongs; ``priority`` is none where the set does not say."""

    text: str
    queue: str
    priority: Priority | None = None


@dataclass(frozen=True, slots=True)
class Routed:
    """A ticket and what became of it.

    ``queue`` is the one it goes to, or would if somebody were to decide now; ``automatic`` whether it goes by
    itself, because triage is sure or a rule says so (``rule``).
    """

    ticket: LabelledTicket
    queue: str
    priority: Priority
    automatic: bool
    rule: bool

    @property
    def right(self) -> bool:
        """Whether the queue is the ticket's."""
        return self.queue == self.ticket.queue


def load_tickets(
    file: Path, *, text: str = "text", queue: str = "queue", priority: str | None = None
) -> list[LabelledTicket]:
    """Rows of a CSV, JSONL or Parquet file by the names of its columns.

    Raises ``DatasetInvalid``, which names the first broken rows and why each is.
    """
    tickets: list[LabelledTicket] = []
    problems: list[str] = []
    names = [name for name in (text, queue, priority) if name is not None]
    for row in read_rows(file, columns=names):
        found = _ticket(row, text=text, queue=queue, priority=priority)
        if isinstance(found, LabelledTicket):
            tickets.append(found)
        else:
            problems.append(f"row {row.number}: {found}")
    if problems:
        more = f", and {len(problems) - _REASONS_SHOWN} more" if len(problems) > _REASONS_SHOWN else ""
        raise DatasetInvalid(f"{file}: {'; '.join(problems[:_REASONS_SHOWN])}{more}.")
    if not tickets:
        raise DatasetInvalid(f"{file} has no rows.")
    return tickets


def evaluate_routing(
    name: str,
    tickets: Sequence[LabelledTicket],
    triager: Triager,
    router: Router | None,
    *,
    risk: float,
    advance: Callable[[int], None] = lambda _: None,
) -> Report:
    """Tickets through the pass and the rules that would be in force; ``risk`` is the triager's."""
    stopwatch = Stopwatch()
    routed = list(_routed(tickets, triager, router, advance=advance))
    return stopwatch.report("routing", name, len(tickets), measure(routed, risk=risk))


def evaluate_routing_folds(
    name: str,
    tickets: Sequence[LabelledTicket],
    marks: MarkModel,
    encoder: Encoder,
    *,
    risk: float,
    folds: int,
    seed: int = 0,
    advance: Callable[[int], None] = lambda _: None,
) -> Report:
    """Old tickets of a company as both lesson and test: each is routed by a model trained without its fold.

    The queues are the labels, and there are no rules. ``risk`` is what the operator accepts.
    """
    stopwatch, remembering = Stopwatch(), RememberingEncoder(encoder)
    queues = [ticket.queue for ticket in tickets]
    routed: list[Routed] = []
    for fitted, held in StratifiedKFold(folds, shuffle=True, random_state=seed).split(queues, queues):
        known = [Example(tickets[row].text, tickets[row].queue) for row in fitted]
        model, held_out = train(known, remembering, seed=seed)
        models = TriageModels(model, marks, points_of(model.labels, held_out, {}))
        triager = Triager(models, remembering, risk=risk)
        routed += _routed([tickets[row] for row in held], triager, None, advance=advance)
    return stopwatch.report("routing", name, len(tickets), measure(routed, risk=risk))


def measure(routed: Sequence[Routed], *, risk: float) -> Measures:
    """Accuracy, how many go by themselves and how many of those wrongly, by queue, and priority.

    Shares of errors have exact intervals, to be held against ``risk``.
    """
    measures = Measures()
    measures.mean("queue_accuracy", [one.right for one in routed])
    measures.statistic("queue_macro_f1", len(routed), _macro_f1(routed))
    measures.number("risk", risk)
    for name, chosen in (
        ("automatic", [one for one in routed if one.automatic]),
        ("by_rule", [one for one in routed if one.rule]),
    ):
        if name == "by_rule" and not chosen:
            continue
        measures.share(f"{name}.share", len(chosen), len(routed))
        measures.share(f"{name}.error", sum(not one.right for one in chosen), len(chosen))
    for queue in sorted({one.ticket.queue for one in routed} | {one.queue for one in routed}):
        hits = sum(one.right for one in routed if one.queue == queue)
        measures.share(f"precision.{queue}", hits, sum(one.queue == queue for one in routed))
        measures.share(f"recall.{queue}", hits, sum(one.ticket.queue == queue for one in routed))
    for (true, taken), times in _confused(routed):
        measures.number(f"confused.{true} > {taken}", times)
    _measure_priority(measures, [one for one in routed if one.ticket.priority is not None])
    return measures


def _routed(
    tickets: Sequence[LabelledTicket],
    triager: Triager,
    router: Router | None,
    *,
    advance: Callable[[int], None],
) -> Iterator[Routed]:
    left = iter(tickets)
    while batch := list(islice(left, BATCH)):
        found = triager.triage([Message(ticket.text) for ticket in batch], evidence=False)
        for ticket, said in zip(batch, found, strict=True):
            yield _route(ticket, said, router)
        advance(len(batch))


def _route(ticket: LabelledTicket, said: Triage, router: Router | None) -> Routed:
    sure = said.certainty is Certainty.SURE
    if router is None:
        return Routed(ticket, said.queue.name, said.priority.name, sure, rule=False)
    routing = router.route(said, at=ARRIVAL)
    ruled = routing.queue_rule is not None
    # Where nobody is sure the router's queue is that of what people look at: no answer to what is asked here.
    queue = routing.queue if ruled or sure else said.queue.name
    return Routed(ticket, queue, routing.priority, ruled or sure, ruled)


def _measure_priority(measures: Measures, routed: Sequence[Routed]) -> None:
    if not routed:
        return
    levels = {level: place for place, level in enumerate(_LEVELS)}
    truth = np.array([levels[one.ticket.priority] for one in routed if one.ticket.priority is not None])
    given = np.array([levels[one.priority] for one in routed])
    measures.mean("priority_accuracy", (truth == given).tolist())
    measures.statistic(
        "priority_kappa",
        len(routed),
        lambda places: quadratic_kappa(truth[places], given[places], len(_LEVELS)),
    )
    both = int(((truth == 0) & (given == 0)).sum())
    measures.share("p1_recall", both, int((truth == 0).sum()))
    measures.share("p1_precision", both, int((given == 0).sum()))


def _macro_f1(routed: Sequence[Routed]) -> Callable[[NDArray[np.intp]], float]:
    names = sorted({one.ticket.queue for one in routed})
    place = {name: number for number, name in enumerate(names)}
    truth = np.array([place[one.ticket.queue] for one in routed], dtype=np.intp)
    given = np.array([place.get(one.queue, len(names)) for one in routed], dtype=np.intp)
    return lambda places: macro_f1(truth[places], given[places], len(names))


def _confused(routed: Iterable[Routed]) -> list[tuple[tuple[str, str], int]]:
    pairs = Counter((one.ticket.queue, one.queue) for one in routed if not one.right)
    return sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:_CONFUSED]


def _ticket(row: Row, *, text: str, queue: str, priority: str | None) -> LabelledTicket | str:
    """The ticket of a row, or why it is none."""
    if row.error is not None:
        return row.error
    values: Mapping[str, str] = {
        name: str(row.values.get(name) or "").strip() for name in (text, queue, priority) if name is not None
    }
    for name in (text, queue):
        if not values[name]:
            return f"{name} is empty"
    if priority is None:
        return LabelledTicket(values[text], values[queue])
    if values[priority] not in set(Priority):
        return f"{priority} is none of {', '.join(Priority)}"
    return LabelledTicket(values[text], values[queue], Priority(values[priority]))
