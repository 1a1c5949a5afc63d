"""Service health: how conversations ended, how long customers waited, what was promised and broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from insights.contact import Contact, ContactKind, Ending
from insights.digest import Service, Waits
from insights.history import Counts
from insights.spikes import incidents
from insights.week import Period, Week
from kit.ids import WorkspaceId
from signals.connectors.connector import OutcomeKind
from signals.precision import wilson
from store.tables import deliveries, signal_outcomes, signals
from triage.routing import Router


async def service(
    connection: AsyncConnection,
    workspace: WorkspaceId,
    contacts: Sequence[Contact],
    before: Sequence[Counts],
    *,
    week: Week,
    period: Period,
    router: Router | None,
) -> Service:
    """What the week was like for those who run care; ``router`` knows what is promised."""
    said = [contact for contact in contacts if contact.kind is ContactKind.CONVERSATION]
    endings = Counter(contact.ending for contact in said if contact.ending is not None)
    total = endings.total()
    promised, broken = _promises(said, router, period)
    outcomes = await _counted(
        connection, workspace, period, signal_outcomes, what="outcome", when="recorded_at"
    )
    return Service(
        conversations=len(said),
        tickets=len(contacts) - len(said),
        by_day=_by_day(contacts, week),
        endings={ending: endings[ending] for ending in Ending},
        shares={ending: wilson(endings[ending], total) for ending in Ending} if total else {},
        by_itself=wilson(endings[Ending.CONFIRMED] + endings[Ending.ASSUMED], total) if total else None,
        usual_shares=_usual(before),
        first_response=_waits(one.first_response for one in said),
        person=_waits(
            None if one.person_came_at is None or one.handed_over_at is None
            else one.person_came_at - one.handed_over_at
            for one in said
        ),
        bot=_waits(wait for one in said for wait in _replies(one)),
        waiting=sum(one.handed_over_at is not None and one.person_came_at is None for one in said),
        promised=promised,
        broken=broken,
        incidents=incidents(contacts, before, week=week, period=period),
        signals=await _counted(connection, workspace, period, signals, what="kind", when="created_at"),
        deliveries=await _counted(connection, workspace, period, deliveries, what="state", when="made_at"),
        outcomes={OutcomeKind(name): count for name, count in outcomes.items()},
        revenue=await _revenue(connection, workspace, period),
    )  # fmt: skip


def _by_day(contacts: Iterable[Contact], week: Week) -> tuple[tuple[date, int], ...]:
    counts = Counter(contact.at.astimezone(week.zone).date() for contact in contacts)
    days = [week.monday + timedelta(days=number) for number in range(7)]
    return tuple((day, counts[day]) for day in days)


def _usual(before: Sequence[Counts]) -> dict[Ending, float]:
    endings = sum((week.endings for week in before), Counter[Ending]())
    total = endings.total()
    return {ending: endings[ending] / total for ending in Ending} if total else {}


def _replies(contact: Contact) -> list[timedelta]:
    """How long the bot took for each of its replies."""
    asked = {turn.id: turn.at for turn in contact.turns}
    return [reply.at - asked[reply.to] for reply in contact.replies if reply.to in asked]


def _waits(found: Iterable[timedelta | None]) -> Waits | None:
    seconds = [wait.total_seconds() for wait in found if wait is not None]
    if not seconds:
        return None
    median, late = np.quantile(seconds, (0.5, 0.9))
    return Waits(len(seconds), timedelta(seconds=float(median)), timedelta(seconds=float(late)))


def _promises(contacts: Iterable[Contact], router: Router | None, period: Period) -> tuple[int, int]:
    """Of conversations that were handed over: first responses that were due, and those that came too late.

    Due by what the rules promise for the last turn that was triaged before; the tier of a customer is not
    known here, so that a promise to a tier of its own is counted as that to everybody.
    """
    promised = broken = 0
    for contact in contacts:
        handed_over = contact.handed_over_at
        triaged = [turn.triage for turn in contact.turns if turn.triage is not None]
        if router is None or handed_over is None or not triaged:
            continue
        due = router.route(triaged[-1], at=handed_over, channel=contact.channel).first_response_due
        if due is None or (contact.person_came_at is None and due > period.end):
            continue  # nothing is promised, or it can still be kept
        promised += 1
        broken += contact.person_came_at is None or contact.person_came_at > due
    return promised, broken


async def _counted(
    connection: AsyncConnection,
    workspace: WorkspaceId,
    period: Period,
    table: Table,
    *,
    what: str,
    when: str,
) -> Mapping[str, int]:
    """How many rows of ``table`` were made in ``period``, by its column ``what``."""
    column: Any = table.c[what]
    query = (
        select(column, func.count())
        .where(table.c.workspace_id == workspace, table.c[when] >= period.start, table.c[when] < period.end)
        .group_by(column)
    )
    rows = (await connection.execute(query)).all()
    return {str(name): int(count) for name, count in sorted(rows, key=lambda row: (-row[1], row[0]))}


async def _revenue(
    connection: AsyncConnection, workspace: WorkspaceId, period: Period
) -> Mapping[str, float]:
    """What was won, by currency; an outcome that is in dispute, or fell there, counts nowhere."""
    table = signal_outcomes
    query = (
        select(table.c.currency, func.sum(table.c.amount))
        .where(
            table.c.workspace_id == workspace,
            table.c.outcome == OutcomeKind.WON,
            table.c.amount.is_not(None),
            table.c.disputed_at.is_(None),
            table.c.recorded_at >= period.start,
            table.c.recorded_at < period.end,
        )
        .group_by(table.c.currency)
        .order_by(table.c.currency)
    )
    return {str(currency): float(amount) for currency, amount in await connection.execute(query)}
