"""``careloop insights``: contacts to expect, intents that spike, what is seen to every night."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import typer
from rich.markup import escape
from rich.table import Table

from api.outlook_models import ContactForecast, IncidentList
from careloop.build import build_customers, open_encoder
from careloop.build_outlook import build_outlook
from careloop.build_signals import build_signals
from careloop.cli.session import DEFAULT, JsonFlag, WorkspaceOption, console
from careloop.cli.triage_parts import Opened, with_database
from inference.embeddings import EncoderEmbeddings
from kit.errors import Misconfigured
from kit.ids import WorkspaceId
from signals.duties import Done
from signals.predictions.outlook import Outlook
from signals.rounds import Chore, Rounds

app = typer.Typer(no_args_is_help=True, help="Contacts to expect, incidents, and what every night sees to.")
T = TypeVar("T")
_NOW = timedelta(microseconds=1)  # of what is due so often, the last time is now


@app.command()
def forecast(workspace: WorkspaceOption = DEFAULT, as_json: JsonFlag = False) -> None:
    """Contacts of each queue on the days to come, from what is stored now."""

    async def work(opened: Opened, outlook: Outlook) -> ContactForecast:
        now = opened.clock.now()
        result = await outlook.contacts.refresh(opened.workspace, at=now)
        return ContactForecast.of(Done(now, result, None))

    found = _with_outlook(workspace, work)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    table = Table("queue", "week from", "expected", "low to high, by day", "short of")
    for queue in found.queues:
        if not queue.days:
            known = f"not enough data: {queue.days_known} of {queue.days_needed} days"
            table.add_row(escape(queue.queue), queue.why or known, "", "", "")
        for first in range(0, len(queue.days), 7):
            week = queue.days[first : first + 7]
            short = queue.shortage is not None and queue.shortage.week == week[0].day
            table.add_row(
                escape(queue.queue),
                f"{week[0].day:%Y-%m-%d}",
                f"{sum(day.expected for day in week):.0f}",
                f"{min(day.low for day in week):.0f} to {max(day.high for day in week):.0f}",
                f"{queue.shortage.capacity:.0f} can be answered" if short and queue.shortage else "",
            )
    console().print(table)


@app.command()
def incidents(workspace: WorkspaceOption = DEFAULT, as_json: JsonFlag = False) -> None:
    """Intents that spike now, or did in the last days, by the baseline of last night."""

    async def work(opened: Opened, outlook: Outlook) -> IncidentList:
        now = opened.clock.now()
        return IncidentList.of(Done(now, await outlook.incidents.look(opened.workspace, at=now), None))

    found = _with_outlook(workspace, work)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    if found.looked_at is None:
        console().print(f"Not enough data: {found.days_known or 0} of {found.days_needed} days of contacts.")
        return
    table = Table("intent", "since", "certain at", "contacts", "usual", "ended")
    for one in found.items:
        table.add_row(
            escape(one.intent),
            _time(one.since),
            _time(one.at),
            str(one.count),
            f"{one.expected:.1f}",
            "open" if one.ended_at is None else _time(one.ended_at),
        )
    console().print(table)


@app.command()
def refresh(workspace: WorkspaceOption = DEFAULT, as_json: JsonFlag = False) -> None:
    """What the night sees to, now: outcomes, forecasts, baseline of incidents, churn."""

    async def work(opened: Opened, outlook: Outlook) -> dict[str, str]:
        async def nobody() -> list[WorkspaceId]:
            return []

        rounds = Rounds(outlook.duties, (), nobody, clock=opened.clock)
        done = {}
        for chore in outlook.chores:
            if not await rounds.see_to(opened.workspace, Chore(chore.name, chore.work, _NOW)):
                done[chore.name] = "another server sees to it just now"
                continue
            last = await outlook.duties.last(opened.workspace, chore.name)
            done[chore.name] = "done" if last is None or last.error is None else last.error
        return done

    found = _with_outlook(workspace, work)
    if as_json:
        typer.echo(json.dumps(found))
        return
    for name, what in found.items():
        console().print(f"{name}: {what}")


def _with_outlook(workspace: str, work: Callable[[Opened, Outlook], Awaitable[T]]) -> T:
    async def run(opened: Opened) -> T:
        settings, book = opened.settings, build_customers(opened.settings, opened.cipher)
        with open_encoder(settings) as encoder:
            signals = build_signals(
                settings, book, opened.cipher, clock=opened.clock, embeddings=EncoderEmbeddings(encoder)
            )
            if signals is None:
                raise Misconfigured("Signals are off here: CARELOOP_SIGNALS__ENABLED turns them on.")
            outlook = build_outlook(
                settings, opened.database, book, signals, encoder=encoder, clock=opened.clock
            )
            return await work(opened, outlook)

    return with_database(workspace, run)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
