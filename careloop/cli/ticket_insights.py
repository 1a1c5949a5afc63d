"""``careloop tickets discover`` and ``careloop tickets drift``: what stored tickets tell."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import yaml
from rich.markup import escape
from rich.table import Table

from api import insight_models as models
from api.operations import Operations
from careloop.cli.message_rows import (
    FileOption,
    IdOption,
    MessageFile,
    SubjectOption,
    TextOption,
    in_batches,
    read_of,
)
from careloop.cli.operations import progress, with_operations
from careloop.cli.selections import SinceOption, selected
from careloop.cli.session import DEFAULT, JsonFlag, WorkspaceOption, console
from kit.clock import SystemClock
from kit.ids import WorkspaceId
from triage.bulk import Columns
from triage.drift import DriftReport, Snapshot, load_snapshot, measure_drift
from triage.labels import Certainty, Origin
from triage.proposals import LEAST, MOST, Proposals, propose
from triage.stored_tickets import Selection
from triage.ticket_drift import snapshot_of_texts

_EXAMPLES_SHOWN = 3
_GROWTH_SHOWN = 10
_LONGEST = 366  # days


def discover(
    *,
    since: SinceOption = None,
    most: Annotated[int, typer.Option(min=1, help="Of these tickets the newest.")] = MOST,
    least: Annotated[int, typer.Option(min=2, help="Different messages that make an intent.")] = LEAST,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print them as a taxonomy has its intents.")
    ] = False,
    file: FileOption = None,
    text: TextOption = "text",
    subject: SubjectOption = None,
    identifier: IdOption = None,
    workspace: WorkspaceOption = DEFAULT,
    as_json: JsonFlag = False,
) -> None:
    """Propose intents for what triage was not sure of, with names and examples without personal data.

    Tickets that somebody has given an intent, and mail of machines, are left out.
    """
    messages = None if file is None else MessageFile(file, Columns(text, subject, identifier))
    selection = selected(since=since)

    async def work(operations: Operations, space: WorkspaceId) -> tuple[Proposals, str]:
        with progress("messages") as advance:
            if messages is not None:
                names, texts = await _unsure(messages, operations, space, most=most)
                model = (await operations.triager(space)).models.intents
                found = propose(names, texts, model, operations.parts.encoder, least=least)
            else:
                found = await operations.propose(space, selection, most=most, least=least, advance=advance)
        return found, operations.parts.taxonomy.languages[0]

    found, language = with_operations(workspace, work)
    if as_json:
        typer.echo(models.Proposals.of(found).model_dump_json())
    elif as_yaml:
        typer.echo(_as_intents(found, language))
    else:
        _print_proposals(found)
    if messages is not None:
        messages.end()


def drift(
    *,
    recent: Annotated[
        int, typer.Option(min=1, max=_LONGEST, help="Days of the tickets in question.", metavar="DAYS")
    ] = 7,
    reference: Annotated[
        int, typer.Option(min=1, max=_LONGEST, help="Days before those, to compare with.", metavar="DAYS")
    ] = 28,
    most: Annotated[int, typer.Option(min=50, help="Tickets of either time, drawn at random.")] = 1000,
    against: Annotated[
        Path | None, typer.Option(help="Compare with what --save wrote here instead.", metavar="DIR")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Keep the recent tickets' figures, without text.", metavar="DIR")
    ] = None,
    file: FileOption = None,
    text: TextOption = "text",
    subject: SubjectOption = None,
    workspace: WorkspaceOption = DEFAULT,
    as_json: JsonFlag = False,
) -> None:
    """Say whether tickets are still like those before: intents, confidence, out of scope, words, vectors.

    All are read by the model that is live now. Of comparisons of like with like one in a hundred raises an
    alarm.
    """
    if file is not None and against is None and save is None:
        raise typer.BadParameter("A --file is compared with --against DIR, or kept with --save DIR.")
    messages = None if file is None else MessageFile(file, Columns(text, subject))
    reference_kept = None if against is None else load_snapshot(against)

    async def work(operations: Operations, space: WorkspaceId) -> DriftReport | None:
        since = SystemClock().now() - timedelta(days=recent)
        with progress("tickets") as advance:
            if messages is not None:
                taken = await _snapshot_of_file(messages, operations, space, most=most)
            else:
                taken = await operations.snapshot(space, Selection(since=since), most=most, advance=advance)
            if save is not None:
                taken.save(save)
            before = reference_kept
            if before is None and messages is None:
                window = Selection(since=since - timedelta(days=reference), until=since)
                before = await operations.snapshot(space, window, most=most, advance=advance)
        return None if before is None else measure_drift(before, taken)

    report = with_operations(workspace, work)
    if report is not None and as_json:
        typer.echo(models.DriftReport.of(report).model_dump_json())
    elif report is not None:
        _print_report(report)
    if save is not None and not as_json:
        console().print(f"Kept the figures in {save}.", markup=False)
    if messages is not None:
        messages.end()


async def _unsure(
    messages: MessageFile, operations: Operations, workspace: WorkspaceId, *, most: int
) -> tuple[list[str], list[str]]:
    """Names and texts of the first ``most`` messages of customers that triage is not sure of."""
    triager = await operations.triager(workspace)
    found: list[tuple[str, str]] = []
    for rows in in_batches(messages.rows()):
        said = triager.triage([row.message for row in rows], evidence=False)
        found += [
            (row.name, read_of(row.message))
            for row, one in zip(rows, said, strict=True)
            if one.certainty is not Certainty.SURE and one.origin.name == Origin.CUSTOMER
        ]
        if len(found) >= most:
            break
    return [name for name, _ in found[:most]], [text for _, text in found[:most]]


async def _snapshot_of_file(
    messages: MessageFile, operations: Operations, workspace: WorkspaceId, *, most: int
) -> Snapshot:
    texts = [read_of(row.message) for row in messages.rows()]
    if len(texts) > most:
        drawn = np.sort(np.random.default_rng(0).choice(len(texts), most, replace=False))
        texts = [texts[place] for place in drawn]
    model = (await operations.triager(workspace)).models.intents
    return snapshot_of_texts(texts, model, operations.parts.encoder)


def _as_intents(found: Proposals, language: str) -> str:
    intents = [
        {
            "name": proposal.intent.name,
            "title": proposal.intent.name.replace("_", " ").capitalize(),
            "description": proposal.intent.description,
            "examples": {language: list(proposal.intent.examples)},
        }
        for proposal in found.items
    ]
    return yaml.safe_dump(intents, sort_keys=False, allow_unicode=True, width=110)


def _print_proposals(found: Proposals) -> None:
    out = console()
    out.print(f"{found.looked_at:,} messages that triage was not sure of; {len(found.items)} proposals.")
    if not found.items:
        return
    table = Table("proposal", "messages", "cohesion", "advice", "such as")
    for proposal in found.items:
        intent = proposal.intent
        such = "\n".join(intent.examples[:_EXAMPLES_SHOWN])
        table.add_row(
            escape(intent.name),
            f"{intent.size:,}",
            f"{intent.cohesion:.2f}",
            escape(intent.advice),
            escape(such),
        )
    out.print(table)


def _print_report(report: DriftReport) -> None:
    out = console()
    out.print(report.text(), markup=False, soft_wrap=True)
    table = Table("intent", "before", "after", "difference, 95 %", "p")
    for each in report.growth[:_GROWTH_SHOWN]:
        share = each.share
        table.add_row(
            escape(each.label),
            f"{share.before:.1%}",
            f"{share.after:.1%}",
            f"{100 * share.low:+.1f} – {100 * share.high:+.1f} points",
            f"{share.p:.3f}",
        )
    out.print(table)
