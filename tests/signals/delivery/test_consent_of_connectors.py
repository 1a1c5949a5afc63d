"""No connector of any kind, and no export, has anything of a customer who does not consent.

Real connectors call contract servers of their vendors; whatever reaches one of those is looked through for
ids, addresses and signals of customers who have not said yes.
"""

from __future__ import annotations

import asyncio
import csv
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings

from bench.contract.mailchimp import subscriber_hash
from bench.contract.server import ContractServers
from bench.contract.vendor import Vendor
from bench.delivery_targets import KINDS, secrets
from customers import ConsentChannel, Purpose
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE, CustomerId, SignalId
from signals.connectors import registry
from signals.connectors.connector import Connector
from signals.connectors.export import ExportFormat
from signals.connectors.json_lines import JsonLines, JsonLinesSettings
from signals.delivery.delivery import DeliveryState, Lane
from signals.delivery.export import SignalExporter
from signals.delivery.recipients import BookRecipients
from signals.delivery.target import Target
from signals.outcomes import OutcomeStore
from signals.signal import SignalKind, Team
from signals.store import SignalStore
from store.engine import Database, sqlite_url
from store.tables import workspaces
from tests.signals.delivery.histories import (
    GRANTED,
    PEOPLE,
    WITHDRAWN,
    Drained,
    Event,
    Heard,
    Word,
    all_permitted,
    events,
)
from tests.signals.delivery.office import CIPHER, Office

Use = tuple[Purpose | None, ConsentChannel]
USES: dict[str, Use] = {
    "salesforce": (None, ConsentChannel.ANY),
    "hubspot": (Purpose.SALES, ConsentChannel.PHONE),
    "marketo": (Purpose.MARKETING, ConsentChannel.EMAIL),
    "mailchimp": (Purpose.MARKETING, ConsentChannel.EMAIL),
    "segment": (None, ConsentChannel.EMAIL),
    "webhook": (Purpose.SALES, ConsentChannel.ANY),
    "file": (None, ConsentChannel.ANY),
}
_numbers = itertools.count()


@dataclass
class Town:
    """A target of every kind, on one event loop, for as many histories as there are."""

    loop: asyncio.AbstractEventLoop
    vendors: dict[str, Vendor]
    connectors: dict[str, Connector]
    folder: Path

    def said(self, name: str) -> list[str]:
        """All that target ``name`` was ever told, call by call or line by line."""
        if name == "file":
            files = sorted(self.folder.glob("*.jsonl"))
            return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
        vendor = self.vendors[name]
        with vendor.lock:
            return [f"{one.path} {one.query} {one.body.decode()}" for one in vendor.seen]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    keys, folder = secrets(), tmp_path_factory.mktemp("told")
    vendors = {name: kind.serve(keys) for name, kind in KINDS.items()}
    with ContractServers(vendors) as servers, asyncio.Runner() as runner:

        async def connect() -> dict[str, Connector]:
            made = {name: KINDS[name].connect(servers.urls[name], keys) for name in KINDS}
            return {**made, "file": JsonLines(JsonLinesSettings(folder=folder))}

        connectors = runner.run(connect())
        yield Town(runner.get_loop(), vendors, connectors, folder)
        for connector in connectors.values():
            runner.run(connector.close())


@dataclass
class Life:
    """One history as it is lived."""

    town: Town
    office: Office
    folder: Path
    names: list[str] = field(default_factory=list)
    customers: list[CustomerId] = field(default_factory=list)
    signals: list[tuple[int, Team, SignalId]] = field(default_factory=list)
    said: list[Word] = field(default_factory=list)

    def traces(self, whose: int) -> list[str]:
        """What a call has in it that tells of the customer."""
        own = [signal for customer, _, signal in self.signals if customer == whose]
        email = f"{self.names[whose]}@example.com"
        return [self.customers[whose], self.names[whose], subscriber_hash(email), *own]

    async def begin(self) -> None:
        self.names = [f"p{next(_numbers)}q" for _ in range(PEOPLE)]
        self.customers = [await self.office.customer(name, consents=False) for name in self.names]

    async def live(self, event: Event) -> None:
        self.office.later(minutes=1)
        match event:
            case Word(customer, purpose, channel, state):
                await self.office.says(self.customers[customer], purpose, state, channel)
                self.said.append(event)
            case Heard(customer, team):
                kind = list(SignalKind)[len(self.signals) % len(SignalKind)]
                heard = await self.office.hear(self.customers[customer], team=team, kind=kind)
                self.signals.append((customer, heard.team, heard.id))
            case Drained():
                for name in USES:
                    await self.deliver(name)
                await self.export()

    async def deliver(self, name: str) -> None:
        """Everything that is due, and a look at what the target was told by it."""
        before = len(self.town.said(name))
        await self.office.drain(Lane(DEFAULT_WORKSPACE, name))
        told = self.town.said(name)[before:]
        purpose, channel = USES[name]
        for whose in range(PEOPLE):
            teams = {team for customer, team, _ in self.signals if customer == whose}
            if not any(all_permitted(self.said, whose, team, purpose, channel) for team in teams):
                found = [call for call in told for trace in self.traces(whose) if trace in call]
                assert found == []
        for customer, team, signal in self.signals:
            if not all_permitted(self.said, customer, team, purpose, channel):
                assert not any(signal in call for call in told)
        for one in await self.office.all(connector=name):
            assert one.state in {DeliveryState.DELIVERED, DeliveryState.STOPPED}, one.error

    async def export(self) -> None:
        """A file of each kind has those who may be in it, and all of them."""
        book = self.office.book
        store = SignalStore(CIPHER)
        exporter = SignalExporter(
            self.office.database,
            store,
            OutcomeStore(CIPHER, store),
            BookRecipients(book),
            self.office.clock,
        )
        for kind, (purpose, channel) in zip(ExportFormat, (USES["file"], USES["marketo"]), strict=True):
            path = self.folder / f"signals.{kind.value}"
            done = await exporter.write(
                DEFAULT_WORKSPACE, path, kind=kind, purpose=purpose, channel=channel, contacts=True
            )
            may = {
                signal
                for customer, team, signal in self.signals
                if all_permitted(self.said, customer, team, purpose, channel)
            }
            assert _exported(path) == may
            assert (done.written, done.withheld) == (len(may), len(set(self.ids)) - len(may))

    @property
    def ids(self) -> list[SignalId]:
        return [signal for _, _, signal in self.signals]


def _exported(path: Path) -> set[str]:
    if path.suffix == ".parquet":
        return set(pq.read_table(path).column("signal_id").to_pylist())
    with path.open(encoding="utf-8", newline="") as file:
        return {row["signal_id"] for row in csv.DictReader(file)}


async def live_through(town: Town, history: Sequence[Event], folder: Path) -> None:
    database, clock = Database(sqlite_url(folder / "careloop.db")), ManualClock()
    async with database.write() as connection:
        await connection.execute(
            workspaces.insert().values(
                id=DEFAULT_WORKSPACE, name="office", settings={}, created_at=clock.now()
            )
        )
    targets = {
        name: Target(town.connectors[name], purpose=purpose, channel=channel)
        for name, (purpose, channel) in USES.items()
    }
    life = Life(town, Office(database, clock, targets), folder)
    await life.begin()
    for event in [*history, Drained()]:
        await life.live(event)
    await database.close()


def everybody(*purposes: Purpose) -> list[Event]:
    """All consent to everything, and something is heard of each."""
    words = [Word(n, purpose, ConsentChannel.ANY, GRANTED) for n in range(PEOPLE) for purpose in purposes]
    return [*words, *(Heard(n, Team.SALES) for n in range(PEOPLE))]


BOTH = everybody(Purpose.SALES, Purpose.MARKETING)


def test_every_kind_of_connector_is_among_them() -> None:
    assert USES.keys() == registry.KINDS.keys()


@example(history=BOTH)
@example(history=[*BOTH, Word(1, Purpose.SALES, ConsentChannel.ANY, WITHDRAWN)])
@example(history=[*BOTH, Word(2, Purpose.DATA_SALE, ConsentChannel.ANY, WITHDRAWN)])
@example(
    history=[
        *BOTH,
        Drained(),
        Heard(0, Team.MARKETING),
        *(
            Word(n, purpose, ConsentChannel.ANY, WITHDRAWN)
            for n in range(PEOPLE)
            for purpose in (Purpose.SALES, Purpose.MARKETING)
        ),
    ]
)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=events)
def test_no_target_of_any_kind_and_no_export_has_anything_of_who_does_not_consent(
    history: list[Event], town: Town, empty_database: bytes, tmp_path: Path
) -> None:
    for leftover in tmp_path.iterdir():
        leftover.unlink()
    (tmp_path / "careloop.db").write_bytes(empty_database)
    town.loop.run_until_complete(live_through(town, history, tmp_path))
