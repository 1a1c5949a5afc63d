"""Asks targets for what became of signals, and for who no longer wants to be written to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from kit.clock import Clock
from kit.errors import CareloopError, InvalidInput, Unavailable
from kit.ids import WorkspaceId, new_id
from kit.log import get_logger
from signals.connectors.connector import DeliveryFailed, OutcomePage
from signals.connectors.inbound import ConsentPage, ConsentSource, WebhookNews
from signals.delivery.delivery import Lane
from signals.delivery.target import Targets
from signals.inbound.news import Tally, Via
from signals.inbound.polls import Cursors, Feed, PollError, Polls
from signals.inbound.receiver import Receiver
from signals.inbound.sharing import Shared, shared
from store.engine import Database

_log = get_logger("signals.inbound")
_LEASE = timedelta(minutes=3)  # longer than a page takes, with all attempts and what is done with it
_PAGE_SECONDS = 120.0
_PAGES = 200  # of one poll; what is left comes with the next, which begins at once
_LONGEST_PAUSE = timedelta(hours=1)  # after failures
_KEPT = timedelta(days=90)  # news; replays of older ones are stopped by what they are about
_PRUNED_EVERY = timedelta(hours=1)
_OWN_INTERVAL = 5.0  # seconds between two looks at whether a poll is due


_Ask = Callable[[str | None], Awaitable[OutcomePage | ConsentPage]]


class _LeaseLost(Exception):
    """The process was stalled for so long that another polls now."""


@dataclass(frozen=True, slots=True)
class _Poll:
    """One poll under way."""

    connector: Shared
    id: str


class Poller:
    """Polls each connector every ``every``, on one of all servers, and hands what is new to ``receiver``.

    What a page brought is stored before the cursor moves on: a poll that was cut short reads it again, and
    news that is told again changes nothing.
    """

    def __init__(
        self,
        database: Database,
        receiver: Receiver,
        clock: Clock,
        *,
        targets: Targets,
        workspaces: Callable[[], Awaitable[Sequence[WorkspaceId]]],
        every: timedelta,
    ) -> None:
        self._database = database
        self._receiver = receiver
        self._clock = clock
        self._targets = targets
        self._workspaces = workspaces
        self._every = every
        self._polls = Polls()
        self._pruned_at: dict[Lane, datetime] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Look until ``stopping`` is set. A database that is away is waited for."""
        interval = min(_OWN_INTERVAL, self._every.total_seconds())
        while not stopping.is_set():
            try:
                await self.look()
            except Unavailable as error:
                _log.warning("poller_waits", code=error.code, reason=error.detail)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), interval)

    async def look(self) -> int:
        """Poll every connector that is due; how many were. Raises ``Unavailable`` after the last of them."""
        connectors = shared(self._targets, await self._workspaces())
        ended = await asyncio.gather(*(self._poll_if_due(one) for one in connectors), return_exceptions=True)
        for one in ended:
            if isinstance(one, BaseException):
                raise one
        return sum(one is True for one in ended)

    async def _poll_if_due(self, connector: Shared) -> bool:
        now, poll = self._clock.now(), _Poll(connector, new_id("poll"))
        async with self._database.read() as connection:
            if not await self._polls.is_due(connection, connector.lane, at=now):
                return False
        async with self._database.write() as connection:
            cursors = await self._polls.begin(connection, connector.lane, poll.id, at=now, until=now + _LEASE)
        if cursors is None:
            return False
        try:
            more = await self._poll(poll, cursors)
        except asyncio.CancelledError:
            async with self._database.write() as connection:
                await self._polls.give_up(connection, connector.lane, poll.id)
            raise
        except Unavailable:  # the database: nothing can be written about it
            raise
        except _LeaseLost:
            _log.warning("poll_overtaken", connector=connector.name)
        except Exception as error:  # noqa: BLE001 (outermost boundary: one connector must not stop the others)
            await self._failed(poll, cursors.failures + 1, error)
        else:
            await self._end(poll, pause=timedelta(0) if more else self._every)
        return True

    async def _poll(self, poll: _Poll, cursors: Cursors) -> bool:
        """Read what is new; whether there is more."""
        target = poll.connector.connector
        cursors, left = await self._read(poll, cursors, "outcomes", target.poll)
        if isinstance(target, ConsentSource):
            cursors, more = await self._read(poll, cursors, "consents", target.poll_consents)
            left = left or more
        return left

    async def _read(self, poll: _Poll, cursors: Cursors, feed: Feed, ask: _Ask) -> tuple[Cursors, bool]:
        """Read ``feed`` page by page; where it is then, and whether more is there."""
        tally, more, pages = Tally(), True, 0
        while more and pages < _PAGES:
            page = await _asked(ask, cursors.of(feed), poll.connector.name)
            tally += await self._receiver.take(poll.connector, _news(page), via=Via.POLL)
            cursors, more, pages = cursors.moved(feed, page.cursor), page.more, pages + 1
            async with self._database.write() as connection:
                until = self._clock.now() + _LEASE
                if not await self._polls.go_on(
                    connection, poll.connector.lane, poll.id, cursors, until=until
                ):
                    raise _LeaseLost
        if any(tally.values()):
            counts = {str(result): number for result, number in tally.items()}
            _log.info("polled", connector=poll.connector.name, feed=feed, **counts)
        return cursors, more

    async def _failed(self, poll: _Poll, failures: int, error: Exception) -> None:
        if isinstance(error, CareloopError):
            found = PollError(error.code, error.detail)
        elif isinstance(error, TimeoutError):
            found = PollError("timeout", f"No answer within {_PAGE_SECONDS:g} seconds.")
        else:  # its text may hold what a person wrote, and is not kept
            found = PollError("internal", f"The connector broke ({type(error).__name__}).")
        asked = (
            timedelta(seconds=error.retry_after or 0) if isinstance(error, DeliveryFailed) else timedelta(0)
        )
        doubled = self._every * float(2 ** min(failures - 1, 20))
        pause = max(self._every, asked, min(doubled, _LONGEST_PAUSE))
        _log.warning("poll_failed", connector=poll.connector.name, code=found.code, failures=failures)
        await self._end(poll, pause=pause, failures=failures, error=found)

    async def _end(
        self, poll: _Poll, *, pause: timedelta, failures: int = 0, error: PollError | None = None
    ) -> None:
        now, lane = self._clock.now(), poll.connector.lane
        async with self._database.write() as connection:
            await self._polls.end(
                connection, lane, poll.id, at=now, next_at=now + pause, failures=failures, error=error
            )
            if now - self._pruned_at.get(lane, now - _PRUNED_EVERY) >= _PRUNED_EVERY:
                self._pruned_at[lane] = now
                for workspace in poll.connector.workspaces:
                    await self._receiver.news.prune(connection, workspace, lane.connector, before=now - _KEPT)


async def _asked(ask: _Ask, cursor: str | None, name: str) -> OutcomePage | ConsentPage:
    """The page after ``cursor``; the first of all where the cursor is not one of this connector.

    That is so where another connector had the name before. All that comes again then changes nothing.
    """
    async with asyncio.timeout(_PAGE_SECONDS):
        try:
            return await ask(cursor)
        except InvalidInput as error:
            if cursor is None:
                raise
            _log.warning("poll_begins_anew", connector=name, code=error.code)
            return await ask(None)


def _news(page: OutcomePage | ConsentPage) -> WebhookNews:
    if isinstance(page, OutcomePage):
        return WebhookNews(page.outcomes)
    return WebhookNews(consents=page.changes)
