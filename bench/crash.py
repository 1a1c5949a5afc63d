"""``kill -9`` at random moments of ingestion and of chat; nothing acknowledged may be missing afterwards."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from rich.console import Console

from bench.conversation import Customer
from bench.integrity import check
from bench.load import read_back
from bench.server import Server, ingest

_ARTICLES = 60
_CUSTOMERS = 4
_LONGEST_CHAT = 4.0  # seconds of talk before the kill


class Articles:
    """A folder of articles that changes before every ingestion: some new, some rewritten, some gone."""

    def __init__(self, folder: Path, random_: random.Random, *, number: int = _ARTICLES) -> None:
        self.folder = folder
        self._number = number
        self.expected: dict[str, str] = {}
        self._random = random_
        self._round = 0
        folder.mkdir()

    def change(self) -> None:
        """Rewrite half of the articles, remove a few, add a few."""
        self._round += 1
        for key in list(self.expected):
            if self._random.random() < 0.1:
                (self.folder / key).unlink()
                del self.expected[key]
            elif self._random.random() < 0.5:
                self._write(key)
        while len(self.expected) < self._number:
            self._write(f"article-{self._round}-{len(self.expected)}-{self._random.randrange(10**6)}.md")

    def _write(self, key: str) -> None:
        mark = f"This is revision {self._round} of {key}."
        steps = "\n".join(
            f"## Part {part}\n\nTo do part {part} of it, press button {self._random.randrange(1000)} for "
            f"{part + 2} seconds. {mark} The fee is £{self._random.randrange(100)}.\n"
            for part in range(12)
        )
        (self.folder / key).write_text(f"# How to do {key}\n\n{mark}\n\n{steps}", encoding="utf-8")
        self.expected[key] = mark


def crash_ingestion(articles: Articles, data: Path, random_: random.Random, *, longest: float) -> list[str]:
    """Kill an ingestion, look at what is left, let another one complete, look again."""
    articles.change()
    log = data.with_name("ingest.log")
    running = ingest(articles.folder, data, log=log)
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(random_.uniform(0.2, 1.0) * longest)
    running.kill()
    running.wait()
    found = [f"after the kill: {problem}" for problem in asyncio.run(check(data))]
    status = ingest(articles.folder, data, log=log).wait()
    if status != 0:
        found.append(f"the second ingestion ended with {status}: {log.read_text()[-300:]}")
    return found + asyncio.run(check(data, expected=articles.expected))


def crash_chat(server: Server, data: Path, random_: random.Random, *, seed: int) -> tuple[int, list[str]]:
    """Kill a server in the middle of talk, start it again, read everything back; turns acknowledged."""
    server.start()
    customers: list[Customer] = []

    async def talk() -> None:
        async with httpx.AsyncClient(base_url=server.url, timeout=10) as client:
            customers.extend(Customer(client, seed * 100 + number) for number in range(_CUSTOMERS))
            until = time.perf_counter() + 60
            talking = [asyncio.create_task(customer.talk(until=until)) for customer in customers]
            await asyncio.sleep(random_.uniform(0.3, _LONGEST_CHAT))
            server.kill()
            await asyncio.gather(*talking)

    async def look() -> list[str]:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            return await read_back(client, customers)

    asyncio.run(talk())
    turns = sum(len(customer.seconds) for customer in customers)
    server.start()
    found = asyncio.run(look())
    server.stop()
    return turns, found + asyncio.run(check(data))


def main() -> int:
    """Crash, print, and return 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="half of them in ingestion, half in chat")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    random_, console = random.Random(options.seed), Console()
    console.print(f"seed {options.seed}")
    lost: list[str] = []
    with tempfile.TemporaryDirectory(prefix="careloop-crash-") as name:
        folder = Path(name)
        data = folder / "data"
        data.mkdir()
        articles = Articles(folder / "articles", random_)
        articles.change()
        start = time.perf_counter()
        assert ingest(articles.folder, data, log=folder / "ingest.log").wait() == 0
        longest = time.perf_counter() - start
        server = Server(data, log=folder / "server.log")
        for number in range(options.kills):
            if number % 2 == 0:
                found = crash_ingestion(articles, data, random_, longest=longest)
                done = f"ingestion; {len(articles.expected)} articles"
            else:
                turns, found = crash_chat(server, data, random_, seed=number)
                done = f"chat; {turns} turns acknowledged"
            console.print(f"kill {number + 1:2}: {done}, {len(found)} problems")
            for problem in found[:10]:
                console.print(f"   [red]{problem}")
            lost += found
    console.print(f"{options.kills} kills, {len(lost)} problems.")
    return int(bool(lost))


if __name__ == "__main__":
    sys.exit(main())
