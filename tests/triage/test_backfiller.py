from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from sqlalchemy import func, select

from kit.clock import ManualClock
from kit.errors import Unavailable
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from store.encryption import Cipher
from store.engine import Database
from store.tables import backfill_entries, backfills
from tests.triage.triaged import triaged
from triage.backfill import AWAY, Backfill, BackfillState
from triage.backfiller import Backfiller
from triage.corrections import CorrectionSource, LabelKind, TicketId
from triage.errors import BackfillUnderWay, CannotResume, NothingToStop, NothingToUndo
from triage.label_record import label_record
from triage.labels import Certainty
from triage.stored_tickets import PAGE, Selection
from triage.text_hash import TextHash
from triage.tickets import NewTicket, Ticket, TicketStore

pytestmark = pytest.mark.anyio

KEY = bytes(range(32))
STORE = TicketStore(Cipher(KEY), TextHash(KEY))
TICKETS = 2 * PAGE + 5
ALL = Selection()


class Said(NamedTuple):
    """All that a backfill may change."""

    labels: Mapping[str, Any]
    model: str | None
    intent: str | None
    queue: str | None
    certainty: Certainty | None


@dataclass
class Desk:
    """Tickets in a database, oldest first; every third has no labels yet."""

    database: Database
    clock: ManualClock
    ids: list[TicketId] = field(default_factory=list)

    @property
    def backfiller(self) -> Backfiller:
        """As another process would have it."""
        return Backfiller(self.database, STORE, self.clock)

    async def take_in(self, number: int) -> None:
        async with self.database.write() as connection:
            for place in range(len(self.ids), len(self.ids) + number):
                ticket, _ = await STORE.create_or_get(
                    connection, DEFAULT_WORKSPACE, NewTicket("test", f"{place}", "help"), at=self.clock.now()
                )
                if place % 3:
                    await STORE.set_labels(
                        connection, DEFAULT_WORKSPACE, ticket.id, triage=triaged(), at=self.clock.now()
                    )
                self.ids.append(ticket.id)

    async def get(self, place: int) -> Ticket:
        async with self.database.read() as connection:
            return await STORE.get(connection, DEFAULT_WORKSPACE, self.ids[place])

    async def state(self) -> list[Said]:
        found = [await self.get(place) for place in range(len(self.ids))]
        return [Said(one.labels, one.model, one.intent, one.queue, one.certainty) for one in found]

    async def entries(self) -> int:
        async with self.database.read() as connection:
            return (await connection.execute(select(func.count()).select_from(backfill_entries))).scalar_one()


def labels(queue: str = "sales", **more: Any) -> Callable[[Sequence[Ticket]], list[dict[str, Any]]]:
    record = label_record(triaged(intent=f"{queue}.any", queue=queue, **more))
    return lambda tickets: [record for _ in tickets]


@pytest.fixture
async def desk(each_database: Database, clock: ManualClock) -> Desk:
    made = Desk(each_database, clock)
    await made.take_in(TICKETS)
    return made


async def ran(desk: Desk, *, model: str = "new", queue: str = "sales") -> Backfill:
    run = await desk.backfiller.start(DEFAULT_WORKSPACE, ALL, model=model, route=True)
    return await desk.backfiller.run(run, labels(queue))


async def test_every_ticket_gets_the_new_labels_and_has_the_old_ones_after_undo(desk: Desk) -> None:
    before, steps = await desk.state(), list[int]()
    run = await desk.backfiller.start(DEFAULT_WORKSPACE, ALL, model="new", route=True)
    assert (run.state, run.counts.total, run.counts.done) == (BackfillState.RUNNING, TICKETS, 0)
    run = await desk.backfiller.run(run, labels(), advance=steps.append)
    assert run.state is BackfillState.FINISHED
    assert (run.counts.done, run.counts.changed, run.counts.same) == (TICKETS, TICKETS, 0)
    assert steps == [PAGE, PAGE, 5]
    assert {(said.queue, said.model) for said in await desk.state()} == {("sales", "new")}
    assert await desk.backfiller.latest(DEFAULT_WORKSPACE) == run

    undone = await desk.backfiller.take_back(await desk.backfiller.undo(DEFAULT_WORKSPACE))
    assert undone.state is BackfillState.UNDONE
    assert (undone.counts.restored, undone.counts.changed_since) == (TICKETS, 0)
    assert await desk.state() == before
    with pytest.raises(NothingToUndo):
        await desk.backfiller.undo(DEFAULT_WORKSPACE)


async def test_a_second_run_finds_the_same_labels_but_for_the_last_digits(desk: Desk) -> None:
    await ran(desk)
    again = await desk.backfiller.start(DEFAULT_WORKSPACE, ALL, model="new", route=True)
    again = await desk.backfiller.run(again, labels(probability=0.8 + 1e-9))
    assert (again.counts.changed, again.counts.same) == (0, TICKETS)
    assert await desk.entries() == TICKETS


async def test_undoing_twice_goes_one_further_back(desk: Desk) -> None:
    before = await desk.state()
    await ran(desk)
    middle = await desk.state()
    await ran(desk, model="newer", queue="legal")
    for expected in (middle, before):
        undoing = await desk.backfiller.undo(DEFAULT_WORKSPACE)
        assert await desk.backfiller.latest(DEFAULT_WORKSPACE) == undoing
        await desk.backfiller.take_back(undoing)
        assert await desk.state() == expected


async def test_only_what_is_selected_is_touched(desk: Desk) -> None:
    desk.clock.advance(timedelta(days=1))
    since = desk.clock.now()
    await desk.take_in(3)
    desk.clock.advance(timedelta(days=1))
    until = desk.clock.now()
    await desk.take_in(2)
    selection = Selection(since=since, until=until, certainty=(Certainty.SURE,), queue="billing")
    run = await desk.backfiller.start(DEFAULT_WORKSPACE, selection, model="new", route=False)
    assert (run.counts.total, run.selection, run.route) == (2, selection, False)
    assert await desk.backfiller.latest(DEFAULT_WORKSPACE) == run
    await desk.backfiller.run(run, labels())
    assert sum(said.model == "new" for said in await desk.state()) == 2


async def test_what_people_said_stays(desk: Desk) -> None:
    async with desk.database.write() as connection:
        await STORE.correct(
            connection,
            DEFAULT_WORKSPACE,
            desk.ids[1],
            kind=LabelKind.QUEUE,
            became="legal",
            who="ada",
            source=CorrectionSource.API,
            at=desk.clock.now(),
        )
    await ran(desk)
    assert ((await desk.get(1)).queue, (await desk.get(1)).intent) == ("legal", "sales.any")


class _Dies:
    """Labels a page, then ends as a process, a part or an operator ends things."""

    def __init__(self, error: BaseException) -> None:
        self.error, self.pages = error, 0

    def __call__(self, tickets: Sequence[Ticket]) -> list[dict[str, Any]]:
        self.pages += 1
        if self.pages == 2:
            raise self.error
        return labels()(tickets)


async def test_a_run_that_failed_says_why_and_goes_on_where_it_was(desk: Desk) -> None:
    before = await desk.state()
    run = await desk.backfiller.start(DEFAULT_WORKSPACE, ALL, model="new", route=True)
    with pytest.raises(Unavailable):
        await desk.backfiller.run(run, _Dies(Unavailable("The encoder does not answer.")))
    left = await desk.backfiller.latest(DEFAULT_WORKSPACE)
    assert left is not None
    assert (left.state, left.counts.done) == (BackfillState.INTERRUPTED, PAGE)
    assert left.error == "unavailable: The encoder does not answer."

    await desk.take_in(1)  # came in meanwhile, and has its labels already
    with pytest.raises(CannotResume, match="begun with model new, and newer answers now"):
        await desk.backfiller.resume(DEFAULT_WORKSPACE, model="newer")
    done = await desk.backfiller.run(await desk.backfiller.resume(DEFAULT_WORKSPACE, model="new"), labels())
    assert (done.state, done.counts.done, done.error) == (BackfillState.FINISHED, TICKETS, None)
    assert await desk.entries() == TICKETS
    await desk.backfiller.take_back(await desk.backfiller.undo(DEFAULT_WORKSPACE))
    assert (await desk.state())[:TICKETS] == before
    with pytest.raises(CannotResume, match="No backfill was interrupted"):
        await desk.backfiller.resume(DEFAULT_WORKSPACE, model="new")


async def test_a_cancelled_run_is_interrupted_and_what_it_did_can_be_taken_back(desk: Desk) -> None:
    before = await desk.state()
    run = await desk.backfiller.start(DEFAULT_WORKSPACE, ALL, model="new", route=True)
    reached = asyncio.Event()
    task = asyncio.create_task(desk.backfiller.run(run, labels(), advance=lambda _: reached.set()))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    left = await desk.backfiller.latest(DEFAULT_WORKSPACE)
    assert left is not None
    assert left.state is BackfillState.INTERRUPTED
    assert 0 < left.counts.done < TICKETS
    await desk.backfiller.take_back(await desk.backfiller.undo(DEFAULT_WORKSPACE))
    assert await desk.state() == before


async def test_one_at_a_time_until_nothing_is_heard_of_it(desk: Desk) -> None:
    run = await desk.backfiller.start(DEFAULT_WORKSPACE, ALL, model="new", route=True)
    for attempt in (
        desk.backfiller.start(DEFAULT_WORKSPACE, ALL, model="new", route=True),
        desk.backfiller.resume(DEFAULT_WORKSPACE, model="new"),
        desk.backfiller.undo(DEFAULT_WORKSPACE),
    ):
        with pytest.raises(BackfillUnderWay):
            await attempt
    other = WorkspaceId("other")
    assert (await desk.backfiller.start(other, ALL, model="new", route=True)).counts.total == 0

    desk.clock.advance(AWAY)
    seen = await desk.backfiller.latest(DEFAULT_WORKSPACE)
    assert seen is not None
    assert seen.state is BackfillState.INTERRUPTED
    taken_over = await desk.backfiller.resume(DEFAULT_WORKSPACE, model="new")
    # Whoever was only slow finds out and changes nothing more.
    assert (await desk.backfiller.run(run, labels())).state is BackfillState.RUNNING
    assert await desk.entries() == 0
    assert (await desk.backfiller.run(taken_over, labels())).counts.done == TICKETS


async def test_two_that_start_at_once_are_one(desk: Desk) -> None:
    starts = [desk.backfiller.start(DEFAULT_WORKSPACE, ALL, model="new", route=True) for _ in range(4)]
    results = await asyncio.gather(*starts, return_exceptions=True)
    assert sum(isinstance(result, Backfill) for result in results) == 1
    assert sum(isinstance(result, BackfillUnderWay) for result in results) == 3


async def test_somebody_stops_it(desk: Desk) -> None:
    with pytest.raises(NothingToStop):
        await desk.backfiller.stop(DEFAULT_WORKSPACE)
    run = await desk.backfiller.start(DEFAULT_WORKSPACE, ALL, model="new", route=True)
    pages, backfiller, tasks = 0, desk.backfiller, list[asyncio.Task[Backfill]]()

    def relabel(tickets: Sequence[Ticket]) -> list[dict[str, Any]]:
        nonlocal pages
        pages += 1
        return labels()(tickets)

    def advance(_: int) -> None:
        desk.clock.advance(timedelta(seconds=1))
        tasks.append(asyncio.create_task(backfiller.stop(DEFAULT_WORKSPACE)))

    stopped = await backfiller.run(run, relabel, advance=advance)
    assert stopped.state is BackfillState.INTERRUPTED
    assert (stopped.counts.done, stopped.error, pages) == (PAGE, None, 2)
    await asyncio.gather(*tasks)


async def test_a_new_run_gives_up_what_was_interrupted_and_both_are_taken_back(desk: Desk) -> None:
    before = await desk.state()
    run = await desk.backfiller.start(DEFAULT_WORKSPACE, ALL, model="new", route=True)
    with pytest.raises(Unavailable):
        await desk.backfiller.run(run, _Dies(Unavailable("down")))
    await ran(desk, model="newer", queue="legal")
    async with desk.database.read() as connection:
        states = [row.state for row in await connection.execute(select(backfills).order_by(backfills.c.id))]
    assert states == ["stopped", "finished"]
    for _ in range(2):
        await desk.backfiller.take_back(await desk.backfiller.undo(DEFAULT_WORKSPACE))
    assert await desk.state() == before


async def test_an_undo_that_was_cut_short_goes_on_before_anything_new(desk: Desk) -> None:
    before = await desk.state()
    await ran(desk)
    undoing = await desk.backfiller.undo(DEFAULT_WORKSPACE)
    reached = asyncio.Event()
    task = asyncio.create_task(desk.backfiller.take_back(undoing, advance=lambda _: reached.set()))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(CannotResume, match="half undone"):
        await desk.backfiller.start(DEFAULT_WORKSPACE, ALL, model="new", route=True)
    with pytest.raises(CannotResume):
        await desk.backfiller.resume(DEFAULT_WORKSPACE, model="new")
    done = await desk.backfiller.take_back(await desk.backfiller.undo(DEFAULT_WORKSPACE))
    assert (done.state, done.counts.restored) == (BackfillState.UNDONE, TICKETS)
    assert await desk.state() == before


async def test_what_somebody_changed_since_stays_and_what_was_erased_leaves_nothing(desk: Desk) -> None:
    before = await desk.state()
    await ran(desk)
    async with desk.database.write() as connection:
        now = desk.clock.now()
        await STORE.set_labels(
            connection, DEFAULT_WORKSPACE, desk.ids[0], triage=triaged(queue="vip"), at=now
        )
        await STORE.put_labels(
            connection,
            DEFAULT_WORKSPACE,
            desk.ids[1],
            labels=before[1].labels,
            model="test",
            at=now,
        )
        await STORE.erase(connection, DEFAULT_WORKSPACE, desk.ids.pop())
    assert await desk.entries() == TICKETS - 1
    done = await desk.backfiller.take_back(await desk.backfiller.undo(DEFAULT_WORKSPACE))
    assert (done.counts.restored, done.counts.unchanged, done.counts.changed_since) == (TICKETS - 3, 1, 1)
    assert (await desk.get(0)).queue == "vip"
    assert (await desk.state())[1:] == before[1:-1]


async def test_a_ticket_that_is_erased_while_it_is_labelled_is_counted(desk: Desk) -> None:
    run = await desk.backfiller.start(DEFAULT_WORKSPACE, ALL, model="new", route=True)
    loop = asyncio.get_running_loop()

    async def erase() -> None:
        async with desk.database.write() as connection:
            await STORE.erase(connection, DEFAULT_WORKSPACE, desk.ids.pop())

    def relabel(tickets: Sequence[Ticket]) -> list[dict[str, Any]]:
        if len(desk.ids) == TICKETS:
            asyncio.run_coroutine_threadsafe(erase(), loop).result(10)
        return labels()(tickets)

    done = await desk.backfiller.run(run, relabel)
    assert (done.counts.done, done.counts.changed, done.counts.gone) == (TICKETS, TICKETS - 1, 1)


async def test_a_preview_says_what_would_change_and_changes_nothing(desk: Desk) -> None:
    before = await desk.state()
    changes = await desk.backfiller.preview(DEFAULT_WORKSPACE, ALL, labels())
    assert changes.paired == TICKETS
    queue = next(label for label in changes.labels if label.label == "queue")
    unlabelled = len(range(0, TICKETS, 3))
    assert [(move.before, move.after, move.count) for move in queue.moves] == [
        ("billing", "sales", TICKETS - unlabelled),
        ("(none)", "sales", unlabelled),
    ]
    assert await desk.state() == before
    assert await desk.backfiller.latest(DEFAULT_WORKSPACE) is None
    newest = await desk.backfiller.preview(DEFAULT_WORKSPACE, ALL, labels(), most=2)
    assert newest.paired == 2


async def test_a_preview_counts_no_label_that_people_gave(desk: Desk) -> None:
    async with desk.database.write() as connection:
        await STORE.correct(
            connection,
            DEFAULT_WORKSPACE,
            desk.ids[-1],
            kind=LabelKind.QUEUE,
            became="legal",
            who="ada",
            source=CorrectionSource.API,
            at=desk.clock.now(),
        )
    changes = await desk.backfiller.preview(DEFAULT_WORKSPACE, Selection(queue="legal"), labels())
    assert changes.paired == 1
    moves = {label.label: label.moves for label in changes.labels}
    assert moves["queue"] == ()
    assert [move.after for move in moves["intent"]] == ["sales.any"]


async def test_only_the_last_runs_can_be_taken_back(desk: Desk) -> None:
    for number in range(7):
        run = await desk.backfiller.start(DEFAULT_WORKSPACE, Selection(queue="none"), model="m", route=True)
        await desk.backfiller.run(replace(run), labels(f"q{number}"))
    async with desk.database.read() as connection:
        kept = (await connection.execute(select(func.count()).select_from(backfills))).scalar_one()
    assert kept == 5
