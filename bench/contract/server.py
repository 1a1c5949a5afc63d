"""Vendors' servers on free ports of this machine, in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bench.contract.vendor import Vendor


class _Protocol(HttpToolsProtocol):
    """uvicorn's own, which also tells the application its connection, so that it can be reset."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["contract.transport"] = self.transport  # type: ignore[typeddict-unknown-key]  # our own


class ContractServers:
    """Serves ``vendors`` while the ``with`` block lasts; ``urls`` says where, by name.

    One event loop serves them all: with a thread each, they would wait for one another's turn.
    """

    def __init__(self, vendors: Mapping[str, Vendor]) -> None:
        self._vendors = vendors
        self._sockets = {name: _socket() for name in vendors}
        self.urls = {name: f"http://127.0.0.1:{one.getsockname()[1]}" for name, one in self._sockets.items()}
        self._servers: list[_Server] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._servers = [_Server(_config(vendor)) for vendor in self._vendors.values()]
        self._thread.start()
        if not all(server.is_up.wait(10) for server in self._servers):
            raise TimeoutError("the contract server did not start within ten seconds")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.stop()
        self._thread.join(10)
        for one in self._sockets.values():
            one.close()

    async def _serve(self) -> None:
        pairs = zip(self._servers, self._sockets.values(), strict=True)
        await asyncio.gather(*(server.serve([one]) for server, one in pairs))


class ContractServer(ContractServers):
    """Serves ``vendor`` alone; ``url`` is where."""

    def __init__(self, vendor: Vendor) -> None:
        super().__init__({vendor.name: vendor})
        self.url = self.urls[vendor.name]


def _socket() -> socket.socket:
    # asyncio sends at once (TCP_NODELAY) only where the protocol is named: else every answer takes 40 ms.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.bind(("127.0.0.1", 0))
    return made


def _config(vendor: Vendor) -> uvicorn.Config:
    config = uvicorn.Config(
        vendor,
        http=_Protocol,
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        log_level="critical",  # what is cut on purpose is no error here
        backlog=512,
    )
    config.load()
    return config


class _Server(uvicorn.Server):
    """Stops as soon as it is told to: uvicorn's own looks ten times a second, and waits for its clients."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    def stop(self) -> None:
        """From another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.is_up.set()

    async def main_loop(self) -> None:
        await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 (uvicorn's)
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in self.server_state.tasks:
            task.cancel()
        await asyncio.sleep(0)
