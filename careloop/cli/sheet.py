"""``careloop signals sheet``: signals as one file for a spreadsheet or a warehouse, as consent allows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from careloop.build import build_customers
from careloop.build_signals import build_signals
from careloop.cli.selections import moment
from careloop.cli.session import DEFAULT, WorkspaceOption, console
from careloop.cli.triage_parts import Opened, with_database
from customers import ConsentChannel, Purpose
from kit.errors import InvalidInput, Misconfigured
from signals.connectors.export import Exported, ExportFormat
from signals.delivery.export import SignalExporter
from signals.delivery.recipients import BookRecipients
from signals.signal import SignalKind, Team
from signals.store import SignalFilter


def sheet(
    file: Annotated[Path, typer.Argument(help="Its name says what it is.", metavar="FILE.csv|parquet")],
    *,
    kind: Annotated[SignalKind | None, typer.Option(help="Only of this kind.")] = None,
    team: Annotated[Team | None, typer.Option(help="Only those for this team.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only raised then or later: 2026-01-31, or 30d.", metavar="WHEN")
    ] = None,
    purpose: Annotated[Purpose | None, typer.Option(help="What else it has to be consented to.")] = None,
    channel: Annotated[ConsentChannel, typer.Option(help="How people will be contacted.")] = (
        ConsentChannel.ANY
    ),
    contacts: Annotated[bool, typer.Option("--contacts", help="With names, addresses, numbers.")] = False,
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Write signals of customers who consent as a table, newest first."""
    formats = {f".{one.value}": one for one in ExportFormat}
    if file.suffix not in formats:
        raise InvalidInput(f"The file's name has to end in {' or '.join(formats)}.")
    matching = SignalFilter(kind=kind, team=team, since=None if since is None else moment(since))

    async def write(opened: Opened) -> Exported:
        exporter = _exporter(opened)
        return await exporter.write(
            opened.workspace,
            file,
            kind=formats[file.suffix],
            matching=matching,
            purpose=purpose,
            channel=channel,
            contacts=contacts,
        )

    done = with_database(workspace, write)
    console().print(
        f"{done.written} rows in {file}, {done.withheld} withheld for want of consent.",
        markup=False,
        soft_wrap=True,
    )


def _exporter(opened: Opened) -> SignalExporter:
    book = build_customers(opened.settings, opened.cipher)
    parts = build_signals(opened.settings, book, opened.cipher, clock=opened.clock)
    if parts is None:
        raise Misconfigured("Signals are off here: CARELOOP_SIGNALS__ENABLED turns them on.")
    return SignalExporter(opened.database, parts.store, parts.outcomes, BookRecipients(book), opened.clock)
