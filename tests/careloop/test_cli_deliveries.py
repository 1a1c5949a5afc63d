"""``careloop worker`` as a process of its own, and ``careloop deliveries`` over what it did."""

from __future__ import annotations

import asyncio
import json
import signal as signals_of_unix
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy
from typer.testing import CliRunner

from careloop.cli import app
from customers import ConsentChannel, ConsentState, CustomerBook, Identity, IdentityKind, NewConsent, Purpose
from kit.clock import SystemClock
from kit.ids import DEFAULT_WORKSPACE
from signals.delivery.outbox import DeliveryOutbox
from signals.signal import Signal
from signals.store import SignalStore
from store.access import Access
from store.encryption import Cipher, load_or_create_key
from store.engine import Database, sqlite_url
from store.migrate import sync_url, upgrade
from tests.conftest import ROOT
from tests.signals.making import signal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "var"
    folder.mkdir()
    return folder


@pytest.fixture
def variables(data: Path, tmp_path: Path) -> dict[str, str]:
    """One connector that writes into a folder."""
    told = {"told": {"kind": "file", "settings": {"folder": str(tmp_path / "told")}}}
    return {
        "CARELOOP_DATA_DIR": str(data),
        "CARELOOP_CONNECTORS": json.dumps(told),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
    }


@pytest.fixture
def url(data: Path) -> str:
    found = sqlite_url(data.resolve() / "careloop.db")
    upgrade(found)
    return found


async def _raise_signal(data: Path, url: str, targets: tuple[str, ...] | None = None) -> Signal:
    key, clock = load_or_create_key(data / "encryption.key"), SystemClock()
    cipher, book, database, now = Cipher(key), CustomerBook(Cipher(key), key), Database(url), clock.now()
    await Access(database, clock).ensure_workspace(DEFAULT_WORKSPACE, name="Shop")
    async with database.write() as connection:
        ann = [Identity(IdentityKind.EMAIL, "ann@example.com")]
        found = (await book.registry.resolve(connection, DEFAULT_WORKSPACE, ann, now=now)).customer.id
        said = NewConsent(Purpose.SALES, ConsentChannel.ANY, ConsentState.GRANTED, "form", now)
        await book.consent(connection, DEFAULT_WORKSPACE, found, said, now=now)
        made = signal(customer_id=found, created_at=now, updated_at=now, targets=targets)
        await SignalStore(cipher).put(connection, made, origin="msg_1")
        await DeliveryOutbox(cipher, clock, connectors=lambda _: ["told"]).put(connection, made)
    await database.close()
    return made


def _delivered(url: str) -> bool:
    engine = sqlalchemy.create_engine(sync_url(url))
    with engine.connect() as connection:
        states = [row.state for row in connection.execute(sqlalchemy.text("SELECT state FROM deliveries"))]
    engine.dispose()
    return states == ["delivered"]


def _until(happened: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if happened():
            return
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
    raise AssertionError("it did not happen within a minute")


def test_a_worker_delivers_until_it_is_told_to_stop(
    data: Path, url: str, variables: dict[str, str], tmp_path: Path
) -> None:
    made = asyncio.run(_raise_signal(data, url))
    command = [sys.executable, "-m", "careloop.cli", "worker"]
    with closing((tmp_path / "log").open("wb")) as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=variables, stdout=log, stderr=log)
    try:
        _until(lambda: _delivered(url), process)
        second = subprocess.run(
            command, cwd=tmp_path, env=variables, check=False, capture_output=True, timeout=60
        )
        assert second.returncode == 2
        assert b"Another process delivers" in second.stderr
    finally:
        process.send_signal(signals_of_unix.SIGTERM)
    assert process.wait(60) == 0
    (file,) = (tmp_path / "told").glob("*.jsonl")
    (line,) = file.read_text(encoding="utf-8").splitlines()
    assert made.id in line


def test_deliveries_are_listed_replayed_and_paused(data: Path, url: str, variables: dict[str, str]) -> None:
    made = asyncio.run(_raise_signal(data, url, ("telegraph",)))
    runner = CliRunner(env=variables)

    def careloop(*arguments: str) -> str:
        result = runner.invoke(app, ["deliveries", *arguments])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    (item,) = json.loads(careloop("list", "--json"))["items"]
    assert (item["signal_id"], item["state"], item["error_code"]) == (made.id, "dead", "unknown_connector")
    assert "telegraph" in careloop("list", "--state", "dead")
    assert careloop("replay", item["id"]) == "Queued again: 1.\n"
    assert careloop("replay", "--all", "telegraph") == "Queued again: 0.\n"
    assert careloop("pause", "told") == "Paused told.\n"
    assert careloop("resume", "told") == "Resumed told.\n"
    wrong = runner.invoke(app, ["deliveries", "pause", "nobody"])
    assert (wrong.exit_code, wrong.stderr) == (2, "Error: There is no connector nobody.\n")
    neither = runner.invoke(app, ["deliveries", "replay"])
    assert neither.exit_code == 2


def test_connectors_that_are_no_json_are_said_plainly_and_not_repeated(variables: dict[str, str]) -> None:
    result = CliRunner(env=variables | {"CARELOOP_CONNECTORS": "{secret"}).invoke(app, ["worker"])
    assert (result.exit_code, result.stderr) == (2, "Error: CARELOOP_CONNECTORS is not valid JSON.\n")


def test_a_worker_without_connectors_says_so(variables: dict[str, str]) -> None:
    result = CliRunner(env=variables | {"CARELOOP_CONNECTORS": "{}"}).invoke(app, ["worker"])
    assert result.exit_code == 2
    assert "CARELOOP_CONNECTORS" in result.stderr
