"""``careloop connectors``: which connectors are on, and whether each is set up right."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from careloop.build_delivery import build_targets
from careloop.cli.session import console, read_settings
from kit.clock import SystemClock
from kit.ids import DEFAULT_WORKSPACE
from signals.connectors.connector import Health
from signals.delivery.errors import UnknownConnector

app = typer.Typer(no_args_is_help=True, help="See which connectors are on, and test one.")


@app.command("list")
def list_connectors() -> None:
    """List the connectors that `CARELOOP_CONNECTORS` turns on."""
    table = Table("name", "kind", "at a time")
    for name, entry in sorted(read_settings().connectors.items()):
        table.add_row(escape(name), entry.kind, str(entry.concurrency))
    console().print(table)


@app.command()
def test(name: Annotated[str, typer.Argument(help="Name of the connector.", metavar="NAME")]) -> None:
    """Ask a connector's target whether it takes the credentials and has the fields; writes nothing there."""
    health = asyncio.run(_health(name))
    console().print(f"{escape(name)}: {'ready' if health.ok else 'not ready'}. {escape(health.detail)}")
    if not health.ok:
        raise typer.Exit(1)


async def _health(name: str) -> Health:
    settings = read_settings()
    targets = build_targets(settings, SystemClock())
    try:
        target = targets.of(DEFAULT_WORKSPACE).get(name)
        if target is None:
            known = ", ".join(sorted(settings.connectors)) or "none is"
            raise UnknownConnector(f"No connector named {name} is on; on are: {known}.")
        return await target.connector.health()
    finally:
        await targets.close()
