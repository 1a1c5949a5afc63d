"""``careloop doctor``: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import asyncio

import typer
from rich.console import Console
from rich.markup import escape

from careloop.build import build
from careloop.cli.checks import Finding, State, check_machine, check_parts
from careloop.cli.session import console, read_settings
from careloop.settings import Settings
from kit.errors import CareloopError
from kit.log import configure_logging

app = typer.Typer()

_COLOURS = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red"}


@app.command()
def doctor() -> None:
    """Check this installation. Exit status 1 if something does not work."""
    configure_logging(level="error", json=False)
    settings = read_settings()
    out = console()
    findings = []
    for finding in check_machine(settings):
        findings.append(finding)
        show(out, finding)
    findings += asyncio.run(_check_parts(settings, out))
    if any(finding.state is State.FAIL for finding in findings):
        raise typer.Exit(1)


def show(out: Console, finding: Finding) -> None:
    """One line: state, subject, what was found; and one more if there is something to do."""
    mark = f"[{_COLOURS[finding.state]}]{finding.state:4}[/]"
    out.print(f"{mark}  [bold]{escape(finding.subject)}[/]: {escape(finding.found)}", soft_wrap=True)
    if finding.remedy:
        out.print(f"      → {escape(finding.remedy)}", soft_wrap=True)


async def _check_parts(settings: Settings, out: Console) -> list[Finding]:
    findings = []
    try:
        async with build(settings) as parts:
            async for finding in check_parts(parts):
                findings.append(finding)
                show(out, finding)
    except CareloopError as error:
        findings.append(Finding(State.FAIL, "start", error.detail))
        show(out, findings[-1])
    return findings
