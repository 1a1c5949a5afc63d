"""Telling one connector what is due: many deliveries at once, each customer's one after the other."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kit.clock import Clock
from kit.log import get_logger
from signals.delivery.courier import Courier
from signals.delivery.delivery import DeliveryId, Lane
from signals.delivery.settled import Settled
from signals.delivery.store import Claimed, DeliveryStore
from signals.delivery.target import Target, Targets
from store.engine import Database

_log = get_logger("signals.delivery")

LEASE = timedelta(minutes=5)  # renewed while a drain runs, so that only a machine that is gone loses it
_RENEWED = 3  # times in the length of a lease
_CLAIMED_AHEAD = 3  # times the concurrency: claims cost a transaction, and waiting there spares one
# Seconds that the first attempt to end waits for others: they are written, and the next are begun, together.
_GATHER = 0.02
_LOOK = 0.5  # seconds between two looks at what is due, at the lease and at whether to stop, while none ends
_CUT = 1.0  # seconds that attempts are given to let go of their connections


@dataclass(slots=True)
class _Round:
    """One drain under way."""

    lane: Lane
    claim: str
    target: Target
    left: int  # how many more it may claim
    renew_at: datetime
    ready: deque[Claimed] = field(default_factory=deque)
    running: dict[asyncio.Task[Settled], Claimed] = field(default_factory=dict)
    cut: list[asyncio.Task[Settled]] = field(default_factory=list)
    tired: bool = False  # of waiting until the target has rested: a later run goes on

    def begin(self) -> list[Claimed]:
        """Those to be begun now: as many as there are free places."""
        free = self.target.concurrency - len(self.running)
        return [self.ready.popleft() for _ in range(min(free, len(self.ready)))]

    def collect(self) -> list[Settled]:
        """What has come to an end."""
        done = [task for task in self.running if task.done()]
        for task in done:
            del self.running[task]
        return [task.result() for task in done]

    def cut_off(self) -> list[Claimed]:
        """End what is under way, without a result; which it was."""
        for task in self.running:
            task.cancel()
        unended = list(self.running.values())
        self.cut += self.running
        self.running.clear()
        return unended

    @property
    def wants(self) -> int:
        """How many to claim now; none while enough is at hand."""
        ahead = self.target.concurrency * _CLAIMED_AHEAD
        return 0 if len(self.ready) >= self.target.concurrency else min(self.left, ahead - len(self.ready))


class Drain:
    """Empties lanes. One claim is one run: whoever begins it again goes on with what it had taken."""

    def __init__(
        self,
        database: Database,
        store: DeliveryStore,
        courier: Courier,
        clock: Clock,
        *,
        targets: Targets,
        lease: timedelta = LEASE,
        sit_out: float = 2.0,
    ) -> None:
        """``lease`` is how long a claim is kept that nobody renews: then another machine may take over.

        A target that rests is waited for ``sit_out`` seconds, before a later run goes on.
        """
        self._database = database
        self._store = store
        self._courier = courier
        self._clock = clock
        self._targets = targets
        self._lease = lease
        self._sits_out = sit_out
        self._rests: dict[Lane, datetime] = {}
        self._stopping = False
        self._cutting = False

    def stop(self) -> None:
        """Begin nothing more: every run ends with the attempts that are under way."""
        self._stopping = True

    def cut(self) -> None:
        """End every run now. What is under way goes back to the queue, to be begun again."""
        self._stopping = self._cutting = True

    def rests(self, lane: Lane) -> bool:
        """Whether the lane's target asked to be left alone, and that time is not over."""
        until = self._rests.get(lane)
        return until is not None and until > self._clock.now()

    async def run(self, lane: Lane, claim: str, *, most: int = 1000) -> int:
        """Deliver what is due, ``most`` deliveries at most; how many attempts there were.

        Only what is due when it looks is taken: what has to wait is left to a later run.
        """
        target = self._targets.of(lane.workspace).get(lane.connector)
        if target is None:
            return 0
        now = self._clock.now()
        this = _Round(lane, claim, target, left=most, renew_at=now + self._lease / _RENEWED)
        async with self._database.write() as connection:
            lost = await self._store.reclaim(connection, lane, claim, at=now, until=now + self._lease)
        this.ready.extend(lost)
        if lost:
            _log.info("deliveries_recovered", connector=lane.connector, number=len(lost))
        attempts = 0
        try:
            while True:
                attempts += await self._write(this)
                await self._begin(this)
                if this.running:
                    await _some_end(this.running)
                elif self.rests(lane) and not this.tired:
                    await self._sit_out(this)
                elif not this.ready:
                    return attempts
        finally:
            this.cut_off()
            if this.cut:
                await asyncio.wait(this.cut, timeout=_CUT)

    def _may_begin(self, this: _Round) -> bool:
        return not (self._stopping or this.tired or self.rests(this.lane))

    async def _begin(self, this: _Round) -> None:
        begun = this.begin() if self._may_begin(this) else []
        if begun:
            attempts = await self._courier.attempts(begun, this.target)
            for claimed, attempt in zip(begun, attempts, strict=True):
                this.running[asyncio.ensure_future(attempt)] = claimed

    async def _sit_out(self, this: _Round) -> None:
        """Wait a little while the target rests: to end for a moment and be begun again costs more."""
        ends_at = time.monotonic() + self._sits_out
        while self.rests(this.lane) and not this.tired:
            await asyncio.sleep(_GATHER)
            this.tired = self._stopping or time.monotonic() >= ends_at

    async def _write(self, this: _Round) -> int:
        """One transaction: the ends of attempts, which free their customers' next, and new claims."""
        settled, now = this.collect(), self._clock.now()
        for one in settled:
            if one.rests_until is not None:
                self._rest(this.lane, one.rests_until)
        unbegun = self._unbegun(this)
        wanted = this.wants if self._may_begin(this) else 0
        renews = now >= this.renew_at
        if not (settled or unbegun or wanted or renews):
            return 0
        async with self._database.write() as connection:
            await self._store.settle(connection, this.claim, settled, at=now)
            if unbegun:
                await self._store.give_back(connection, this.claim, unbegun, at=now)
            if renews:
                await self._store.renew(connection, this.lane, this.claim, until=now + self._lease)
                this.renew_at = now + self._lease / _RENEWED
            if wanted:
                found = await self._store.claim(
                    connection, this.lane, this.claim, limit=wanted, at=now, until=now + self._lease
                )
                this.left -= len(found)
                this.ready.extend(found)
        return len(settled)

    def _unbegun(self, this: _Round) -> list[DeliveryId]:
        """What is to be given back: nothing while this run goes on."""
        if not (self._stopping or this.tired):
            return []
        given = [claimed.delivery.id for claimed in this.ready]
        this.ready.clear()
        if self._cutting:
            given += [claimed.delivery.id for claimed in this.cut_off()]
        return given

    def _rest(self, lane: Lane, until: datetime) -> None:
        if not self.rests(lane):
            seconds = (until - self._clock.now()).total_seconds()
            _log.info("target_rests", connector=lane.connector, seconds=round(seconds))
        self._rests[lane] = max(until, self._rests.get(lane, until))


async def _some_end(running: Collection[asyncio.Task[Settled]]) -> None:
    """Wait until attempts have ended, or it is time to look at what is due."""
    done, going_on = await asyncio.wait(running, timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
    if done and going_on:
        await asyncio.wait(going_on, timeout=_GATHER)
