"""``careloop keys``: who may call the API, and what for."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from careloop.build import Parts
from careloop.cli.session import DEFAULT, WorkspaceOption, console, progress_console, with_parts
from kit.ids import WorkspaceId
from store.access import ApiKey, Scope

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for, to recognise it by.")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may do; repeat for several. `chat` unless given.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="Days until it expires; never unless given.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Create a key. Its secret goes to standard output, once: it is stored nowhere."""

    async def work(parts: Parts) -> tuple[ApiKey, str]:
        return await parts.access.create_key(
            WorkspaceId(workspace),
            name=name,
            scopes=scope or [Scope.CHAT],
            expires_at=parts.clock.now() + timedelta(days=days) if days else None,
        )

    key, secret = with_parts(work)
    progress_console().print(
        f"Key {key.id} may: {', '.join(sorted(key.scopes))}. Its secret is shown this once:"
    )
    typer.echo(secret)


@app.command("list")
def list_keys(workspace: WorkspaceOption = DEFAULT) -> None:
    """List the keys of a workspace, without their secrets."""
    table = Table("id", "name", "scopes", "created", "last used", "state")
    for key in with_parts(lambda parts: parts.access.keys(WorkspaceId(workspace))):
        used = f"{key.last_used_at:%Y-%m-%d}" if key.last_used_at else "never"
        scopes = ", ".join(sorted(key.scopes))
        table.add_row(key.id, escape(key.name), scopes, f"{key.created_at:%Y-%m-%d}", used, _state(key))
    console().print(table)


@app.command()
def revoke(
    key: Annotated[
        str, typer.Argument(help="Id of the key, as `careloop keys list` shows it.", metavar="ID")
    ],
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """End a key for good. A running server notices within two seconds."""
    revoked = with_parts(lambda parts: parts.access.revoke_key(WorkspaceId(workspace), key))
    console().print(f"Revoked key {revoked.id} ({escape(revoked.name)}).")


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    return f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "valid"
