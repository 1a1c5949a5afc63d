"""``careloop workspaces``: one for each brand or company."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from careloop.cli.session import console, with_parts
from kit.errors import InvalidInput
from kit.ids import WorkspaceId

app = typer.Typer(no_args_is_help=True, help="Create and list workspaces.")

_LONGEST_ID = 40  # as the column holds it


@app.command()
def create(
    workspace: Annotated[str, typer.Argument(help="Its id: letters, digits, - and _.", metavar="ID")],
    name: Annotated[str | None, typer.Option(help="Its name; the id unless given.")] = None,
) -> None:
    """Create a workspace: nothing is shared between two."""
    if not workspace.replace("-", "").replace("_", "").isalnum() or len(workspace) > _LONGEST_ID:
        raise InvalidInput(f"A workspace id is 1 to {_LONGEST_ID} letters, digits, hyphens or underscores.")
    made = with_parts(
        lambda parts: parts.access.add_workspace(WorkspaceId(workspace), name=name or workspace)
    )
    console().print(f"Created workspace [bold]{escape(made.id)}[/].")


@app.command("list")
def list_workspaces() -> None:
    """List every workspace."""
    table = Table("id", "name", "created")
    for workspace in with_parts(lambda parts: parts.access.workspaces()):
        table.add_row(escape(workspace.id), escape(workspace.name), f"{workspace.created_at:%Y-%m-%d}")
    console().print(table)
