"""Signals through every connector to servers that fail, by a worker that is killed; counts what went wrong.

Every signal has to reach every target once, each customer's in their order; what a server refuses for good
has to be a dead letter, and nothing else. Servers and worker are processes of their own. Exit status 1 says
that something was not so, or that it took longer than ``--patience``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from sqlalchemy import func, select

from bench.delivery_targets import KINDS, secrets
from bench.delivery_told import fill
from bench.delivery_verdict import Verdict, complaints, judge, table
from bench.worker import ROOT, child_environment
from bench.worker import Worker as Child
from kit.ids import DEFAULT_WORKSPACE
from signals.delivery.delivery import DeliveryState
from store.engine import Database, sqlite_url
from store.migrate import upgrade
from store.tables import deliveries

_PENDING = (DeliveryState.QUEUED, DeliveryState.SENDING)
_LOOK = 0.25  # seconds between two looks at how far it is
_STOP = 60  # seconds within which a worker that was told to has to be gone


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    signals: int = 10_000
    kills: int = 20
    faults: float = 0.2  # share of calls
    refused: float = 0.01  # share of customers
    concurrency: int = 8
    targets: tuple[str, ...] = tuple(KINDS)
    patience: float = 3600  # seconds until it is given up
    seed: int = 0


@dataclass(frozen=True)
class Found:
    """What came of a run."""

    verdicts: Sequence[Verdict]
    in_order: bool  # the worker came to its end, as it was told to

    @property
    def fine(self) -> bool:
        return self.in_order and all(one.fine for one in self.verdicts)


class Worker:
    """A worker process that is killed and started again."""

    def __init__(self, plan: Path, log: Path) -> None:
        self._command = [sys.executable, "-m", "bench.delivery_worker", str(plan)]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.cpu_seconds = 0.0
        self.memory = 0.0  # MB, the most that was seen

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=child_environment(), stdout=log, stderr=log
            )

    def kill(self) -> None:
        assert self._process is not None
        self._measure()
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """End it in order; its exit status. Raises ``subprocess.TimeoutExpired``."""
        assert self._process is not None
        self._measure()
        self._process.terminate()
        try:
            return self._process.wait(_STOP)
        finally:
            self._process.kill()

    @property
    def is_gone(self) -> bool:
        """Whether it ended without being told to."""
        return self._process is not None and self._process.poll() is not None

    def _measure(self) -> None:
        assert self._process is not None
        try:
            found = psutil.Process(self._process.pid)
            times = found.cpu_times()
            self.cpu_seconds += times.user + times.system
            self.memory = max(self.memory, found.memory_info().rss / 1e6)
        except psutil.Error:  # it is gone
            return


async def pending(database: Database) -> int:
    """How many deliveries have not come to an end."""
    async with database.read() as connection:
        query = select(func.count()).where(
            deliveries.c.workspace_id == DEFAULT_WORKSPACE, deliveries.c.state.in_(_PENDING)
        )
        return int(await connection.scalar(query) or 0)


async def deliver(database: Database, worker: Worker, size: Size, total: int, console: Console) -> None:
    """Run and kill the worker until all has come to an end: a kill at each like share of the way."""
    chance, killed = random.Random(size.seed), 0
    worker.start()
    began = time.perf_counter()
    while time.perf_counter() - began < size.patience and not worker.is_gone:
        await asyncio.sleep(_LOOK)
        left = await pending(database)
        if left == 0 and killed >= size.kills:
            break
        due = total * (1 - (killed + chance.uniform(0.2, 0.8)) / (size.kills + 1))
        if killed < size.kills and left < due:
            await asyncio.sleep(chance.uniform(0, 0.3))
            worker.kill()
            killed += 1
            passed = time.perf_counter() - began
            console.print(
                f"{passed:6.0f} s: kill {killed:2}, {left:,} left, {worker.memory:.0f} MB at the most"
            )
            worker.start()
    seconds = time.perf_counter() - began
    done = total - await pending(database)
    console.print(f"{done:,} of {total:,} deliveries in {seconds:.0f} s, {done / seconds:.0f} a second.")


async def run(size: Size, folder: Path, console: Console) -> Found:
    """Everything, in ``folder``."""
    url = sqlite_url(folder / "careloop.db")
    upgrade(url)
    database, keys = Database(url), secrets()
    start = time.perf_counter()
    told = await fill(database, size.targets, signals=size.signals, refused=size.refused, seed=size.seed)
    total = await pending(database)
    console.print(
        f"{len(told.signals):,} signals, {total:,} deliveries queued in {time.perf_counter() - start:.0f} s."
    )
    with Child("servers", [sys.executable, "-m", "bench.delivery_servers"]) as servers:
        urls = servers.do("start", targets=size.targets, secrets=keys, faults=size.faults, seed=size.seed)
        plan, log = folder / "plan.json", folder / "worker.log"
        values = {"start": time.time(), "database": url, "folder": str(folder), "urls": urls, "secrets": keys}
        plan.write_text(json.dumps(values | {"concurrency": size.concurrency}), encoding="utf-8")
        worker = Worker(plan, log)
        await deliver(database, worker, size, total, console)
        in_order = stop(worker, console)
        held = servers.do("held")
    verdicts = await judge(database, told, held["targets"])
    report(held, worker, total, console)
    console.print(table(verdicts))
    for complaint in await complaints(database, told):
        console.print(complaint)
    if not in_order:
        console.print(log.read_text(encoding="utf-8")[-2000:])
    await database.close()
    return Found(verdicts, in_order)


def stop(worker: Worker, console: Console) -> bool:
    """Whether the worker ended as it should when it was told to."""
    begun = time.perf_counter()
    try:
        status = worker.stop()
    except subprocess.TimeoutExpired:
        console.print(f"The worker did not stop within {_STOP} s.")
        return False
    console.print(f"The worker stopped in {time.perf_counter() - begun:.1f} s with status {status}.")
    return status == 0


def report(held: dict[str, Any], worker: Worker, total: int, console: Console) -> None:
    """Calls, faults, and what they cost."""
    calls = sum(target["calls"] for target in held["targets"].values())
    bad = sum(target["faults"] for target in held["targets"].values())
    console.print(f"{calls:,} calls, {bad:,} of them ({bad / max(1, calls):.1%}) answered with a fault.")
    console.print(
        f"Processor time for each delivery: worker {worker.cpu_seconds / total * 1000:.1f} ms (its starts "
        f"included), servers {held['cpu_seconds'] / total * 1000:.1f} ms. Memory of the worker: "
        f"{worker.memory:.0f} MB at the most."
    )


def main() -> int:
    """Run, print, and return 1 unless every target is fine."""
    parser = argparse.ArgumentParser(prog="make deliver", description=__doc__)
    parser.add_argument("--signals", type=int, default=Size.signals)
    parser.add_argument("--kills", type=int, default=Size.kills)
    parser.add_argument("--faults", type=float, default=Size.faults, help="share of calls that go wrong")
    parser.add_argument("--concurrency", type=int, default=Size.concurrency, help="of each connector")
    parser.add_argument("--targets", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--patience", type=float, default=Size.patience, help="seconds until it gives up")
    parser.add_argument("--seed", type=int, default=Size.seed)
    options = parser.parse_args()
    size = replace(Size(), **{**vars(options), "targets": tuple(options.targets)})
    console = Console(soft_wrap=True, width=120)
    with tempfile.TemporaryDirectory(prefix="careloop-delivery-") as name:
        found = asyncio.run(run(size, Path(name), console))
    console.print("Everything as it has to be." if found.fine else "NOT as it has to be.")
    return 0 if found.fine else 1


if __name__ == "__main__":
    sys.exit(main())
