"""``careloop routing``: rules, before they are in force."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from api import dry_run_models as models
from api.operations import Operations
from careloop.build_triage import taxonomy_file
from careloop.cli.message_rows import (
    FileOption,
    IdOption,
    MessageFile,
    MessageRow,
    SubjectOption,
    TextOption,
    facts_of,
    in_batches,
)
from careloop.cli.operations import progress, with_operations
from careloop.cli.selections import QueueOption, SinceOption, UntilOption, selected
from careloop.cli.session import DEFAULT, JsonFlag, WorkspaceOption, console, read_settings
from careloop.cli.triagers import TaxonomyOption
from kit.clock import SystemClock
from kit.ids import WorkspaceId
from triage.bulk import Columns
from triage.dry_run import EXAMPLES, Change, Comparison, DueChange, RoutableTicket
from triage.errors import RoutingInvalid
from triage.labels import Triage
from triage.routing import Router
from triage.rules import RoutingSettings, read_routing
from triage.rules_text import line_of
from triage.taxonomy import Taxonomy, read_taxonomy
from triage.ticket_dry_run import TicketDryRun, count

app = typer.Typer(no_args_is_help=True, help="Check routing rules, and try them on stored tickets.")

_CHANNEL = "channel"
RulesFile = Annotated[Path, typer.Argument(help="YAML file of routing rules.", metavar="RULES.yaml")]


@app.command()
def check(file: RulesFile, *, taxonomy: TaxonomyOption = None, as_json: JsonFlag = False) -> None:
    """Say what is wrong with routing rules: line, place and reason. Exit status 1 if anything is.

    Intents that rules name are looked up in the taxonomy; so are queues, of which a company may have more.
    """
    settings = read_settings()
    if taxonomy is not None:
        settings.triage.taxonomy = taxonomy
    known = read_taxonomy(taxonomy_file(settings))
    try:
        rules = read_routing(file, intents=known.intent_names)
    except RoutingInvalid as error:
        _print_problems(file, error, as_json=as_json)
        raise typer.Exit(1) from None
    notes = list(_unknown_queues(rules, known))
    if as_json:
        typer.echo(json.dumps({"valid": True, "rules": len(rules.rules), "notes": notes, "problems": []}))
        return
    out = console()
    out.print(
        f"{file}: {len(rules.rules)} rules, {len(rules.calendars)} calendars, {len(rules.teams)} teams, "
        f"{len(rules.agents)} agents; nothing is wrong.",
        markup=False,
        soft_wrap=True,
    )
    for note in notes:
        out.print(note, markup=False, soft_wrap=True)


@app.command("dry-run")
def dry_run(
    *,
    rules: Annotated[Path, typer.Option(help="YAML file of the rules to try.", metavar="RULES.yaml")],
    recorded: Annotated[
        bool,
        typer.Option(
            "--recorded", help="Compare with the queues that tickets are in, not with today's rules."
        ),
    ] = False,
    since: SinceOption = "30d",
    until: UntilOption = None,
    queue: QueueOption = None,
    examples: Annotated[int, typer.Option(min=0, help="Tickets to name for each change.")] = EXAMPLES,
    file: FileOption = None,
    text: TextOption = "text",
    subject: SubjectOption = None,
    identifier: IdOption = None,
    at: Annotated[
        str | None, typer.Option(help="Column of the moment a message came, in a file; else it is now.")
    ] = None,
    was: Annotated[
        str | None, typer.Option(help="Column of the queue it went to, for --recorded, in a file.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT,
    as_json: JsonFlag = False,
) -> None:
    """Show how many stored tickets would go elsewhere by other rules: from where to where, by which rule.

    By default it is those of the last 30 days, against the rules in force. In a --file, the column channel is
    how a message came, and all columns without a meaning are facts about the customer.
    """
    if file is not None and recorded and was is None:
        raise typer.BadParameter("--recorded needs --was, the column of a file that names the queue.")
    selection = selected(since=since, until=until, queue=queue)
    source = None if file is None else MessageFile(file, Columns(text, subject, identifier))

    async def work(operations: Operations, space: WorkspaceId) -> TicketDryRun:
        proposed = Router.of(read_routing(rules, intents=operations.parts.taxonomy.intent_names))
        current = None if recorded else operations.parts.router
        with progress("tickets") as advance:
            if source is None:
                return await operations.dry_run(
                    space, selection, proposed, recorded=recorded, examples=examples, advance=advance
                )
            comparison = Comparison(current, proposed, examples=examples)
            triager = await operations.triager(space)
            for rows in in_batches(source.rows()):
                said = triager.triage([row.message for row in rows], evidence=False)
                for row, one in zip(rows, said, strict=True):
                    _count(comparison, source, row, one, _Past(at, was))
                advance(len(rows))
            return TicketDryRun(comparison.result(), 0)

    found = with_operations(workspace, work)
    if as_json:
        typer.echo(models.RoutingDryRun.of(found).model_dump_json())
    else:
        _print_dry_run(found)
    if source is not None:
        source.end()


@dataclass(frozen=True, slots=True)
class _Past:
    """Columns that say when a message came and to which queue it went; none where no column does."""

    at: str | None
    was: str | None


def _count(comparison: Comparison, source: MessageFile, row: MessageRow, said: Triage, past: _Past) -> None:
    at = SystemClock().now() if past.at is None else _moment(row.values.get(past.at))
    if at is None:
        source.problems.append(f"{row.name}: {past.at} is no moment such as 2026-01-31T09:00:00+01:00")
        return
    columns = (*source.columns.names(), past.at, past.was, _CHANNEL)
    channel, queue = (_name(row.values.get(name)) if name else None for name in (_CHANNEL, past.was))
    facts = facts_of(row, besides=columns)
    count(comparison, RoutableTicket(row.name, said, at, facts=facts, channel=channel, queue=queue))


def _moment(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _name(value: object) -> str | None:
    return None if value is None else str(value).strip() or None


def _unknown_queues(rules: RoutingSettings, taxonomy: Taxonomy) -> Iterator[str]:
    known = {queue.name for queue in taxonomy.queues}
    named = [(f"rule {rule.name!r}", rule.then.queue) for rule in rules.rules]
    for where, queue in (*named, ("default_queue", rules.default_queue)):
        if queue is not None and queue not in known:
            yield f"Note: {where} names the queue {queue}, which the taxonomy {taxonomy.name} does not have."


def _print_problems(file: Path, error: RoutingInvalid, *, as_json: bool) -> None:
    text = file.read_text(encoding="utf-8") if error.problems else ""
    found = [(line_of(text, place), place, reason) for place, reason in error.problems]
    if as_json:
        problems = [{"line": line, "place": place, "reason": reason} for line, place, reason in found]
        problems = problems or [{"line": None, "place": "", "reason": error.detail}]
        typer.echo(json.dumps({"valid": False, "rules": None, "notes": [], "problems": problems}))
        return
    out = console()
    if not found:
        out.print(error.detail, markup=False, soft_wrap=True)
        return
    table = Table("line", "place", "reason")
    for line, place, reason in sorted(found, key=lambda problem: problem[0] or 0):
        table.add_row("" if line is None else str(line), escape(place), escape(reason))
    out.print(f"{file} cannot be used:", markup=False, soft_wrap=True)
    out.print(table)


def _print_dry_run(found: TicketDryRun) -> None:
    out, run = console(), found.outcome
    share = f" ({run.moved / run.compared:.1%})" if run.compared else ""
    out.print(f"{run.moved:,} of {run.compared:,} tickets would have gone elsewhere{share}.")
    for left_out, why in (
        (run.total - run.compared, "had no queue to compare with"),
        (found.not_triaged, "were never triaged, and are left out"),
    ):
        if left_out:
            out.print(f"{left_out:,} {why}.")
    if run.queues:
        out.print(_changes("queue", run.queues))
    if run.priorities:
        out.print(f"{run.raised:,} would have been more urgent, {run.lowered:,} less urgent.")
        out.print(_changes("priority", run.priorities))
    for due in run.dues:
        if due.sooner or due.later or due.made or due.dropped:
            out.print(_due(due))


def _changes(what: str, changes: Sequence[Change]) -> Table:
    table = Table(f"{what} now", f"{what} then", "tickets", "by", "such as")
    for change in changes:
        rules = ", ".join(f"{rule or 'no rule'} {times:,}" for rule, times in change.rules)
        such = ", ".join(example.ticket for example in change.examples)
        table.add_row(*map(escape, (change.before, change.after, f"{change.count:,}", rules, such)))
    return table


def _due(due: DueChange) -> str:
    parts = [
        f"{due.sooner:,} sooner (mean {_hours(due.mean_sooner)})" if due.sooner else "",
        f"{due.later:,} later (mean {_hours(due.mean_later)})" if due.later else "",
        f"{due.made:,} promised anew" if due.made else "",
        f"{due.dropped:,} no longer promised" if due.dropped else "",
    ]
    return f"{due.kind.capitalize()} due: {', '.join(filter(None, parts))}."


def _hours(length: timedelta) -> str:
    return f"{length / timedelta(hours=1):,.1f} h"
