"""What the targets of ``bench.delivery`` hold, against what they had to be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from sqlalchemy import select

from bench.delivery_told import Told
from kit.ids import CustomerId, SignalId
from signals.delivery.delivery import DeliveryState
from store.engine import Database
from store.tables import deliveries

_ENDS = (DeliveryState.DELIVERED, DeliveryState.DEAD)


@dataclass(frozen=True)
class Verdict:
    """What is wrong at one target. ``duplicates`` are of signals and of every other record of ours."""

    name: str
    reached: int
    expected: int
    duplicates: int
    disorder: int
    dead: int
    wrongly_dead: int
    missing_dead: int
    unended: int

    @property
    def fine(self) -> bool:
        return self.reached == self.expected and not (
            self.duplicates or self.disorder or self.wrongly_dead or self.missing_dead or self.unended
        )


async def judge(database: Database, told: Told, held: Mapping[str, Mapping[str, Any]]) -> list[Verdict]:
    """What every target holds against what was told, and the dead letters against the refused."""
    async with database.read() as connection:
        columns = (deliveries.c.connector, deliveries.c.signal_id, deliveries.c.state)
        rows = (await connection.execute(select(*columns))).all()
    verdicts = []
    expected = told.signals - told.refused
    for name, target in held.items():
        own = [row for row in rows if row.connector == name]
        dead = {row.signal_id for row in own if row.state == DeliveryState.DEAD}
        counts, others = Counter(target["signals"]), Counter(target["others"])
        verdicts.append(
            Verdict(
                name,
                reached=len(expected & counts.keys()),
                expected=len(expected),
                duplicates=sum(number - 1 for number in (*counts.values(), *others.values())),
                disorder=disorder(told, target["signals"]),
                dead=len(dead),
                wrongly_dead=len(dead - told.refused),
                missing_dead=len(told.refused - dead),
                unended=sum(row.state not in _ENDS for row in own),
            )
        )
    return verdicts


def disorder(told: Told, arrived: Sequence[str]) -> int:
    """How many signals arrived after a later one of their customer."""
    place = {signal: index for order in told.orders.values() for index, signal in enumerate(order)}
    whose = {signal: customer for customer, order in told.orders.items() for signal in order}
    furthest: dict[CustomerId, int] = {}
    late = 0
    for signal in map(SignalId, dict.fromkeys(arrived)):
        before = furthest.get(whose[signal], -1)
        late += place[signal] < before
        furthest[whose[signal]] = max(before, place[signal])
    return late


async def complaints(database: Database, told: Told, *, limit: int = 10) -> list[str]:
    """Why deliveries are dead that should not be, or have not come to an end: the first few of them."""
    columns = (*(deliveries.c[name] for name in ("connector", "signal_id", "state", "attempts")),)
    query = select(*columns, deliveries.c.error_code, deliveries.c.error)
    async with database.read() as connection:
        rows = (await connection.execute(query.where(deliveries.c.state != DeliveryState.DELIVERED))).all()
    wrong = [row for row in rows if not (row.state == DeliveryState.DEAD and row.signal_id in told.refused)]
    return [
        f"{row.connector} {row.signal_id} {row.state} after {row.attempts} attempts: "
        f"{row.error_code} {row.error}"
        for row in wrong[:limit]
    ]


def table(verdicts: Sequence[Verdict]) -> Table:
    """The verdicts, a line each."""
    made = Table(
        *("target", "reached", "expected", "duplicates", "disorder", "dead", "wrongly dead", "not dead"),
        *("unended", "verdict"),
    )
    for one in verdicts:
        numbers = (one.reached, one.expected, one.duplicates, one.disorder, one.dead, one.wrongly_dead)
        rest = (one.missing_dead, one.unended)
        made.add_row(one.name, *(f"{n:,}" for n in (*numbers, *rest)), "fine" if one.fine else "WRONG")
    return made
