"""A real server as a child process: started, talked to, interrupted, killed."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from bench.crash import Articles, crash_chat, crash_ingestion
from bench.load import load
from bench.server import Server, environment, free_port, ingest
from careloop.cli import app
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "var"
    folder.mkdir()
    return folder


@pytest.fixture
def articles(tmp_path: Path) -> Articles:
    return Articles(tmp_path / "articles", random.Random(5), number=12)


@pytest.fixture
def server(data: Path, tmp_path: Path) -> Iterator[Server]:
    server = Server(data, log=tmp_path / "server.log")
    yield server
    server.kill()


def test_a_port_in_use_is_said_plainly(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        runner = CliRunner(env={"CARELOOP_DATA_DIR": str(tmp_path), "COLUMNS": "200"})
        result = runner.invoke(app, ["serve", "--port", str(port)])
    assert result.exit_code == 2
    assert f"Error: Port {port} on 127.0.0.1 is in use" in result.stderr
    assert "--port" in result.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_open_access_beyond_this_machine_is_refused(tmp_path: Path, host: str) -> None:
    runner = CliRunner(env={"CARELOOP_DATA_DIR": str(tmp_path), "CARELOOP_SERVER__HOST": host})
    result = runner.invoke(app, ["serve"])
    assert result.exit_code == 2
    assert "CARELOOP_MODE=production" in result.stderr


def test_an_address_of_another_machine_is_said_plainly(tmp_path: Path) -> None:
    env = {"CARELOOP_DATA_DIR": str(tmp_path), "CARELOOP_MODE": "production"}
    result = CliRunner(env=env).invoke(app, ["serve", "--host", "192.0.2.7"])
    assert result.exit_code == 2
    assert "Cannot listen on 192.0.2.7" in result.stderr


def test_it_says_what_to_open_and_stops_at_once_on_ctrl_c(server: Server, tmp_path: Path) -> None:
    server.start()
    conversation = httpx.post(f"{server.url}/v1/conversations", json={}).json()["id"]
    events = f"{server.url}/v1/conversations/{conversation}/events"
    with httpx.stream("GET", events, timeout=20) as stream:  # an open stream must not hold the stop up
        assert stream.status_code == httpx.codes.OK
        assert server.stop() < 5
    said = (tmp_path / "server.log").read_text()
    assert f"Open {server.url} and ask" in said.replace("\n", " ")
    assert "Stopped." in said
    assert "Traceback" not in said


def test_the_sample_is_loaded_into_an_empty_workspace_only(data: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "careloop.cli", "serve", "--port", str(port), "--load-sample"]
    for loads in (True, False):
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(data),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        said = ""
        while "is ready" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        process.terminate()
        rest, _ = process.communicate(timeout=20)
        assert ("Loading the sample help centre" in said) is loads
        assert "Stopped." in rest


def test_conversations_at_once_lose_nothing(
    server: Server, data: Path, articles: Articles, tmp_path: Path
) -> None:
    articles.change()
    assert ingest(articles.folder, data, log=tmp_path / "ingest.log").wait() == 0
    server.start()
    found = asyncio.run(load(server, conversations=4, seconds=3, seed=1))
    assert (found.errors, found.lost) == ((), ())
    assert found.turns >= 8
    assert 0 < found.server_cores <= 2 * (os.cpu_count() or 1)


def test_killed_in_the_middle_of_chat_nothing_acknowledged_is_lost(
    server: Server, data: Path, articles: Articles, tmp_path: Path
) -> None:
    articles.change()
    assert ingest(articles.folder, data, log=tmp_path / "ingest.log").wait() == 0
    turns, found = crash_chat(server, data, random.Random(3), seed=3)
    assert found == []
    assert turns > 0


def test_killed_in_the_middle_of_ingestion_the_next_one_completes(data: Path, articles: Articles) -> None:
    assert crash_ingestion(articles, data, random.Random(7), longest=6) == []
