"""Signals through every connector to servers that fail, by a worker that is killed; counts what went wrong.

Every signal has to reach every target once, each customer's in their order; what a server refuses for good
has to be a dead letter, and nothing else. Exit status 1 says that something was not so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from bench.contract.faults import Faults
from bench.contract.server import ContractServer
from bench.contract.vendor import Vendor
from bench.delivery_targets import KINDS, REFUSED, secrets
from bench.delivery_worker import KEY
from bench.worker import ROOT, child_environment
from customers import (
    ConsentChannel,
    ConsentState,
    CustomerBook,
    Identity,
    IdentityKind,
    NewConsent,
    Purpose,
)
from kit.clock import SystemClock
from kit.ids import DEFAULT_WORKSPACE, CustomerId, SignalId
from signals.delivery.delivery import DeliveryState
from signals.delivery.outbox import DeliveryOutbox
from signals.signal import Quote, Signal, SignalKind, Team
from signals.store import SignalStore, new_signal_id
from store.encryption import Cipher
from store.engine import Database, sqlite_url
from store.migrate import upgrade
from store.tables import deliveries, workspaces

_OF_A_CUSTOMER = 5  # signals, of as many kinds
_IN_A_TRANSACTION = 50
_PENDING = (DeliveryState.QUEUED, DeliveryState.SENDING)
_KIND_ORDER = list(SignalKind)


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


@dataclass
class Told:
    """What has to arrive: signals by customer, in their order, and who is refused."""

    orders: dict[CustomerId, list[SignalId]] = field(default_factory=dict)
    refused: set[SignalId] = field(default_factory=set)

    @property
    def signals(self) -> set[SignalId]:
        return {signal for order in self.orders.values() for signal in order}


@dataclass
class Verdict:
    """What is wrong at one target."""

    name: str
    reached: int
    expected: int
    duplicates: int
    disorder: int
    dead: int
    wrongly_dead: int
    missing_dead: int

    @property
    def fine(self) -> bool:
        return self.reached == self.expected and not (
            self.duplicates or self.disorder or self.wrongly_dead or self.missing_dead
        )


async def fill(database: Database, size: Size, names: Sequence[str]) -> Told:
    """Customers who consent, and their signals: queued as a turn does it."""
    clock, cipher = SystemClock(), Cipher(KEY)
    book, store = CustomerBook(cipher, KEY), SignalStore(cipher)
    outbox = DeliveryOutbox(cipher, clock, connectors=lambda _: names)
    told = Told()
    people = -(-size.signals // _OF_A_CUSTOMER)
    refused = set(random.Random(size.seed).sample(range(people), max(1, round(people * size.refused))))
    async with database.write() as connection:
        await connection.execute(
            workspaces.insert().values(
                id=DEFAULT_WORKSPACE, name="bench", settings={}, created_at=clock.now()
            )
        )
    for start in range(0, people, _IN_A_TRANSACTION):
        async with database.write() as connection:
            for number in range(start, min(start + _IN_A_TRANSACTION, people)):
                address = f"{REFUSED if number in refused else 'person.'}{number}@example.com"
                who = [Identity(IdentityKind.EMAIL, address)]
                now = clock.now()
                found = await book.registry.resolve(connection, DEFAULT_WORKSPACE, who, now=now)
                customer = found.customer.id
                said = NewConsent(Purpose.SALES, ConsentChannel.ANY, ConsentState.GRANTED, "bench", now)
                await book.consent(connection, DEFAULT_WORKSPACE, customer, said, now=now)
                for kind in _KIND_ORDER[: min(_OF_A_CUSTOMER, size.signals - number * _OF_A_CUSTOMER)]:
                    signal = await store.put(
                        connection, _signal(customer, kind), origin=f"msg_{number}_{kind}"
                    )
                    await outbox.put(connection, signal)
                    told.orders.setdefault(customer, []).append(signal.id)
                    if number in refused:
                        told.refused.add(signal.id)
    return told


def _signal(customer: CustomerId, kind: SignalKind) -> Signal:
    now = SystemClock().now()
    return Signal(
        id=new_signal_id(),
        workspace_id=DEFAULT_WORKSPACE,
        customer_id=customer,
        kind=kind,
        probability=0.9,
        evidence=(Quote("I will leave for a competitor", 0, 29, 1.0),),
        source="triage",
        model="bench",
        team=Team.SALES,
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(days=30),
        next_action="Call today",
        score=80.0,
    )


class Worker:
    """A worker process that is killed and started again."""

    def __init__(self, plan: Path, log: Path) -> None:
        self._command = [sys.executable, "-m", "bench.delivery_worker", str(plan)]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=child_environment(), stdout=log, stderr=log
            )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """End it in order; its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(120)

    @property
    def memory(self) -> float:
        """Its resident set in MB."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status")
        try:
            lines = status.read_text(encoding="utf-8").splitlines()
        except OSError:
            return 0.0
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


async def pending(database: Database) -> int:
    """How many deliveries have not come to an end."""
    async with database.read() as connection:
        query = select(func.count()).where(deliveries.c.state.in_(_PENDING))
        return int(await connection.scalar(query) or 0)


async def deliver(database: Database, worker: Worker, size: Size, total: int, console: Console) -> bool:
    """Run and kill the worker until all has come to an end: a kill at each like share of the way."""
    chance, killed, memory = random.Random(size.seed), 0, []
    worker.start()
    began = time.perf_counter()
    while time.perf_counter() - began < size.patience:
        await asyncio.sleep(0.2)
        left = await pending(database)
        if left == 0 and killed >= size.kills:
            break
        due = total * (1 - (killed + chance.uniform(0.2, 0.8)) / (size.kills + 1))
        if killed < size.kills and left < due:
            await asyncio.sleep(chance.uniform(0, 0.3))
            memory.append(worker.memory)
            worker.kill()
            killed += 1
            console.print(f"kill {killed:2}: {left:,} left, {memory[-1]:.0f} MB")
            worker.start()
    memory.append(worker.memory)
    console.print(
        f"{total:,} deliveries in {time.perf_counter() - began:.0f} s; at the end {memory[-1]:.0f} MB."
    )
    return worker.stop() == 0 and await pending(database) == 0


async def judge(database: Database, told: Told, held: Mapping[str, list[str]]) -> list[Verdict]:
    """What every target holds against what was told, and the dead letters against the refused."""
    async with database.read() as connection:
        rows = (
            await connection.execute(
                select(deliveries.c.connector, deliveries.c.signal_id).where(
                    deliveries.c.state == DeliveryState.DEAD
                )
            )
        ).all()
    place = {signal: index for order in told.orders.values() for index, signal in enumerate(order)}
    whose = {signal: customer for customer, order in told.orders.items() for signal in order}
    verdicts = []
    for name, arrived in held.items():
        dead = {row.signal_id for row in rows if row.connector == name}
        counts = Counter(arrived)
        furthest: dict[CustomerId, int] = {}
        disorder = 0
        for signal in dict.fromkeys(arrived):
            customer = whose[SignalId(signal)]
            disorder += place[SignalId(signal)] < furthest.get(customer, -1)
            furthest[customer] = max(furthest.get(customer, -1), place[SignalId(signal)])
        expected = told.signals - told.refused
        verdicts.append(
            Verdict(
                name,
                reached=len(expected & counts.keys()),
                expected=len(expected),
                duplicates=sum(number - 1 for number in counts.values()),
                disorder=disorder,
                dead=len(dead),
                wrongly_dead=len(dead - told.refused),
                missing_dead=len(told.refused - dead),
            )
        )
    return verdicts


async def run(size: Size, folder: Path, console: Console) -> list[Verdict]:
    """Everything; verdicts by target. Raises ``RuntimeError`` where it did not come to an end."""
    url = sqlite_url(folder / "careloop.db")
    upgrade(url)
    database, keys = Database(url), secrets()
    start = time.perf_counter()
    told = await fill(database, size, size.targets)
    total = await pending(database)
    console.print(
        f"{len(told.signals):,} signals, {total:,} deliveries queued in {time.perf_counter() - start:.0f} s"
    )
    vendors: dict[str, Vendor] = {name: KINDS[name].serve(keys) for name in size.targets}
    with ExitStack() as stack:
        urls = {}
        for number, (name, vendor) in enumerate(vendors.items()):
            vendor.faults = Faults.evenly(size.faults, seed=size.seed + number)
            urls[name] = stack.enter_context(ContractServer(vendor)).url
        plan = folder / "plan.json"
        plan.write_text(
            json.dumps(
                {
                    "start": time.time(),
                    "database": url,
                    "folder": str(folder),
                    "urls": urls,
                    "secrets": keys,
                    "concurrency": size.concurrency,
                }
            ),
            encoding="utf-8",
        )
        log = folder / "worker.log"
        ended = await deliver(database, Worker(plan, log), size, total, console)
        held = {name: KINDS[name].held(vendor) for name, vendor in vendors.items()}
        calls = sum(len(vendor.seen) for vendor in vendors.values())
        bad = sum(sum(vendor.faults.happened.values()) for vendor in vendors.values())
    verdicts = await judge(database, told, held)
    await database.close()
    console.print(f"{calls:,} calls, {bad:,} of them answered with a fault.")
    if not ended:
        raise RuntimeError(f"not at an end: {log.read_text(encoding='utf-8')[-2000:]}")
    return verdicts


def show(verdicts: Sequence[Verdict], console: Console) -> None:
    """The table."""
    table = Table("target", "reached", "of", "duplicates", "out of order", "dead", "wrongly dead", "not dead")
    for one in verdicts:
        numbers = (
            one.reached,
            one.expected,
            one.duplicates,
            one.disorder,
            one.dead,
            one.wrongly_dead,
            one.missing_dead,
        )
        table.add_row(one.name, *(f"{number:,}" for number in numbers))
    console.print(table)


def main() -> int:
    """Run, print, and return 1 unless every target is fine."""
    parser = argparse.ArgumentParser(prog="make deliver", description=__doc__)
    parser.add_argument("--signals", type=int, default=Size.signals)
    parser.add_argument("--kills", type=int, default=Size.kills)
    parser.add_argument("--faults", type=float, default=Size.faults, help="share of calls that go wrong")
    parser.add_argument("--concurrency", type=int, default=Size.concurrency, help="of each connector")
    parser.add_argument("--targets", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--seed", type=int, default=Size.seed)
    options = parser.parse_args()
    size = replace(Size(), **{**vars(options), "targets": tuple(options.targets)})
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="careloop-delivery-") as name:
        verdicts = asyncio.run(run(size, Path(name), console))
    show(verdicts, console)
    console.print(
        f"Peak of the bench itself: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB."
    )
    return 0 if all(one.fine for one in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
