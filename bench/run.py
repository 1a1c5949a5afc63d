"""Careloop beside LangChain with Chroma and beside Haystack, over the same passages, in one run.

Every system runs in a process of its own, with the same encoder weights and two threads, and they take
turns (A, B, C, A, B, C, ...), so that whatever else the machine does meets them all alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from bench.peer_environment import peer_python
from bench.server import Server, ingest
from bench.worker import ROOT, THREADS, Worker
from inference.encoder import bundled_model

DATA = ROOT.parent / "shared" / "data" / "help_centre" / "tau_banking.jsonl"
_PEERS = Path(__file__).parent / "peers"
_COSINE_TEXTS = 64


@dataclass(frozen=True, slots=True)
class Bar:
    """A measured number against what it must reach; ``at_most`` says which way."""

    name: str
    value: float
    bound: float
    at_most: bool

    @property
    def met(self) -> bool:
        """Whether the number is on the right side of the bound."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound


@dataclass(slots=True)
class Samples:
    """Everything that was measured: seconds of single operations, passages per second of rounds."""

    indexing: dict[str, list[float]]
    querying: dict[str, list[float]]
    passages: int = 0
    cosine: float = 0.0
    memory: float = 0.0
    ready: float = 0.0
    answered: float = 0.0

    def rate(self, system: str) -> float:
        """Passages per second of the median round."""
        return statistics.median(self.indexing[system])

    def latency(self, system: str, quantile: float = 0.5) -> float:
        """Milliseconds that ``quantile`` of the operations stay within."""
        return float(np.quantile(self.querying[system], quantile)) * 1000

    def bars(self) -> list[Bar]:
        """Bar 4 of the project's first issue."""
        dense, hybrid = self.latency("langchain"), self.latency("haystack")
        ours, turn = self.latency("careloop"), self.latency("chat turn")
        return [
            Bar("indexing / LangChain", self.rate("careloop") / self.rate("langchain"), 3.5, at_most=False),
            Bar("indexing / Haystack", self.rate("careloop") / self.rate("haystack"), 3.0, at_most=False),
            Bar("hybrid query p50 / LangChain dense", ours / dense, 1 / 2, at_most=True),
            Bar("hybrid query p50 / Haystack hybrid", ours / hybrid, 1 / 8, at_most=True),
            Bar("chat turn p50 / LangChain dense", turn / dense, 1.5, at_most=True),
            Bar("least encoder cosine", self.cosine, 0.999, at_most=False),
            Bar("serving memory, MB", self.memory, 1200, at_most=True),
            Bar("start to ready, s", self.ready, 10, at_most=True),
        ]


def questions(file: Path, number: int) -> list[str]:
    """Distinct questions of about 17 tokens, one for each of ``number`` articles spread over the file."""
    titles = [json.loads(line)["title"] for line in file.read_text(encoding="utf-8").splitlines() if line]
    step = max(1, len(titles) // number)
    return [f"What do I have to know about {title}, and what do I do first?" for title in titles[::step]][
        :number
    ]


def measure(data: Path, *, rounds: int, queries: int, folder: Path) -> Samples:
    """Run every system over ``data``; files go into ``folder``."""
    names = ("careloop", "langchain", "haystack")
    samples = Samples({name: [] for name in names}, {name: [] for name in (*names, "chat turn")})
    asked = questions(data, queries)
    with ExitStack() as stack:
        python, model = str(peer_python()), str(bundled_model())
        careloop, langchain, haystack = (
            stack.enter_context(Worker(name, [*command, model, str(folder / name), str(THREADS)]))
            for name, command in (
                ("careloop", [sys.executable, "-m", "bench.peers.careloop_parts"]),
                ("langchain", [python, str(_PEERS / "dense_langchain.py")]),
                ("haystack", [python, str(_PEERS / "hybrid_haystack.py")]),
            )
        )
        for number in range(rounds):
            found = careloop.do("index", file=str(data), name=f"round{number}")
            samples.indexing["careloop"].append(found["passages"] / found["seconds"])
            texts = careloop.do("passages")
            samples.passages = len(texts)
            for peer in (langchain, haystack):
                seconds = peer.do("index", texts=texts, name=f"round{number}")
                samples.indexing[peer.name].append(len(texts) / seconds)
        some = texts[:: max(1, len(texts) // _COSINE_TEXTS)] + asked[:_COSINE_TEXTS]
        samples.cosine = least_cosine(careloop.do("embed", texts=some), langchain.do("embed", texts=some))
        chat = stack.enter_context(_ChatServer(folder / "server", data, samples))
        for warming in (True, False):
            for question in asked[:5] if warming else asked:
                for worker in (careloop, langchain, haystack):
                    seconds = worker.do("query", text=question)
                    if not warming:
                        samples.querying[worker.name].append(seconds)
                seconds = chat.turn(question)
                if not warming:
                    samples.querying["chat turn"].append(seconds)
    return samples


def least_cosine(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> float:
    """The smallest cosine between two encodings of the same texts."""
    left, right = np.array(ours), np.array(theirs)
    norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return float(((left * right).sum(axis=1) / norms).min())


class _ChatServer:
    """A server over the same articles; notes start-up time and memory in ``samples``."""

    def __init__(self, folder: Path, data: Path, samples: Samples) -> None:
        self._samples = samples
        self._server = Server(folder, log=folder.with_suffix(".log"))
        self._data = data
        self._kinds: list[str] = []
        self._client = httpx.Client(base_url=self._server.url, timeout=30)

    def __enter__(self) -> Self:
        self._server.data.mkdir(parents=True)
        if ingest(self._data, self._server.data, log=self._server.log).wait() != 0:
            raise RuntimeError(f"{self._data} could not be ingested")
        for _ in range(2):  # the first start warms the disk
            self._server.start()
            if not self._samples.ready:
                self._samples.ready = -1.0
                self._server.stop()
        self._samples.ready = self._server.ready_seconds
        return self

    def turn(self, question: str) -> float:
        """Seconds for one message of a new conversation to be stored, answered and returned."""
        conversation = self._client.post("/v1/conversations", json={}).raise_for_status().json()["id"]
        start = time.perf_counter()
        reply = self._client.post(f"/v1/conversations/{conversation}/messages", json={"text": question})
        seconds = time.perf_counter() - start
        self._kinds.append(reply.raise_for_status().json()["reply"]["kind"])
        return seconds

    def __exit__(self, *_: object) -> None:
        self._samples.memory = self._server.rss_megabytes()
        if self._kinds:
            self._samples.answered = self._kinds.count("answer") / len(self._kinds)
        self._client.close()
        self._server.stop()


def tables(samples: Samples) -> Iterator[Table]:
    """What was measured, and how it stands against the bars."""
    speeds = Table(title=f"{samples.passages} passages, {THREADS} threads each", title_justify="left")
    for column in ("system", "passages/s", "p50 ms", "p95 ms"):
        speeds.add_column(column, justify="left" if column == "system" else "right")
    for system, what in _SYSTEMS.items():
        rate = f"{samples.rate(system):.0f}" if system in samples.indexing else ""
        speeds.add_row(what, rate, f"{samples.latency(system):.1f}", f"{samples.latency(system, 0.95):.1f}")
    yield speeds
    bars = Table(title="Bars", title_justify="left")
    for column in ("measure", "value", "bar", ""):
        bars.add_column(column, justify="left" if column == "measure" else "right")
    for bar in samples.bars():
        sign = "≤" if bar.at_most else "≥"
        bars.add_row(
            bar.name, f"{bar.value:.4g}", f"{sign} {bar.bound:.4g}", "met" if bar.met else "[red]missed"
        )
    yield bars


_SYSTEMS = {
    "careloop": "Careloop, hybrid retrieval",
    "chat turn": "Careloop, whole chat turn over HTTP",
    "langchain": "LangChain + Chroma, dense",
    "haystack": "Haystack, BM25 + dense joined",
}


def main() -> int:
    """Measure, print, and return 1 if a bar was missed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="JSONL of articles (id, title, text)")
    parser.add_argument("--rounds", type=int, default=3, help="times that everything is indexed")
    parser.add_argument("--queries", type=int, default=200, help="queries and chat turns")
    parser.add_argument("--json", type=Path, default=ROOT / "bench" / "results" / "bench.json")
    options = parser.parse_args()
    if not options.data.is_file():
        parser.error(f"there is no file {options.data}; give one with --data")
    with tempfile.TemporaryDirectory(prefix="careloop-bench-") as folder:
        samples = measure(options.data, rounds=options.rounds, queries=options.queries, folder=Path(folder))
    console = Console()
    for table in tables(samples):
        console.print(table)
    console.print(
        f"{samples.answered:.0%} of the chat turns were answered; the rest asked back or handed over."
    )
    options.json.parent.mkdir(parents=True, exist_ok=True)
    bars = [asdict(bar) | {"met": bar.met} for bar in samples.bars()]
    options.json.write_text(json.dumps({"bars": bars, "samples": asdict(samples)}, indent=1) + "\n")
    return int(not all(bar.met for bar in samples.bars()))


if __name__ == "__main__":
    sys.exit(main())
