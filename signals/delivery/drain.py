"""Telling one connector what is due: many deliveries at once, each customer's one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

from kit.clock import Clock
from kit.log import get_logger
from signals.delivery.courier import Courier
from signals.delivery.delivery import Lane
from signals.delivery.store import Claimed, DeliveryStore, Settled
from signals.delivery.target import Target, Targets
from store.engine import Database

_log = get_logger("signals.delivery")

# Longer than everything that is claimed at a time can take: two rounds of attempts that time out.
_LEASE = timedelta(minutes=10)
_CLAIMED_AHEAD = 3  # times the concurrency: claims cost a transaction, and waiting there spares one


@dataclass(slots=True)
class _Round:
    """One drain under way."""

    lane: Lane
    claim: str
    target: Target
    left: int  # how many more it may claim
    ready: deque[Claimed] = field(default_factory=deque)
    running: set[asyncio.Task[Settled]] = field(default_factory=set)

    def start(self, courier: Courier) -> None:
        """Fill the places that are free."""
        while self.ready and len(self.running) < self.target.concurrency:
            claimed = self.ready.popleft()
            self.running.add(asyncio.create_task(courier.attempt(claimed, self.target)))

    def collect(self) -> list[Settled]:
        """What has come to an end."""
        done = [task for task in self.running if task.done()]
        self.running.difference_update(done)
        return [task.result() for task in done]

    @property
    def wants(self) -> int:
        """How many to claim now; none while enough is at hand."""
        ahead = self.target.concurrency * _CLAIMED_AHEAD
        return 0 if len(self.ready) >= self.target.concurrency else min(self.left, ahead - len(self.ready))


class Drain:
    """Empties lanes. One claim is one run: whoever begins it again goes on with what it had taken."""

    def __init__(
        self, database: Database, store: DeliveryStore, courier: Courier, clock: Clock, *, targets: Targets
    ) -> None:
        self._database = database
        self._store = store
        self._courier = courier
        self._clock = clock
        self._targets = targets
        self._stopping = False

    def stop(self) -> None:
        """Let every run end with the attempts that are under way."""
        self._stopping = True

    async def run(self, lane: Lane, claim: str, *, most: int = 1000) -> int:
        """Deliver what is due, ``most`` deliveries at most; how many attempts there were.

        Only what is due when it looks is taken: what has to wait is left to a later run.
        """
        target = self._targets.of(lane.workspace).get(lane.connector)
        if target is None:
            return 0
        this = _Round(lane, claim, target, left=most)
        now = self._clock.now()
        async with self._database.write() as connection:
            lost = await self._store.reclaim(connection, lane, claim, at=now, until=now + _LEASE)
        this.ready.extend(lost)
        if lost:
            _log.info("deliveries_recovered", connector=lane.connector, number=len(lost))
        attempts = 0
        try:
            while True:
                attempts += await self._settle_and_claim(this)
                this.start(self._courier)
                if not this.running:
                    return attempts
                await asyncio.wait(this.running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in this.running:
                task.cancel()

    async def _settle_and_claim(self, this: _Round) -> int:
        """One transaction: the ends of attempts, which free their customers' next, and new claims."""
        settled, now = this.collect(), self._clock.now()
        wanted = 0 if self._stopping else this.wants
        left_alone = [claimed.delivery.id for claimed in this.ready] if self._stopping else []
        if not settled and not wanted and not left_alone:
            return 0
        async with self._database.write() as connection:
            await self._store.settle(connection, this.claim, settled, at=now)
            if left_alone:
                await self._store.give_back(connection, this.claim, left_alone, at=now)
                this.ready.clear()
            if wanted:
                found = await self._store.claim(
                    connection, this.lane, this.claim, limit=wanted, at=now, until=now + _LEASE
                )
                this.left -= len(found)
                this.ready.extend(found)
        return len(settled)
