"""Signals as text: a table of many, the lines of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.markup import escape
from rich.table import Table

from signals.connectors.connector import OutcomeKind
from signals.outcomes import Outcome
from signals.precision import Interval, Precision
from signals.signal import Signal


def table_of(found: Sequence[Signal]) -> Table:
    """One row for each signal."""
    table = Table("id", "kind", "state", "sure", "score", "team", "owner", "priority", "raised", "heard")
    for one in found:
        table.add_row(
            one.id,
            one.kind,
            one.state,
            f"{one.probability:.2f}",
            "" if one.score is None else f"{one.score:.0f}",
            one.team,
            escape(one.owner or ""),
            one.priority,
            f"{one.created_at:%Y-%m-%d %H:%M}",
            str(one.occurrences),
        )
    return table


def lines_of(signal: Signal, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """All there is of one signal."""
    yield f"{signal.id}: {signal.kind} of {signal.customer_id}, {signal.state}, {signal.probability:.2f}"
    yield f"for {signal.team}{f', {signal.owner}' if signal.owner else ''}, {signal.priority}"
    if signal.next_action:
        yield f"next: {signal.next_action}"
    for quote in signal.evidence:
        place = f"{quote.message_id or 'ticket'} {quote.start}-{quote.end}"
        yield f'  "{quote.text}" ({quote.weight:.0%}, {place})'
    for one in signal.stated:
        yield f'  {one.field} {one.value}: "{one.text}"'
    yield from (f"  {line}" for line in signal.why)
    for outcome in outcomes:
        said = outcome.said
        amount = "" if said.amount is None else f" {said.amount:g} {said.currency}"
        doubt = "" if outcome.counts else ", disputed"
        reason = f": {said.reason}" if said.reason else ""
        yield f"{said.at:%Y-%m-%d %H:%M} {said.outcome}{amount} ({said.source}{doubt}){reason}"


def precision_row(one: Precision) -> tuple[str, ...]:
    """The cells of one group."""
    right = sum(one.counts[kind] for kind in (OutcomeKind.WON, OutcomeKind.LOST, OutcomeKind.TOO_LATE))
    return (
        one.group,
        str(one.told),
        str(right),
        str(right + one.counts[OutcomeKind.NOISE]),
        _share(one.precision),
        _share(one.win_rate),
        "" if one.lead_days is None else f"{one.lead_days:.1f}",
        ", ".join(f"{amount:,.2f} {currency}" for currency, amount in one.revenue.items()),
        str(one.disputed),
    )


def _share(found: Interval | None) -> str:
    return "" if found is None else f"{found.share:.0%} ({found.low:.0%} to {found.high:.0%})"
