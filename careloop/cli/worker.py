"""``careloop worker``: delivers signals to connectors until it is stopped."""

from __future__ import annotations

import asyncio
import signal

import typer

from careloop.build import build_customers, encryption_key, open_database, prepare_data_folder
from careloop.build_delivery import build_delivery, build_nurture_outbox, build_targets, deliver
from careloop.build_inbound import build_receiver
from careloop.build_signals import build_signals
from careloop.cli.session import progress_console, read_settings
from careloop.settings import LogFormat, Settings
from kit.clock import SystemClock
from kit.errors import Misconfigured
from kit.log import configure_logging
from store.access import Access
from store.encryption import Cipher

app = typer.Typer()


@app.command()
def worker() -> None:
    """Deliver signals to connectors and take what comes back. SIGTERM or Ctrl-C ends it, in good order."""
    settings = read_settings()
    configure_logging(level=settings.server.log_level, json=settings.server.log_format is LogFormat.JSON)
    asyncio.run(_work(settings))
    progress_console().print("Stopped.")


async def _work(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    prepare_data_folder(settings.data_dir)
    clock, cipher = SystemClock(), Cipher(encryption_key(settings))
    targets = build_targets(settings, clock)
    if not settings.connectors:
        raise Misconfigured("No connector is on: CARELOOP_CONNECTORS names them.")
    database = await open_database(settings)
    try:
        progress_console().print(f"Delivering to {', '.join(sorted(settings.connectors))}. Ctrl-C stops it.")
        book, delivery = build_customers(settings, cipher), build_delivery(targets, cipher, clock)
        signals = build_signals(
            settings,
            book,
            cipher,
            clock=clock,
            outbox=delivery.outbox,
            nurture_outbox=build_nurture_outbox(settings, cipher, clock),
        )
        had_its_turn = await deliver(
            settings,
            database,
            delivery,
            book=book,
            cipher=cipher,
            access=Access(database, clock),
            clock=clock,
            stopping=stopping,
            signals=signals,
            receiver=None
            if signals is None
            else build_receiver(
                database, signals, book, cipher=cipher, key=encryption_key(settings), clock=clock
            ),
        )
    finally:
        await targets.close()
        await database.close()
    if not had_its_turn:
        raise Misconfigured(
            "Another process delivers for this data folder: a worker, or `careloop serve` unless "
            "CARELOOP_DELIVERY__IN_PROCESS=false."
        )
