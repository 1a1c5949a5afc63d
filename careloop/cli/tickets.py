"""``careloop tickets``: what to do with all the tickets that are stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from api import backfill_models as models
from api.operations import Operations
from careloop.build import encryption_key
from careloop.cli.message_rows import (
    FileOption,
    IdOption,
    MessageFile,
    SubjectOption,
    TextOption,
    in_batches,
)
from careloop.cli.operations import progress, with_operations
from careloop.cli.selections import (
    CertaintyOption,
    IntentOption,
    QueueOption,
    SinceOption,
    UntilOption,
    selected,
)
from careloop.cli.session import DEFAULT, JsonFlag, WorkspaceOption, console, progress_console
from careloop.cli.ticket_insights import discover, drift
from careloop.cli.triage_parts import Opened, with_database
from kit.ids import WorkspaceId
from triage.backfill import Backfill, BackfillState
from triage.backfiller import Backfiller
from triage.bulk import Columns
from triage.label_changes import Changes, LabelTally
from triage.label_record import label_record
from triage.stored_labels import told
from triage.stored_tickets import Selection
from triage.text_hash import TextHash
from triage.tickets import TicketStore

app = typer.Typer(no_args_is_help=True, help="Label stored tickets anew; find new intents and drift.")
app.command()(discover)
app.command()(drift)

T = TypeVar("T")
_MOVES_SHOWN = 10  # of each label
_INTERRUPTED = 130  # exit status after Ctrl+C

RouteOption = Annotated[
    bool,
    typer.Option(help="Whether tickets go where the rules send them now, or stay where they sent them then."),
]


@app.command()
def backfill(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run was cut off.")] = False,
    route: RouteOption = True,
    since: SinceOption = None,
    until: UntilOption = None,
    queue: QueueOption = None,
    intent: IntentOption = None,
    certainty: CertaintyOption = None,
    most: Annotated[int | None, typer.Option(min=1, help="Of them the newest, with --dry-run.")] = None,
    file: FileOption = None,
    text: TextOption = "text",
    subject: SubjectOption = None,
    identifier: IdOption = None,
    workspace: WorkspaceOption = DEFAULT,
    as_json: JsonFlag = False,
) -> None:
    """Label stored tickets anew with the models and rules that are live now.

    What people said of a ticket stays. A run that was cut off goes on with --resume, and `careloop tickets
    undo` takes it back. With --dry-run, messages of a --file are compared with its columns intent, queue,
    priority, sentiment, language, origin, certainty and signals, as far as it has them.
    """
    selection = selected(since=since, until=until, queue=queue, intent=intent, certainty=certainty)
    if (file is not None or most is not None) and not dry_run:
        raise typer.BadParameter("--file and --most go with --dry-run.")
    if resume and (dry_run or selection != Selection()):
        raise typer.BadParameter("--resume goes on with the tickets that the run began with.")
    if file is not None:
        _compare_file(MessageFile(file, Columns(text, subject, identifier)), workspace, as_json=as_json)
    elif dry_run:
        _print_changes(_preview(selection, workspace, route=route, most=most), as_json=as_json)
    else:
        _print_run(_label(selection, workspace, route=route, resume=resume), as_json=as_json)


@app.command()
def undo(workspace: WorkspaceOption = DEFAULT, as_json: JsonFlag = False) -> None:
    """Give tickets the labels back that they had before the last backfill; again goes one further back.

    Tickets whose labels somebody has changed since keep them.
    """

    async def work(backfiller: Backfiller, space: WorkspaceId) -> Backfill:
        run = await backfiller.undo(space)
        with progress("undoing", total=run.counts.changed) as advance:
            return await backfiller.take_back(run, advance=advance)

    _print_run(_interruptible(lambda: _with_backfiller(workspace, work), "undo"), as_json=as_json)


@app.command()
def status(workspace: WorkspaceOption = DEFAULT, as_json: JsonFlag = False) -> None:
    """Show how the last backfill stands, whichever process is at it."""
    run = _with_backfiller(workspace, lambda backfiller, space: backfiller.latest(space))
    if run is None:
        console().print("There was no backfill yet.")
    else:
        _print_run(run, as_json=as_json)


def _label(selection: Selection, workspace: str, *, route: bool, resume: bool) -> Backfill:
    async def work(operations: Operations, space: WorkspaceId) -> Backfill:
        triager, backfiller = await operations.triager(space), operations.backfiller
        version = triager.models.version
        if resume:
            run = await backfiller.resume(space, model=version)
        else:
            last = await backfiller.latest(space)
            if last is not None and last.state is BackfillState.INTERRUPTED:
                progress_console().print("An earlier backfill was interrupted; what it has done stays.")
            run = await backfiller.start(space, selection, model=version, route=route)
        with progress("tickets", total=run.counts.total - run.counts.done) as advance:
            return await backfiller.run(run, operations.relabel(triager, route=run.route), advance=advance)

    return _interruptible(lambda: with_operations(workspace, work), "backfill --resume")


def _preview(selection: Selection, workspace: str, *, route: bool, most: int | None) -> Changes:
    async def work(operations: Operations, space: WorkspaceId) -> Changes:
        relabel = operations.relabel(await operations.triager(space), route=route)
        with progress("tickets") as advance:
            return await operations.backfiller.preview(space, selection, relabel, most=most, advance=advance)

    return with_operations(workspace, work)


def _compare_file(messages: MessageFile, workspace: str, *, as_json: bool) -> None:
    async def work(operations: Operations, space: WorkspaceId) -> Changes:
        triager, tally = await operations.triager(space), LabelTally()
        with progress(messages.file.name) as advance:
            for rows in in_batches(messages.rows()):
                found = triager.triage([row.message for row in rows], evidence=False)
                for row, said in zip(rows, found, strict=True):
                    tally.add(row.name, row.values, told(label_record(said), {}))
                advance(len(rows))
        return tally.changes()

    _print_changes(with_operations(workspace, work), as_json=as_json)
    messages.end()


def _with_backfiller(workspace: str, work: Callable[[Backfiller, WorkspaceId], Awaitable[T]]) -> T:
    async def run(opened: Opened) -> T:
        store = TicketStore(opened.cipher, TextHash(encryption_key(opened.settings)))
        return await work(Backfiller(opened.database, store, opened.clock), opened.workspace)

    return with_database(workspace, run)


def _interruptible(work: Callable[[], Backfill], again: str) -> Backfill:
    try:
        return work()
    except KeyboardInterrupt:
        progress_console().print(f"Interrupted. Go on with `careloop tickets {again}`.")
        raise typer.Exit(_INTERRUPTED) from None


def _print_run(run: Backfill, *, as_json: bool) -> None:
    if as_json:
        typer.echo(models.Backfill.of(run).model_dump_json())
        return
    out, counts = console(), run.counts
    out.print(
        f"Backfill {run.id} by model {run.model}: {run.state.replace('_', ' ')}.",
        markup=False,
        soft_wrap=True,
    )
    table = Table("tickets", "")
    for count, what in (
        (counts.total, "selected"),
        (counts.done, "done"),
        (counts.changed, "got other labels"),
        (counts.same, "had these labels already"),
        (counts.gone, "were erased meanwhile"),
        (counts.restored, "have their old labels again"),
        (counts.unchanged, "had their old labels already"),
        (counts.changed_since, "keep what somebody has changed since"),
    ):
        if count or what == "selected":
            table.add_row(f"{count:,}", what)
    out.print(table)
    if run.error is not None:
        out.print(run.error, markup=False, soft_wrap=True)


def _print_changes(changes: Changes, *, as_json: bool) -> None:
    if as_json:
        typer.echo(models.Changes.of(changes).model_dump_json())
        return
    out = console()
    out.print(f"{changes.paired:,} tickets compared.")
    table = Table("label", "from", "to", "tickets", "such as")
    for label in changes.labels:
        table.add_row(label.label, "", "", f"{label.changed:,} of {label.compared:,}", "", style="bold")
        for move in label.moves[:_MOVES_SHOWN]:
            table.add_row("", move.before, move.after, f"{move.count:,}", ", ".join(move.examples[:3]))
        if len(label.moves) > _MOVES_SHOWN:
            table.add_row("", f"and {len(label.moves) - _MOVES_SHOWN} more", "", "", "")
    out.print(table)
