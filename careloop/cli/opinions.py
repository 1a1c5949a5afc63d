"""``careloop opinions``: what second opinions cost and what they are worth."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from api.opinion_models import SecondOpinions
from careloop.build_triage import prices
from careloop.cli.session import DEFAULT, JsonFlag, WorkspaceOption, console
from careloop.cli.triage_parts import Opened, with_database
from triage.opinion_report import SecondOpinionReport, report
from triage.opinion_store import OpinionStore

app = typer.Typer()


@app.command()
def command(
    *,
    since: Annotated[datetime | None, typer.Option(help="Only of opinions made then (UTC) or later.")] = None,
    workspace: WorkspaceOption = DEFAULT,
    as_json: JsonFlag = False,
) -> None:
    """Print how often the model was asked, what it cost, and how often it was right where triage was not."""
    since = None if since is None else since.replace(tzinfo=UTC)

    async def read(opened: Opened) -> tuple[SecondOpinionReport, bool]:
        async with opened.database.read() as connection:
            store = OpinionStore(opened.cipher)
            found = await store.settled(connection, opened.workspace, since=since)
        enabled = opened.settings.triage.second_opinion.enabled
        return report(found, prices=prices(opened.settings)), enabled

    found, enabled = with_database(workspace, read)
    if as_json:
        typer.echo(SecondOpinions.of(found, enabled=enabled).model_dump_json())
    else:
        console().print(found.text(), markup=False, soft_wrap=True)
