"""A real Careloop server as a child process on loopback: started, watched, killed."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil

from bench.worker import ROOT, child_environment

READY_SECONDS = 90.0  # beyond this a start counts as failed


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Server:
    """``careloop serve`` over the data folder ``data``. ``ready_seconds`` is from start to a ready answer.

    ``run`` is what follows ``python -m`` in front of ``serve``; output goes into ``log``; ``settings`` are
    further variables of its environment.
    """

    def __init__(
        self,
        data: Path,
        *,
        log: Path,
        run: tuple[str, ...] = ("careloop.cli",),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ready_seconds = 0.0
        self.log = log
        self._run = run
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until ``/readyz`` says yes. Raises ``RuntimeError`` when it does not."""
        begun = time.perf_counter()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._run, "serve", "--port", str(self.port)],
                cwd=ROOT,
                env=environment(self.data) | self._settings,
                stdout=output,
                stderr=output,
            )
        with httpx.Client(timeout=5) as client:
            while time.perf_counter() - begun < READY_SECONDS:
                if self._process.poll() is not None:
                    raise RuntimeError(
                        f"The server ended with status {self._process.returncode}; log: {self.log}"
                    )
                with contextlib.suppress(httpx.TransportError):
                    if client.get(f"{self.url}/readyz").status_code == httpx.codes.OK:
                        self.ready_seconds = time.perf_counter() - begun
                        return
                time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"The server was not ready after {READY_SECONDS:.0f} s; log: {self.log}")

    def rss_megabytes(self) -> float:
        """Resident memory of the server and its children, in MB (10^6 bytes)."""
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        return sum(process.memory_info().rss for process in (server, *server.children(recursive=True))) / 1e6

    def cpu_seconds(self) -> float:
        """Processor time that the server and its children have used so far."""
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
        return sum(time.user + time.system for time in times)

    def stop(self) -> float:
        """Ctrl-C; returns the seconds until the process was gone."""
        assert self._process is not None
        begun = time.perf_counter()
        if self._process.poll() is not None:
            raise RuntimeError(f"The server had died with status {self._process.returncode}; log: {self.log}")
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        return time.perf_counter() - begun

    def kill(self) -> None:
        """``kill -9``; nothing when it never started."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def environment(data: Path) -> dict[str, str]:
    """Settings of a child of the bench: its data folder, and limits that a load test does not hit."""
    return child_environment(
        CARELOOP_DATA_DIR=str(data),
        CARELOOP_SERVER__REQUESTS_PER_MINUTE="1000000",
        CARELOOP_SERVER__VISITOR_REQUESTS_PER_MINUTE="1000000",
        CARELOOP_SERVER__ADDRESS_REQUESTS_PER_MINUTE="1000000",
        CARELOOP_SERVER__LOG_LEVEL="warning",
        PYTHONPATH=str(ROOT),
    )


def ingest(place: Path, data: Path, *, log: Path) -> subprocess.Popen[bytes]:
    """``careloop ingest`` of ``place`` into the data folder ``data``, started; output goes into ``log``."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "careloop.cli", "ingest", str(place)],
            cwd=ROOT,
            env=environment(data),
            stdout=output,
            stderr=output,
        )
