"""What every command shares: settings, the built application, options, and how it prints."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console

from careloop.build import Parts, build
from careloop.settings import Settings
from kit.errors import Misconfigured
from kit.ids import DEFAULT_WORKSPACE
from kit.log import configure_logging

T = TypeVar("T")

WorkspaceOption = Annotated[
    str, typer.Option("--workspace", "-w", help="Workspace (one brand or company).", metavar="ID")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
DEFAULT = str(DEFAULT_WORKSPACE)


def console() -> Console:
    """Where results are printed: standard output as it is now."""
    return Console(highlight=False)


def progress_console() -> Console:
    """Where progress is shown: standard error, so that a pipe gets results only."""
    return Console(stderr=True, highlight=False)


def read_settings(**changes: Any) -> Settings:  # noqa: ANN401 (values of settings)
    """The settings, with ``changes`` on top. Raises ``Misconfigured``, naming the variable at fault."""
    try:
        return Settings(**changes)
    except ValidationError as error:
        raise Misconfigured("; ".join(_problem(problem) for problem in error.errors())) from None
    except SettingsError as error:  # its text may repeat a secret, and so is not shown
        of_digests = '"insights"' in str(error)
        name = "CARELOOP_INSIGHTS__DIGESTS" if of_digests else "CARELOOP_CONNECTORS"
        raise Misconfigured(f"{name} is not valid JSON.") from None


def with_parts(work: Callable[[Parts], Awaitable[T]], *, settings: Settings | None = None) -> T:
    """Build the application, run ``work`` on it, take it down again; returns what ``work`` returned."""
    chosen = settings or read_settings()
    chosen.triage.enabled = False  # commands that triage need no database: careloop.cli.triagers
    configure_logging(level="warning", json=False)

    async def run() -> T:
        async with build(chosen) as parts:
            return await work(parts)

    return asyncio.run(run())


def _problem(problem: Any) -> str:  # noqa: ANN401 (pydantic's own dictionary)
    variable = "CARELOOP_" + "__".join(str(part).upper() for part in problem["loc"])
    return f"{variable}: {problem['msg']}"
