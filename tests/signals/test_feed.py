"""The live feed: what is stored, in order, each once, from wherever a reader left off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert

from kit.clock import ManualClock
from kit.ids import WorkspaceId
from signals.connectors.connector import OutcomeKind
from signals.errors import FeedPlaceInvalid
from signals.feed import FeedEntry, News, SignalFeed
from signals.feed_logs import OutcomeLog, SightingLog
from signals.outcomes import NewOutcome, OutcomeStore
from signals.signal import Signal, SignalKind
from signals.store import SignalStore
from store.encryption import Cipher
from store.engine import Database
from store.tables import signal_sightings, signals
from tests.signals.making import ANN, BOB, signal

pytestmark = pytest.mark.anyio
CIPHER = Cipher(bytes(32))
STORE = SignalStore(CIPHER)
OUTCOMES = OutcomeStore(CIPHER, STORE)


def _feed(database: Database, clock: ManualClock) -> SignalFeed:
    logs = (SightingLog(STORE, clock), OutcomeLog(STORE, OUTCOMES, clock))
    return SignalFeed(database, logs, interval=0.01)


async def _hear(database: Database, heard: Signal, origin: str, clock: ManualClock) -> Signal:
    async with database.write() as connection:
        space = heard.workspace_id
        claimed = await STORE.claim(
            connection, space, heard.kind, origin, probability=heard.probability, at=clock.now()
        )
        assert claimed
        return await STORE.put(connection, heard, origin=origin)


async def _settle(database: Database, heard: Signal, clock: ManualClock) -> None:
    said = NewOutcome(OutcomeKind.WON, "api", clock.now(), amount=5.0, currency="GBP")
    async with database.write() as connection:
        await OUTCOMES.record(connection, heard.workspace_id, heard.id, said, at=clock.now())


def _id(entry: FeedEntry) -> str | None:
    return None if entry.signal is None else entry.signal.id


def _kind(entry: FeedEntry) -> SignalKind | None:
    return None if entry.signal is None else entry.signal.kind


async def _read(
    feed: SignalFeed, space: WorkspaceId, place: Sequence[int], count: int
) -> list[tuple[str, FeedEntry]]:
    found: list[tuple[str, FeedEntry]] = []
    async with asyncio.timeout(10), aclosing(feed.follow(space, place)) as following:
        async for one in following:
            found.append(one)
            if len(found) == count:
                break
    return found


async def test_signals_are_told_as_they_are_raised_heard_again_and_settled(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    feed = _feed(each_database, clock)
    first = await _hear(each_database, signal(), "msg_1", clock)
    await _hear(each_database, signal(), "msg_2", clock)
    other = await _hear(each_database, signal(SignalKind.UPSELL, customer_id=BOB), "msg_2", clock)
    await _settle(each_database, first, clock)
    found = await _read(feed, workspace, (0, 0), 4)
    assert [(entry.news, _id(entry)) for _, entry in found] == [
        (News.NEW, first.id),
        (News.RENEWED, first.id),
        (News.NEW, other.id),
        (News.OUTCOME, first.id),
    ]
    outcome = found[-1][1].outcome
    assert outcome is not None
    assert (outcome.said.outcome, outcome.said.amount) == (OutcomeKind.WON, 5.0)
    assert found[0][1].signal is not None
    assert found[0][1].signal.occurrences == 2  # as it stands now


async def test_a_reader_goes_on_where_it_was_and_gets_nothing_twice(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    feed, place = _feed(each_database, clock), "0.0"
    heard: list[Signal] = []
    seen: list[tuple[News, str]] = []
    for number in range(4):
        heard.append(
            await _hear(each_database, signal(customer_id=(ANN, BOB)[number % 2]), f"m{number}", clock)
        )
        await _settle(each_database, heard[-1], clock)
    while len(seen) < 8:
        ((place, entry),) = await _read(feed, workspace, feed.place(place), 1)
        seen.append((entry.news, place))
    assert len(set(seen)) == 8
    assert [news for news, _ in seen].count(News.OUTCOME) == 4


async def test_who_begins_now_hears_only_what_comes_even_from_another_process(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    await _hear(each_database, signal(), "msg_1", clock)
    feed = _feed(each_database, clock)
    reading = asyncio.create_task(_read(feed, workspace, await feed.end(workspace), 1))
    elsewhere = Database(each_database.url)
    late = await _hear(elsewhere, signal(SignalKind.UPSELL), "msg_2", clock)
    ((_, entry),) = await reading
    assert _id(entry) == late.id
    await elsewhere.close()


async def test_workspaces_are_apart_and_what_is_erased_is_passed_over(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId, other_workspace: WorkspaceId
) -> None:
    gone = await _hear(each_database, signal(), "msg_1", clock)
    async with each_database.write() as connection:
        await connection.execute(delete(signals).where(signals.c.id == gone.id))
        await connection.execute(
            insert(signal_sightings).values(
                workspace_id=other_workspace, kind="upsell", origin="x", probability=0.9, seen_at=clock.now()
            )
        )
    kept = await _hear(each_database, signal(), "msg_2", clock)
    clock.advance(timedelta(seconds=11))
    ((_, entry),) = await _read(_feed(each_database, clock), workspace, (0, 0), 1)
    assert _id(entry) == kept.id


async def test_what_commits_late_is_not_lost(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    """Two transactions at once: the one with the lower number commits last."""
    if each_database.dialect == "sqlite":
        pytest.skip("SQLite has one writer: numbers are committed in their order")
    feed, begun, may_end = _feed(each_database, clock), asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with each_database.write() as connection:
            made = signal()
            await STORE.claim(connection, workspace, made.kind, "slow", probability=0.9, at=clock.now())
            begun.set()
            await may_end.wait()
            await STORE.put(connection, made, origin="slow")

    writing = asyncio.create_task(slow())
    await begun.wait()
    quick = await _hear(each_database, signal(SignalKind.UPSELL, customer_id=BOB), "quick", clock)
    reading = asyncio.create_task(_read(feed, workspace, (0, 0), 2))
    await asyncio.sleep(0.05)
    assert not reading.done()
    may_end.set()
    await writing
    found = await reading
    assert [_kind(entry) for _, entry in found] == [SignalKind.CHURN_RISK, quick.kind]


async def test_a_number_that_never_comes_holds_nobody_up_for_long(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    with pytest.raises(RuntimeError, match="undone"):
        async with each_database.write() as connection:
            await STORE.claim(
                connection, workspace, SignalKind.UPSELL, "undone", probability=0.9, at=clock.now()
            )
            raise RuntimeError("undone")
    kept = await _hear(each_database, signal(), "msg_1", clock)
    reading = asyncio.create_task(_read(_feed(each_database, clock), workspace, (0, 0), 1))
    await asyncio.sleep(0.05)
    clock.advance(timedelta(seconds=11))
    ((_, entry),) = await reading
    assert _id(entry) == kept.id


@pytest.mark.parametrize("text", ["", "1", "1.2.3", "a.b", "-1.2", "1.²"])
async def test_what_is_no_place_is_refused(database: Database, clock: ManualClock, text: str) -> None:
    with pytest.raises(FeedPlaceInvalid):
        _feed(database, clock).place(text)
