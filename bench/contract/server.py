"""A vendor's server on a free port of this machine, in a thread."""

from __future__ import annotations

import socket
import threading
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


class ContractServer:
    """Serves ``vendor`` while the ``with`` block lasts; ``url`` is where."""

    def __init__(self, vendor: Vendor) -> None:
        # asyncio sends at once (TCP_NODELAY) only where the protocol is named: else every answer takes 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._started = threading.Event()
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
        self._server = _Server(config, self._started)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(10):
            raise TimeoutError("the contract server did not start within ten seconds")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._server.force_exit = True  # connections that clients keep open are not waited for
        self._thread.join(10)
        self._socket.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: threading.Event) -> None:
        super().__init__(config)
        self._is_up = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._is_up.set()
