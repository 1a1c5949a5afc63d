"""16 conversations at once against a real server on loopback, beside one conversation alone.

Counts errors and lost or reordered turns, compares the throughputs, and shows in which part of the
server the time goes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from bench.conversation import Customer, problems
from bench.server import Server, ingest
from bench.worker import ROOT

_SAMPLE = ROOT / "knowledge_base" / "sample"
_RATIO = 2.0
_ALONE_SHARE = 1 / 3  # of the seconds: one conversation needs fewer turns for a steady rate
_PROFILED_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Load:
    """What came of ``conversations`` customers who talked at the same time for ``seconds``.

    ``server_cores`` is how many processor cores the server kept busy on average, ``client_cores`` the load
    itself; where they add up to what the machine has, more conversations cannot bring more turns.
    """

    conversations: int
    seconds: float
    turns: int
    p50_ms: float
    p95_ms: float
    server_cores: float
    client_cores: float
    errors: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def per_second(self) -> float:
        """Acknowledged turns per second."""
        return self.turns / self.seconds


async def load(server: Server, *, conversations: int, seconds: float, seed: int) -> Load:
    """Let that many customers talk, then read every conversation back."""
    limits = httpx.Limits(max_connections=conversations + 4)
    async with httpx.AsyncClient(base_url=server.url, timeout=60, limits=limits) as client:
        customers = [Customer(client, seed * 1000 + number) for number in range(conversations)]
        start, busy, own = time.perf_counter(), server.cpu_seconds(), time.process_time()
        await asyncio.gather(*(customer.talk(until=start + seconds) for customer in customers))
        elapsed = time.perf_counter() - start
        busy, own = server.cpu_seconds() - busy, time.process_time() - own
        lost = await read_back(client, customers)
    durations = [duration for customer in customers for duration in customer.seconds]
    return Load(
        conversations=conversations,
        seconds=elapsed,
        turns=len(durations),
        p50_ms=statistics.median(durations or [0.0]) * 1000,
        p95_ms=float(np.quantile(durations or [0.0], 0.95)) * 1000,
        server_cores=busy / elapsed,
        client_cores=own / elapsed,
        errors=tuple(error for customer in customers for error in customer.errors),
        lost=tuple(lost),
    )


async def read_back(client: httpx.AsyncClient, customers: Sequence[Customer]) -> list[str]:
    """Everything that was acknowledged and is not there any more."""
    found = []
    for customer in customers:
        for conversation, said in customer.conversations.items():
            try:
                found += await problems(client, conversation, said)
            except httpx.TransportError as error:
                return [*found, f"the server does not answer any more: {error}"]
    return found


def run(folder: Path, *, seconds: float, conversations: int) -> tuple[Load, Load, dict[str, Any]]:
    """One conversation alone, many at once, and a profile of many at once, each on a fresh server."""
    data = folder / "data"
    data.mkdir()
    if ingest(_SAMPLE, data, log=folder / "ingest.log").wait() != 0:
        raise RuntimeError("the sample help centre could not be ingested")
    server = Server(data, log=folder / "server.log")
    server.start()
    try:
        asyncio.run(load(server, conversations=2, seconds=min(3.0, seconds), seed=0))  # warms up
        alone = asyncio.run(load(server, conversations=1, seconds=seconds * _ALONE_SHARE, seed=1))
        many = asyncio.run(load(server, conversations=conversations, seconds=seconds, seed=2))
    finally:
        server.stop()
    profile = folder / "profile.json"
    server = Server(data, log=folder / "server.log", run=("bench.sampled", str(profile)))
    server.start()
    try:
        length = min(_PROFILED_SECONDS, seconds)
        asyncio.run(load(server, conversations=conversations, seconds=length, seed=3))
    finally:
        server.stop()
    return alone, many, json.loads(profile.read_text())


def tables(alone: Load, many: Load, profile: dict[str, Any]) -> list[Table]:
    """Throughputs, and where the server's time goes."""
    table = Table(title="Load on loopback", title_justify="left")
    columns = ("conversations", "seconds", "turns", "turns/s", "p50 ms", "p95 ms")
    for column in (*columns, "server cores", "client cores", "errors", "lost"):
        table.add_column(column, justify="right")
    for one in (alone, many):
        numbers = [one.conversations, f"{one.seconds:.0f}", one.turns, f"{one.per_second:.1f}"]
        numbers += [f"{one.p50_ms:.1f}", f"{one.p95_ms:.1f}"]
        numbers += [f"{one.server_cores:.2f}", f"{one.client_cores:.2f}", len(one.errors), len(one.lost)]
        table.add_row(*map(str, numbers))
    shares = Table(title="Share of samples with a thread in ...", title_justify="left")
    shares.add_column("part")
    shares.add_column("share", justify="right")
    for part, number in sorted(profile["parts"].items(), key=lambda item: -item[1]):
        shares.add_row(part, f"{number / profile['samples']:.0%}")
    return [table, shares]


def main() -> int:
    """Measure, print, and return 1 if a turn was lost or the bar was missed."""
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--conversations", type=int, default=16)
    parser.add_argument("--json", type=Path, default=ROOT / "bench" / "results" / "load.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="careloop-load-") as folder:
        alone, many, profile = run(Path(folder), seconds=options.seconds, conversations=options.conversations)
    console = Console(width=110)
    for table in tables(alone, many, profile):
        console.print(table)
    for problem in (*alone.errors, *many.errors, *alone.lost, *many.lost)[:20]:
        console.print(f"[red]{problem}")
    ratio = many.per_second / max(alone.per_second, 1e-9)
    console.print(f"Throughput of {many.conversations} conversations to one: {ratio:.2f} (bar ≥ {_RATIO:g}).")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    found = {"alone": asdict(alone), "many": asdict(many), "ratio": ratio, "profile": profile}
    options.json.write_text(json.dumps(found, indent=1) + "\n")
    return int(bool(many.errors or many.lost or alone.errors or alone.lost or ratio < _RATIO))


if __name__ == "__main__":
    sys.exit(main())
