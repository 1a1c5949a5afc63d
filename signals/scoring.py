"""How good a lead is: fit times intent times timing, each with its reasons, by numbers in YAML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from signals.conditions import FactCondition, judge
from signals.data_file import read_data
from signals.routing import facts_of
from signals.signal import Qualification, Signal, SignalKind, Stated, StatedField

SHIPPED = Path(__file__).with_name("scoring.yaml")
Share = Annotated[float, Field(ge=0, le=1)]
Change = Annotated[float, Field(ge=-1, le=1)]
_Change = tuple[str, float]  # what holds, and what it adds


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScoreRule(_Data):
    """What is added to a part where a condition holds."""

    name: str = Field(min_length=1, max_length=200)
    when: FactCondition
    adds: Change


class FitRules(_Data):
    """Whether it is the kind of customer that buys."""

    base: Share
    rules: tuple[ScoreRule, ...] = ()


class IntentRules(_Data):
    """Whether they want something: what the signal's kind is worth, and what they stated."""

    kinds: dict[SignalKind, Share]
    stated: dict[StatedField, Change] = Field(default_factory=dict)
    rules: tuple[ScoreRule, ...] = ()


class TimingRules(_Data):
    """Whether it is soon: by what they said of it, ``now``, ``weeks``, ``months`` or ``later``."""

    base: Share
    stated: dict[str, Change] = Field(default_factory=dict)
    rules: tuple[ScoreRule, ...] = ()


class Weights(_Data):
    """Powers of the parts; they add up to 1, so that no score is beyond its parts."""

    fit: float = Field(gt=0, lt=1)
    intent: float = Field(gt=0, lt=1)
    timing: float = Field(gt=0, lt=1)

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        if not math.isclose(self.fit + self.intent + self.timing, 1.0):
            raise ValueError("fit, intent and timing have to add up to 1")
        return self


class Scoring(_Data):
    """All of it; scores from ``qualified_from`` on are for sales, from ``nurture_from`` for marketing."""

    weights: Weights
    qualified_from: float = Field(ge=0, le=100)
    nurture_from: float = Field(ge=0, le=100)
    fit: FitRules
    intent: IntentRules
    timing: TimingRules

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.nurture_from > self.qualified_from:
            raise ValueError("nurture_from is above qualified_from")
        return self


@dataclass(frozen=True, slots=True)
class Part:
    """``value`` in [0, 1] of one part, and what it is made of: reasons such as "business customer +0.30"."""

    name: str
    value: float
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeadScore:
    """A score in [0, 100], its parts, and what to do with the lead."""

    score: float
    parts: tuple[Part, ...]
    qualification: Qualification

    def lines(self) -> tuple[str, ...]:
        """The score and each part in a line of its own."""
        parts = (f"{part.name} {part.value:.2f}: {', '.join(part.because)}" for part in self.parts)
        return (f"lead score {self.score:.0f}: {self.qualification.replace('_', ' ')}", *parts)


def score_lead(
    scoring: Scoring, signal: Signal, facts: Mapping[str, object], *, at: datetime
) -> LeadScore | None:
    """The score of ``signal`` of a customer with ``facts``; none where its kind is no lead's."""
    if signal.kind not in scoring.intent.kinds:
        return None
    said = {one.field: one for one in signal.stated}
    known = {**facts, **facts_of(signal), **{str(field): one.value for field, one in said.items()}}
    holding = partial(_holding, known=known, at=at)
    parts = (
        _part("fit", scoring.fit.base, holding(scoring.fit.rules)),
        _intent(scoring.intent, signal, said, holding(scoring.intent.rules)),
        _timing(scoring.timing, said, holding(scoring.timing.rules)),
    )
    weights = scoring.weights
    score = 100.0 * math.prod(
        part.value**weight
        for part, weight in zip(parts, (weights.fit, weights.intent, weights.timing), strict=True)
    )
    return LeadScore(score, parts, _qualification(scoring, score))


def read_scoring(file: Path = SHIPPED) -> Scoring:
    """The numbers of a YAML file. Raises ``SignalDataInvalid``."""
    return read_data(file, Scoring)


def _intent(
    rules: IntentRules, signal: Signal, said: Mapping[StatedField, Stated], held: Sequence[_Change]
) -> Part:
    begins = rules.kinds[signal.kind] * signal.probability
    first = f"{signal.kind.replace('_', ' ')} at {signal.probability:.2f}"
    stated = [(f"{field} stated", adds) for field, adds in rules.stated.items() if field in said]
    return _part("intent", begins, [*stated, *held], first=first)


def _timing(rules: TimingRules, said: Mapping[StatedField, Stated], held: Sequence[_Change]) -> Part:
    when = said.get(StatedField.TIMING)
    stated = [] if when is None else [(f"wanted {when.value}", rules.stated.get(when.value, 0.0))]
    return _part("timing", rules.base, [*stated, *held])


def _holding(rules: Sequence[ScoreRule], *, known: Mapping[str, object], at: datetime) -> list[_Change]:
    return [(rule.name, rule.adds) for rule in rules if judge(rule.when, known, at=at).holds]


def _part(name: str, begins: float, added: Sequence[_Change], *, first: str = "to begin with") -> Part:
    value = min(1.0, max(0.0, begins + sum(adds for _, adds in added)))
    because = (f"{first} {begins:.2f}", *(f"{what} {adds:+.2f}" for what, adds in added))
    return Part(name, value, because)


def _qualification(scoring: Scoring, score: float) -> Qualification:
    if score >= scoring.qualified_from:
        return Qualification.QUALIFIED
    return Qualification.NURTURE if score >= scoring.nurture_from else Qualification.NOT_QUALIFIED
