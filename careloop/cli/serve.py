"""``careloop serve``: API and chat page on one port."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
import uvicorn
from starlette.types import ASGIApp

from careloop.build import Parts, build, build_app, running
from careloop.cli.ingest import ingest_all
from careloop.cli.session import console, progress_console, read_settings
from careloop.settings import SAMPLE_KNOWLEDGE_BASE, LogFormat, Mode, Settings
from kit.errors import Misconfigured
from kit.ids import DEFAULT_WORKSPACE
from kit.log import configure_logging
from knowledge_base.sources import FolderSource

app = typer.Typer()

# Open event streams would hold a stop up for ever; a turn under way takes far less.
_GRACE_SECONDS = 3
_BACKLOG = 2048  # connections waiting to be accepted, as uvicorn has it


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; the setting's unless given.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0 takes a free one; the setting's unless given."),
    ] = None,
    load_sample: Annotated[
        bool, typer.Option("--load-sample", help="Load the sample help centre if there is nothing yet.")
    ] = False,
) -> None:
    """Start API and chat page. Ctrl-C stops it."""
    settings = read_settings()
    settings.server.host = host or settings.server.host
    settings.server.port = settings.server.port if port is None else port
    refuse_open_access(settings)
    configure_logging(level=settings.server.log_level, json=settings.server.log_format is LogFormat.JSON)
    with listening_socket(settings.server.host, settings.server.port) as listener:
        asyncio.run(_serve(settings, listener, load_sample=load_sample))


def refuse_open_access(settings: Settings) -> None:
    """Raise ``Misconfigured`` if callers from other machines would need no key."""
    if settings.mode is Mode.DEVELOPMENT and not is_loopback(settings.server.host):
        raise Misconfigured(
            f"In development mode no key is asked for, so it listens on this machine only, not on "
            f"{settings.server.host}. Set CARELOOP_MODE=production to ask every caller for a key."
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def listening_socket(host: str, port: int) -> Iterator[socket.socket]:
    """A socket bound before anything slow is done. Raises ``Misconfigured`` when that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named: unnamed, every answer would
    # wait 40 ms for the client's delayed acknowledgement.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host.strip("[]"), port))
        except (OSError, OverflowError) as error:
            raise Misconfigured(_why_not_bound(host, port, error)) from None
        yield listener


def _why_not_bound(host: str, port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use: another program, or another Careloop, listens there. "
            "Stop that one, or choose a port with --port or CARELOOP_SERVER__PORT."
        )
    if isinstance(error, OSError) and error.errno == errno.EACCES:
        return f"Port {port} is reserved for the system administrator. Choose one above 1023 with --port."
    return (
        f"Cannot listen on {host}, port {port}: {error}. CARELOOP_SERVER__HOST is an address of this machine."
    )


async def _serve(settings: Settings, listener: socket.socket, *, load_sample: bool) -> None:
    async with build(settings) as parts, running(parts):
        if load_sample:
            await load_sample_if_empty(parts)
        address = _address_of(settings, listener)
        stopping = asyncio.Event()
        application = build_app(parts, stopping=stopping)
        server = Server(application, on_start=lambda: announce(settings, address), stopping=stopping)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stop)
        await server.serve(sockets=[listener])
    progress_console().print("Stopped.")


class Server(uvicorn.Server):
    """A server that says when it listens, and leaves signals to us.

    uvicorn would raise the signal again once it has stopped, which would cut short the closing of
    database and index.
    """

    def __init__(
        self, application: ASGIApp, *, on_start: Callable[[], None], stopping: asyncio.Event | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._on_start = on_start
        self._stopping = stopping or asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then say so."""
        await super().startup(sockets)
        if self.started:
            self._on_start()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing to capture: ``stop`` is called by the event loop."""
        yield

    def stop(self) -> None:
        """Let requests under way end; the second call waits no longer."""
        self._stopping.set()  # event streams end of themselves
        self.force_exit = self.should_exit
        self.should_exit = True


async def load_sample_if_empty(parts: Parts) -> bool:
    """Load the sample help centre into the default workspace if that has no document; whether it did."""
    await parts.access.ensure_workspace(DEFAULT_WORKSPACE, name=parts.settings.bot.company)
    if (await parts.catalogue.health(DEFAULT_WORKSPACE)).documents:
        return False
    progress_console().print("Loading the sample help centre ...")
    await ingest_all(parts, DEFAULT_WORKSPACE, [FolderSource(SAMPLE_KNOWLEDGE_BASE)])
    return True


def announce(settings: Settings, address: str) -> None:
    """Say what to open and what to type."""
    out = console()
    out.print(f"\n[bold green]Careloop is ready.[/] Open [bold]{address}[/] and ask, for example:")
    out.print("    How do I change my Wi-Fi password?")
    out.print("    What happens if I pay late?")
    out.print(f'The API is described at {address}/docs; the same in a terminal: [bold]careloop ask[/] "...".')
    if settings.mode is Mode.PRODUCTION:
        out.print("Callers need a key: [bold]careloop keys create NAME[/].")
    out.print("Ctrl-C stops it.\n")


def _address_of(settings: Settings, listener: socket.socket) -> str:
    host, port = settings.server.host, listener.getsockname()[1]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 (compared, not bound)
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
