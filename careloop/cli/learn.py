"""``careloop learn``: a night's learning, now."""

from __future__ import annotations

import typer

from api.learning import LearningRuns
from api.learning_models import Learning
from api.triagers import TriageParts
from careloop.cli.session import DEFAULT, JsonFlag, WorkspaceOption, console, progress_console
from careloop.cli.triage_parts import Opened, with_triage
from triage.learning_ledger import LearningRun

app = typer.Typer()


@app.command()
def command(*, workspace: WorkspaceOption = DEFAULT, as_json: JsonFlag = False) -> None:
    """Train on every correction so far, and promote the model if it is shown to be better.

    Prints why it was or was not. Exit status 1 where learning failed.
    """
    with progress_console().status("Learning from corrections"):
        run = with_triage(workspace, _learn)
    if as_json:
        typer.echo(Learning.of(run).model_dump_json())
    elif run.report is not None:
        console().print(run.report["text"], markup=False, soft_wrap=True)
    if run.error is not None:
        progress_console().print(run.error, markup=False, soft_wrap=True)
        raise typer.Exit(1)


async def _learn(opened: Opened, parts: TriageParts) -> LearningRun:
    return await LearningRuns(parts, opened.clock).learn(opened.workspace)
