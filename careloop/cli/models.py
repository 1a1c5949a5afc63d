"""``careloop models``: which model answers, which did before, and the way back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table

from api.learning_models import TriageModel, TriageModelList
from api.triagers import KIND
from careloop.build_triage import model_registry
from careloop.cli.session import DEFAULT, JsonFlag, WorkspaceOption, console
from careloop.cli.triage_parts import Opened, with_database
from kit.ids import WorkspaceId
from triage.registry import ModelRegistry, ModelVersion

app = typer.Typer(no_args_is_help=True, help="List, promote and roll back models that learned.")

T = TypeVar("T")


@app.command("list")
def list_models(workspace: WorkspaceOption = DEFAULT, as_json: JsonFlag = False) -> None:
    """List every version, newest first; none until the workspace has learned for the first time."""
    history = _with_registry(workspace, lambda registry, space: registry.history(space, KIND))
    if as_json:
        typer.echo(TriageModelList(items=[TriageModel.of(model) for model in history]).model_dump_json())
    elif not history:
        console().print("Nothing was learned yet: the model that ships answers.")
    else:
        console().print(_table(history))


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="As `careloop models list` names it.", metavar="VERSION")],
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Let VERSION answer, on every server within five seconds."""
    _with_registry(workspace, lambda registry, space: registry.promote(space, KIND, version))
    console().print(f"{version} answers.", markup=False)


@app.command()
def rollback(workspace: WorkspaceOption = DEFAULT) -> None:
    """Let the version answer that did before the live one; again goes one further back."""
    model = _with_registry(workspace, lambda registry, space: registry.roll_back(space, KIND))
    console().print(f"{model.version} answers again.", markup=False)


def _with_registry(workspace: str, work: Callable[[ModelRegistry, WorkspaceId], Awaitable[T]]) -> T:
    async def run(opened: Opened) -> T:
        registry = model_registry(opened.settings, opened.database, clock=opened.clock)
        return await work(registry, opened.workspace)

    return with_database(workspace, run)


def _table(history: Sequence[ModelVersion]) -> Table:
    table = Table("version", "state", "made", "corrections", "right before", "right after", "of")
    for model in history:
        corrections = str(len(model.provenance.get("corrections", ())))
        state = model.state if model.folder is not None else f"{model.state}, files gone"
        table.add_row(
            model.version, state, f"{model.created_at:%Y-%m-%d %H:%M}", corrections, *_judged(model.metrics)
        )
    return table


def _judged(metrics: Any) -> tuple[str, str, str]:  # noqa: ANN401 (JSON)
    """Accuracy on the youngest corrections before and after, and how many those were."""
    found = metrics.get("hold_out")
    return (f"{found['before']:.1%}", f"{found['after']:.1%}", str(found["n"])) if found else ("", "", "")
