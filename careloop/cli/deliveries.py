"""``careloop deliveries``: what became of telling connectors, dead letters told again, pauses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from api import delivery_models as models
from careloop.build_delivery import build_delivery, build_targets
from careloop.cli.session import DEFAULT, JsonFlag, WorkspaceOption, console
from careloop.cli.triage_parts import Opened, with_database
from kit.errors import InvalidInput
from kit.ids import SignalId
from signals.delivery.delivery import Delivery, DeliveryFilter, DeliveryId, DeliveryState
from signals.delivery.parts import ConnectorOverview, DeliveryParts

app = typer.Typer(no_args_is_help=True, help="Look at deliveries, replay dead letters, pause connectors.")

T = TypeVar("T")
_WHO = "command line"
ConnectorArgument = Annotated[str, typer.Argument(help="Name of the connector.", metavar="CONNECTOR")]


@app.command("list")
def list_deliveries(
    *,
    connector: Annotated[str | None, typer.Option(help="Only of this connector.")] = None,
    state: Annotated[DeliveryState | None, typer.Option(help="Only in this state.")] = None,
    signal: Annotated[str | None, typer.Option(help="Only of this signal.", metavar="ID")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    workspace: WorkspaceOption = DEFAULT,
    as_json: JsonFlag = False,
) -> None:
    """List deliveries, newest first."""
    matching = DeliveryFilter(connector, state, None if signal is None else SignalId(signal))

    async def work(parts: DeliveryParts, opened: Opened, connection: AsyncConnection) -> list[Delivery]:
        return await parts.store.page(connection, opened.workspace, matching=matching, limit=limit)

    found = _in_transaction(workspace, work)
    if as_json:
        page = models.DeliveryPage(items=[models.Delivery.of(one) for one in found], next=None)
        typer.echo(page.model_dump_json())
        return
    table = Table("id", "connector", "signal", "state", "attempts", "error")
    for one in found:
        error = escape(one.error or one.error_code or "")
        table.add_row(one.id, escape(one.connector), one.signal_id, one.state, str(one.attempts), error)
    console().print(table)


@app.command()
def replay(
    delivery: Annotated[
        str | None, typer.Argument(help="As `careloop deliveries list` names it.", metavar="ID")
    ] = None,
    connector: Annotated[
        str | None, typer.Option("--all", help="Every dead letter of this connector.", metavar="CONNECTOR")
    ] = None,
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Queue a dead or stopped delivery again, or every dead letter of a connector."""
    if (delivery is None) == (connector is None):
        raise InvalidInput("Name a delivery, or a connector with --all.")

    async def work(parts: DeliveryParts, opened: Opened, connection: AsyncConnection) -> int:
        now = opened.clock.now()
        if connector is not None:
            return await parts.replay_all(connection, opened.workspace, connector, at=now)
        await parts.store.replay(connection, opened.workspace, DeliveryId(delivery or ""), at=now)
        return 1

    console().print(f"Queued again: {_in_transaction(workspace, work)}.")


@app.command()
def pause(connector: ConnectorArgument, workspace: WorkspaceOption = DEFAULT) -> None:
    """Tell a connector nothing until it is resumed."""

    async def work(parts: DeliveryParts, opened: Opened, connection: AsyncConnection) -> ConnectorOverview:
        return await parts.pause(connection, opened.workspace, connector, by=_WHO, at=opened.clock.now())

    _in_transaction(workspace, work)
    console().print(f"Paused {escape(connector)}.")


@app.command()
def resume(connector: ConnectorArgument, workspace: WorkspaceOption = DEFAULT) -> None:
    """Go on where a connector was paused."""

    async def work(parts: DeliveryParts, opened: Opened, connection: AsyncConnection) -> ConnectorOverview:
        return await parts.resume(connection, opened.workspace, connector)

    _in_transaction(workspace, work)
    console().print(f"Resumed {escape(connector)}.")


def _in_transaction(
    workspace: str, work: Callable[[DeliveryParts, Opened, AsyncConnection], Awaitable[T]]
) -> T:
    async def run(opened: Opened) -> T:
        targets = build_targets(opened.settings, opened.clock)
        parts = build_delivery(targets, opened.cipher, opened.clock)
        try:
            async with opened.database.write() as connection:
                return await work(parts, opened, connection)
        finally:
            await targets.close()

    return with_database(workspace, run)
