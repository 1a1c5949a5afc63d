"""What rules are judged on, and the answer: does it hold, how close is it, and why."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from triage.calendars import BusinessCalendar
from triage.labels import Evidence, Label, Triage

NEAR = 0.1  # how far below a threshold is told as "nearly"
_ROUNDING = 1e-9
FAR = math.inf  # the margin of what cannot be measured


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that rules may ask about. ``facts`` are about the customer: plan, value, tier, tags, any key."""

    triage: Triage
    at: datetime
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    channel: str | None = None
    calendars: Mapping[str, BusinessCalendar] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Note:
    """One reason, such as "signal churn_risk 0.83 >= 0.7", and the words of the message that speak for it."""

    text: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition holds, how close it is, and why: of a group, only the parts that decide."""

    holds: bool
    margin: float
    notes: tuple[Note, ...]

    @property
    def nearly(self) -> bool:
        """Whether it does not hold and is ``NEAR`` or less from doing so."""
        return not self.holds and self.margin >= -NEAR - _ROUNDING


def notes_of(verdicts: Iterable[Verdict]) -> tuple[Note, ...]:
    """Their reasons in order, each once."""
    return tuple(dict.fromkeys(note for verdict in verdicts for note in verdict.notes))


def judge_labels(labels: Sequence[Label], *, kind: str, wanted: Collection[str], at_least: float) -> Verdict:
    """By the likeliest of ``labels``, those found of what is ``wanted``."""
    if not labels:
        return Verdict(False, -FAR, (Note(f"no {kind} {either(wanted)}"),))
    best = max(labels, key=lambda label: label.probability)
    holds = best.probability >= at_least
    sign = ">=" if holds else "<"
    text = f"{kind} {best.name} {figure(best.probability, at_least)} {sign} {at_least:g}"
    return Verdict(holds, best.probability - at_least, (Note(text, best.evidence),))


def judge_plainly(
    holds: bool,
    what: str,
    *,
    wanted: str,
    evidence: tuple[Evidence, ...] = (),
) -> Verdict:
    """Of what has no degrees: ``what`` is so, and ``wanted`` was asked for."""
    if not holds:
        return Verdict(False, -FAR, (Note(f"{what}, not {wanted}", evidence),))
    text = what if wanted.casefold() in what.casefold() else f"{what} ({wanted})"
    return Verdict(True, FAR, (Note(text, evidence),))


def either(names: Iterable[str]) -> str:
    """All ``names`` with "or" between them."""
    return " or ".join(str(name) for name in names)


def figure(value: float, limit: float) -> str:
    """``value`` with two decimals, or as many as show on which side of ``limit`` it is."""
    for digits in (2, 3, 4):
        if (round(value, digits) >= limit) == (value >= limit) and (
            value == limit or round(value, digits) != limit
        ):
            return f"{value:.{digits}f}"
    return f"{value:.9g}"
