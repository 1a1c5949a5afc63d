"""``careloop digest``: what customers said in a week, on paper or on its way."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from careloop.build import build
from careloop.cli.session import DEFAULT, WorkspaceOption, console, read_settings
from insights.delivery.edition import Edition
from insights.delivery.folder import write_whole
from insights.delivery.ledger import Sending
from insights.parts import InsightParts
from kit.errors import InvalidInput
from kit.ids import WorkspaceId
from kit.log import configure_logging

app = typer.Typer()


class Form(StrEnum):
    """What a digest is printed as."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


@app.command()
def command(
    *,
    week: Annotated[
        str, typer.Option(help="2026-W48; last, that is over; or current.", metavar="WEEK")
    ] = "last",
    form: Annotated[Form, typer.Option("--format", help="What to print it as.")] = Form.MARKDOWN,
    output: Annotated[
        Path | None, typer.Option(help="Write it here instead of printing it.", metavar="FILE")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send it to whoever does not have it.")] = False,
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Print the digest of a week, write it to a file, or send it."""
    found = asyncio.run(_work(week, WorkspaceId(workspace), send=send))
    if isinstance(found, list):
        console().print(_table(found))
        return
    text = _text(found, form)
    if output is None:
        typer.echo(text)
        return
    try:
        write_whole(output, text.encode())
    except OSError as error:
        raise InvalidInput(f"{output} cannot be written: {error.strerror}.") from None


async def _work(week: str, workspace: WorkspaceId, *, send: bool) -> Edition | list[Sending]:
    """The digest; or with ``send`` how its deliveries stand."""
    settings = read_settings()
    configure_logging(level="warning", json=False)
    async with build(settings) as parts:
        await parts.access.workspace(workspace)
        insights: InsightParts = parts.insights
        chosen = insights.week(workspace, week)
        if send:
            return await insights.sender.send(workspace, chosen)
        return Edition(workspace, await insights.digester.digest(workspace, chosen))


def _text(edition: Edition, form: Form) -> str:
    match form:
        case Form.MARKDOWN:
            return edition.markdown()
        case Form.HTML:
            return edition.html()
        case Form.JSON:
            return edition.json


def _table(found: list[Sending]) -> Table:
    table = Table("receiver", "state", "attempts", "why not")
    for one in found:
        table.add_row(one.channel, one.state, str(one.attempts), one.error or "")
    return table
