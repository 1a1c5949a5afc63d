"""``careloop signals``: what was raised, what became of it, and whether its rules can be used."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.markup import escape
from rich.table import Table

from api import signal_models as models
from api.precision_models import PrecisionReport
from careloop.cli.selections import moment
from careloop.cli.session import DEFAULT, JsonFlag, WorkspaceOption, console
from careloop.cli.sheet import sheet
from careloop.cli.signal_session import OpenSignals, reading, writing
from careloop.cli.signal_text import lines_of, precision_row, table_of
from kit.ids import CustomerId, SignalId
from kit.private_file import write_private
from signals.behaviour import BehaviourRules
from signals.brand.claims import BrandClaims
from signals.catalogue import Catalogue
from signals.connectors.connector import OutcomeKind
from signals.data_file import read_data
from signals.errors import SignalDataInvalid
from signals.judgements import TrainingRow
from signals.nurture import NurtureRules
from signals.outcomes import NewOutcome, Outcome
from signals.precision import Judged, report
from signals.routing import SignalRules
from signals.scoring import Scoring
from signals.signal import Signal, SignalKind, SignalState, Team
from signals.store import SignalFilter
from signals.tuning import Tuned
from triage.rules_text import line_of

app = typer.Typer(no_args_is_help=True, help="Look at signals, settle them, and check their rules.")
app.command()(sheet)

_WHO = "command line"
SignalArgument = Annotated[str, typer.Argument(help="As `careloop signals list` names it.", metavar="ID")]
SinceOption = Annotated[
    str | None,
    typer.Option(help="Only signals raised then or later: 2026-01-31, or 30d ago.", metavar="WHEN"),
]


class DataKind(StrEnum):
    """What a file of signals holds."""

    ROUTING = "routing"
    SCORING = "scoring"
    BEHAVIOUR = "behaviour"
    CATALOGUE = "catalogue"
    CLAIMS = "claims"
    NURTURE = "nurture"


_MODELS: dict[DataKind, type[BaseModel]] = {
    DataKind.ROUTING: SignalRules,
    DataKind.SCORING: Scoring,
    DataKind.BEHAVIOUR: BehaviourRules,
    DataKind.CATALOGUE: Catalogue,
    DataKind.CLAIMS: BrandClaims,
    DataKind.NURTURE: NurtureRules,
}


@app.command("list")
def list_signals(
    *,
    kind: Annotated[SignalKind | None, typer.Option(help="Only of this kind.")] = None,
    team: Annotated[Team | None, typer.Option(help="Only those for this team.")] = None,
    state: Annotated[SignalState | None, typer.Option(help="Only in this state.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only of this customer.", metavar="ID")] = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    workspace: WorkspaceOption = DEFAULT,
    as_json: JsonFlag = False,
) -> None:
    """List signals, newest first."""
    matching = SignalFilter(
        kind=kind,
        team=team,
        state=state,
        customer=None if customer is None else CustomerId(customer),
        since=None if since is None else moment(since),
    )

    async def read(opened: OpenSignals) -> list[Signal]:
        return await opened.parts.store.page(
            opened.connection, opened.workspace, matching=matching, limit=limit
        )

    found = reading(workspace, read)
    if as_json:
        typer.echo(json.dumps([models.Signal.of(one).model_dump(mode="json") for one in found]))
    elif not found:
        console().print("No signal was raised.")
    else:
        console().print(table_of(found))


@app.command()
def show(signal: SignalArgument, workspace: WorkspaceOption = DEFAULT, as_json: JsonFlag = False) -> None:
    """Show one signal with its evidence, why it went where, and what became of it."""

    async def read(opened: OpenSignals) -> tuple[Signal, list[Outcome]]:
        store, outcomes = opened.parts.store, opened.parts.outcomes
        found = await store.get(opened.connection, opened.workspace, SignalId(signal))
        return found, await outcomes.of_signal(opened.connection, opened.workspace, found.id)

    found, outcomes = reading(workspace, read)
    if as_json:
        sent = models.Signal.of(found).model_dump(mode="json")
        sent["outcomes"] = [models.Outcome.of(one).model_dump(mode="json") for one in outcomes]
        typer.echo(json.dumps(sent))
        return
    for line in lines_of(found, outcomes):
        console().print(line, markup=False, soft_wrap=True)


@app.command()
def outcome(
    signal: SignalArgument,
    became: Annotated[OutcomeKind, typer.Argument(help="What became of it.")],
    *,
    amount: Annotated[float | None, typer.Option(min=0, help="What was won or lost.")] = None,
    currency: Annotated[str | None, typer.Option(help="Of the amount (ISO 4217).", metavar="EUR")] = None,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Say what became of a signal. All but in_progress close it."""

    async def write(opened: OpenSignals) -> Signal:
        now = opened.now
        said = NewOutcome(became, "command", now, amount, currency, reason, _WHO)
        stored, _ = await opened.parts.outcomes.record(
            opened.connection, opened.workspace, SignalId(signal), said, at=now
        )
        return stored

    stored = writing(workspace, write)
    console().print(f"{stored.id} is {stored.state}.", markup=False)


@app.command()
def precision(
    *, since: SinceOption = None, workspace: WorkspaceOption = DEFAULT, as_json: JsonFlag = False
) -> None:
    """Print how often signals were right, what they brought, and how long it took."""
    start = None if since is None else moment(since)

    async def read(opened: OpenSignals) -> list[Judged]:
        return await opened.parts.judgements.judged(opened.connection, opened.workspace, since=start)

    found = report(reading(workspace, read))
    if as_json:
        typer.echo(PrecisionReport.of(found).model_dump_json())
        return
    table = Table("group", "told", "right", "of", "precision", "won of tried", "days", "revenue", "disputed")
    for one in (found.total, *found.by_kind, *found.by_source):
        table.add_row(*map(escape, precision_row(one)))
    console().print(table)


@app.command()
def tune(workspace: WorkspaceOption = DEFAULT, as_json: JsonFlag = False) -> None:
    """Move thresholds as outcomes say, toward CARELOOP_SIGNALS__PRECISION_TARGET."""

    async def write(opened: OpenSignals) -> list[Tuned]:
        target = opened.parts.precision_target
        return await opened.parts.judgements.tune(
            opened.connection, opened.workspace, target=target, at=opened.now
        )

    found = writing(workspace, write)
    if as_json:
        typer.echo(json.dumps([models.TunedThreshold.of(one).model_dump(mode="json") for one in found]))
        return
    table = Table("kind", "before", "after", "outcomes", "why")
    for one in found:
        table.add_row(str(one.kind), f"{one.before:.3f}", f"{one.after:.3f}", str(one.settled), one.why)
    console().print(table)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="JSON lines to write.", metavar="OUT.jsonl")],
    *,
    since: SinceOption = None,
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Write settled signals as rows to learn from. They hold customers' words: keep the file as theirs."""
    start = None if since is None else moment(since)

    async def read(opened: OpenSignals) -> list[TrainingRow]:
        judgements = opened.parts.judgements
        return await judgements.training_rows(opened.connection, opened.workspace, since=start)

    rows = reading(workspace, read)
    text = "".join(json.dumps(asdict(row), default=str, ensure_ascii=False) + "\n" for row in rows)
    write_private(file, text)
    console().print(f"{len(rows)} rows in {file}.", markup=False, soft_wrap=True)


@app.command("routing-check")
def routing_check(
    file: Annotated[Path, typer.Argument(help="YAML file of signals.", metavar="FILE.yaml")],
    *,
    holds: Annotated[DataKind, typer.Option(help="What the file holds.")] = DataKind.ROUTING,
    as_json: JsonFlag = False,
) -> None:
    """Say what is wrong with rules or other data of signals: line, place, reason. Exit status 1 if any is."""
    problems: list[dict[str, Any]] = []
    try:
        read_data(file, _MODELS[holds])
    except SignalDataInvalid as error:
        text = file.read_text(encoding="utf-8") if error.problems else ""
        problems = [
            {"line": line_of(text, place), "place": place, "reason": reason}
            for place, reason in error.problems
        ] or [{"line": None, "place": "", "reason": error.detail}]
    if as_json:
        typer.echo(json.dumps({"valid": not problems, "problems": problems}))
    elif problems:
        table = Table("line", "place", "reason")
        for one in problems:
            table.add_row(str(one["line"] or ""), escape(one["place"]), escape(one["reason"]))
        console().print(table)
    else:
        console().print(f"{file}: nothing is wrong.", markup=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)
