"""From a message sent over HTTP to the request at a connector's server: ``make latency``.

A real server (``careloop serve``, which delivers in its own process) over an empty data folder; customers
who consent say that they are leaving; what is measured is the time from the first byte of the message to the
first request that names the customer, at a contract server of each connector. On SQLite, then on PostgreSQL.
A message that triage hears nothing in is not counted. Exit status 1 says that a signal did not arrive, or
that a p95 is above the bar.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from bench.contract.hubspot import HubSpotVendor
from bench.contract.server import ContractServers
from bench.contract.vendor import Vendor
from bench.contract.webhook import SECRET, WebhookReceiver
from bench.server import Server

BAR = 2.0  # seconds, p95
_LABELLED = 2.0  # seconds within which triage has read the last message
_PATIENCE = 20.0  # seconds that an arrival is waited for
_TOKEN = "pat-eu1-latency"
_LEAVING = (
    "This is the last straw, I am cancelling my broadband and moving to {}.",
    "I have had enough of this, please close my account, I am going to {}.",
    "Cancel my contract. {} offers me the same for half the price and I am switching.",
    "I want to leave. How do I cancel and take my number with me to {}?",
    "If this is not fixed today I will cancel my line and switch to {}.",
)
_ELSEWHERE = ("another provider", "a competitor", "Vodafone", "Sky", "BT", "another company", "Virgin Media")


@dataclass(frozen=True)
class Measured:
    """Seconds from message to request, by connector; ``lost`` of the ``expected`` never arrived."""

    database: str
    expected: int
    seconds: Mapping[str, Sequence[float]]

    @property
    def lost(self) -> int:
        return sum(self.expected - len(found) for found in self.seconds.values())


@dataclass(frozen=True)
class Said:
    """A message, sent at ``at`` (``time.monotonic()``) by the customer whom targets know by ``name``."""

    name: str
    at: float


@contextmanager
def postgresql(server: str) -> Iterator[str]:
    """The URL of an empty database on ``server``, which is dropped at the end."""
    name = sql.Identifier(f"careloop_latency_{uuid.uuid4().hex[:12]}")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            plain = server.partition("://")[2]
            yield f"postgresql+psycopg://{plain}/{name.as_string(connection)[1:-1]}"
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def connectors(urls: Mapping[str, str]) -> str:
    """``CARELOOP_CONNECTORS`` for the contract servers, with limits that do not slow them down."""
    http = {"per_second": 1000, "burst": 1000}
    webhook = {"url": f"{urls['webhook']}/hook", "secrets": [SECRET], "allow_private": True, "http": http}
    hubspot = {"token": _TOKEN, "base_url": urls["hubspot"], "http": http}
    return json.dumps(
        {
            "webhook": {"kind": "webhook", "settings": webhook},
            "hubspot": {"kind": "hubspot", "settings": hubspot},
        }
    )


async def speak(client: httpx.AsyncClient, number: int) -> Said:
    """A customer becomes known, consents, opens a conversation and says that they leave."""
    visitor = (await _post(client, "/v1/visitors", {}))["token"]
    told = {"Authorization": f"Bearer {visitor}"}
    conversation = (await _post(client, "/v1/conversations", {}, headers=told))["id"]
    opened = (await client.get(f"/v1/conversations/{conversation}")).raise_for_status().json()
    identities = [
        {"kind": "visitor", "value": opened["visitor_id"]},
        {"kind": "email", "value": f"person.{number}@example.com"},
    ]
    customer = (await _post(client, "/v1/customers", {"identities": identities}))["customer"]["id"]
    consent = {"purpose": "sales", "channel": "any", "state": "granted", "source": "bench"}
    await _post(client, f"/v1/customers/{customer}/consents", consent)
    text = _LEAVING[number % len(_LEAVING)].format(_ELSEWHERE[number % len(_ELSEWHERE)])
    at = time.monotonic()
    await _post(client, f"/v1/conversations/{conversation}/messages", {"text": text}, headers=told)
    return Said(customer, at)


async def _post(
    client: httpx.AsyncClient, path: str, body: object, *, headers: Mapping[str, str] | None = None
) -> Any:  # noqa: ANN401 (JSON)
    origin = {"Origin": str(client.base_url).rstrip("/")}
    answer = await client.post(path, json=body, headers={**origin, **(headers or {})})
    return answer.raise_for_status().json()


async def converse(url: str, numbers: Iterable[int], *, at_once: int) -> list[Said]:
    """What customers said of whom there is a signal now, ``at_once`` of them at a time."""
    places = asyncio.Semaphore(at_once)
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:

        async def one(number: int) -> Said:
            async with places:
                return await speak(client, number)

        said = await asyncio.gather(*(one(number) for number in numbers))
        await asyncio.sleep(_LABELLED)
        return [one for one in said if await has_signal(client, one.name)]


async def has_signal(client: httpx.AsyncClient, customer: str) -> bool:
    """Whether anything was heard of the customer."""
    answer = await client.get("/v1/signals", params={"customer": customer})
    return bool(answer.raise_for_status().json()["items"])


def arrivals(vendor: Vendor, said: Sequence[Said]) -> list[float]:
    """Seconds from each message to the first call that names its customer; waits for those that lack."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        with vendor.lock:
            calls = list(vendor.seen)
        first = {
            one.name: next((call.at - one.at for call in calls if one.name.encode() in call.body), None)
            for one in said
        }
        if None not in first.values() or time.monotonic() > deadline:
            return [seconds for seconds in first.values() if seconds is not None]
        time.sleep(0.1)


def measure(folder: Path, name: str, settings: Mapping[str, str], *, messages: int, at_once: int) -> Measured:
    """On a fresh server with ``settings``."""
    vendors: dict[str, Vendor] = {"webhook": WebhookReceiver(), "hubspot": HubSpotVendor(token=_TOKEN)}
    folder.mkdir()
    with ContractServers(vendors) as contract:
        server = Server(
            folder,
            log=folder.with_suffix(".log"),
            settings={**settings, "CARELOOP_CONNECTORS": connectors(contract.urls)},
        )
        server.start()
        try:
            # The first find caches empty, and tables of the delivery engine that are yet to be made.
            first = asyncio.run(converse(server.url, range(messages, messages + 2), at_once=1))
            for vendor in vendors.values():
                arrivals(vendor, first)
            said = asyncio.run(converse(server.url, range(messages), at_once=at_once))
            seconds = {target: arrivals(vendor, said) for target, vendor in vendors.items()}
        finally:
            server.stop()
    return Measured(name, len(said), seconds)


def table(found: Sequence[Measured]) -> Table:
    """Quantiles by database and connector."""
    made = Table("database", "connector", "messages", "p50 s", "p95 s", "longest s", "lost")
    for one in found:
        for target, seconds in one.seconds.items():
            shown = [f"{quantile(seconds, q):.2f}" for q in (0.5, 0.95, 1.0)]
            made.add_row(one.database, target, str(len(seconds)), *shown, str(one.lost))
    return made


def quantile(seconds: Sequence[float], share: float) -> float:
    """The quantile; endless where nothing arrived."""
    return float(np.quantile(seconds, share)) if seconds else float("inf")


def main() -> int:
    """Measure, print, and return 1 where a signal was lost or a p95 is above the bar."""
    parser = argparse.ArgumentParser(prog="make latency", description=__doc__)
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=2, help="customers who write at the same time")
    parser.add_argument("--postgresql", default="postgresql://postgres@127.0.0.1:5432", help="a server's URL")
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="one database instead of both")
    options = parser.parse_args()
    size = {"messages": options.messages, "at_once": options.at_once}
    found = []
    with tempfile.TemporaryDirectory(prefix="careloop-latency-") as name:
        if options.only != "postgresql":
            found.append(measure(Path(name) / "sqlite", "SQLite", {}, **size))
        if options.only != "sqlite":
            with postgresql(options.postgresql) as url:
                settings = {"CARELOOP_DATABASE_URL": url}
                found.append(measure(Path(name) / "postgresql", "PostgreSQL", settings, **size))
    console = Console(width=110)
    console.print(table(found))
    worst = max(quantile(seconds, 0.95) for one in found for seconds in one.seconds.values())
    lost = sum(one.lost for one in found)
    console.print(f"From message to request: p95 {worst:.2f} s at the most (bar ≤ {BAR:g} s), {lost} lost.")
    return int(worst > BAR or lost > 0)


if __name__ == "__main__":
    sys.exit(main())
