"""``careloop connectors``: which are on, whether each is set up right, and what they missed."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from careloop.build import build_customers
from careloop.build_delivery import build_targets
from careloop.cli.selections import moment
from careloop.cli.session import DEFAULT, WorkspaceOption, console, read_settings
from careloop.cli.triage_parts import Opened, with_database
from kit.clock import SystemClock
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from signals.connectors.connector import Health
from signals.delivery.backfill import Backfiller, BackfillResult
from signals.delivery.errors import UnknownConnector
from signals.delivery.recipients import BookRecipients
from signals.delivery.target import Target, Targets
from signals.signal import SignalKind, SignalState
from signals.store import SignalFilter, SignalStore

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


@app.command()
def backfill(
    name: Annotated[str, typer.Argument(help="Name of the connector.", metavar="NAME")],
    *,
    kind: Annotated[SignalKind | None, typer.Option(help="Only of this kind.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only raised then or later: 2026-01-31, or 30d.", metavar="WHEN")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only; tell nothing.")] = False,
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Tell a connector of stored open signals at once, as consent allows."""
    matching = SignalFilter(kind=kind, state=SignalState.OPEN, since=None if since is None else moment(since))

    async def run(opened: Opened) -> BackfillResult:
        targets = build_targets(opened.settings, opened.clock)
        recipients = BookRecipients(build_customers(opened.settings, opened.cipher))
        filler = Backfiller(opened.database, SignalStore(opened.cipher), recipients, opened.clock)
        try:
            target = _target(targets, name, opened.workspace)
            return await filler.run(opened.workspace, name, target, matching=matching, dry_run=dry_run)
        finally:
            await targets.close()

    done = with_database(workspace, run)
    would = "would be told" if dry_run else f"told, {done.known} known there"
    console().print(f"{done.taken} {would}, {done.withheld} withheld, {len(done.refused)} refused.")
    for signal, reason in done.refused.items():
        console().print(f"{signal}: {reason}", markup=False, soft_wrap=True)


async def _health(name: str) -> Health:
    targets = build_targets(read_settings(), SystemClock())
    try:
        return await _target(targets, name, DEFAULT_WORKSPACE).connector.health()
    finally:
        await targets.close()


def _target(targets: Targets, name: str, workspace: WorkspaceId) -> Target:
    on = targets.of(workspace)
    if name not in on:
        known = ", ".join(sorted(on)) or "none is"
        raise UnknownConnector(f"No connector named {name} is on; on are: {known}.")
    return on[name]
