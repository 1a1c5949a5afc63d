"""``careloop ingest``: files, folders and web sites into the knowledge base."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from careloop.build import Parts
from careloop.cli.session import DEFAULT, WorkspaceOption, console, progress_console, with_parts
from kit.ids import WorkspaceId
from knowledge_base.report import SyncProgress, SyncReport
from knowledge_base.sources import FolderSource, Source, WebsiteSource

app = typer.Typer()

_MOST_FAILURES = 50  # printed; the rest is counted
_LONGEST_KEY = 48  # characters of what is being read, beside the bar


@app.command()
def ingest(
    places: Annotated[
        list[str],
        typer.Argument(
            help="Files, folders, or addresses of web sites (https://...).", metavar="PATH|URL..."
        ),
    ],
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Load files, folders or web sites into the knowledge base; run it again to bring them up to date.

    What did not change is skipped, what is gone is removed. Exit status 1 if anything could not be read.
    """
    sources = [source_of(place) for place in places]
    reports = with_parts(lambda parts: ingest_all(parts, WorkspaceId(workspace), sources))
    for source, report in zip(sources, reports, strict=True):
        print_report(source.location, report)
    if any(report.failures for report in reports):
        raise typer.Exit(1)


def source_of(place: str) -> Source:
    """The web site at an http(s) address, else the file or folder of that name."""
    return WebsiteSource(place) if place.startswith(("http://", "https://")) else FolderSource(Path(place))


async def ingest_all(parts: Parts, workspace: WorkspaceId, sources: Sequence[Source]) -> list[SyncReport]:
    """Synchronise each source, with a progress bar on standard error, then the index."""
    reports = []
    with progress_bar() as bar:
        for source in sources:
            task = bar.add_task(escape(_short(source.location)), total=None)
            reports.append(await parts.synchroniser.sync(workspace, source, progress=shown_on(bar, task)))
            bar.update(task, total=1, completed=1, description=f"[green]{escape(_short(source.location))}")
        if parts.owns_index:
            await parts.follower.apply()
    return reports


def progress_bar() -> Progress:
    """A bar with a count and the time gone by, on a terminal only; gone when it is done."""
    out = progress_console()
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=out,
        transient=True,
        disable=not out.is_terminal,  # in a log file a bar is noise
    )


def shown_on(bar: Progress, task: object) -> Callable[[SyncProgress], None]:
    """Something that moves ``task`` of ``bar`` as a sync or a rebuild goes on."""

    def show(progress: SyncProgress) -> None:
        bar.update(
            task,  # type: ignore[arg-type]  # rich's own id type
            completed=progress.settled,
            total=max(progress.expected, progress.read) or None,
            description=f"{progress.passages} passages, {escape(_short(progress.key))}",
        )

    return show


def print_report(location: str, report: SyncReport) -> None:
    """What changed, and what could not be read and why."""
    out = console()
    out.print(
        f"[bold]{escape(location)}[/]: {report.added} added, {report.changed} changed, "
        f"{report.unchanged} unchanged, {report.removed} removed, {report.failed} failed; "
        f"{report.passages} passages in {report.seconds:.1f} s."
    )
    for reason, number in report.skipped.items():
        out.print(f"  [dim]skipped {number}: {escape(reason)}[/]")
    for failure in report.failures[:_MOST_FAILURES]:
        out.print(f"  [red]failed[/] {escape(failure.key or location)}: {escape(failure.reason)}")
    if report.failed > _MOST_FAILURES:
        out.print(f"  [red]and {report.failed - _MOST_FAILURES} more[/]")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_KEY else "…" + text[1 - _LONGEST_KEY :]
