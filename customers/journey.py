"""Where a customer stands between first hearing of the company and leaving it.

The rules are data (``journey.yaml``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from customers.errors import RulesUnreadable
from customers.event import Event, EventKind

RULES = Path(__file__).with_name("journey.yaml")
BY_HAND = "by_hand"  # the rule of a stage that a person set


class Stage(StrEnum):
    """A station of the journey."""

    AWARENESS = "awareness"
    CONSIDERATION = "consideration"
    DECISION = "decision"
    ONBOARDING = "onboarding"
    RETENTION = "retention"
    AT_RISK = "at_risk"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Move:
    """A step of the journey: by which rule, and which event caused it."""

    was: Stage
    became: Stage
    rule: str
    event: Event


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Data):
    """Which events a rule is about; ``times`` of them within ``days``, the last one included.

    ``least`` and ``most`` are limits of the score, inclusive; an event without a score is within none.
    """

    kinds: Annotated[frozenset[EventKind], Field(min_length=1)]
    names: frozenset[str] = frozenset()
    least: float | None = None
    most: float | None = None
    times: int = Field(1, ge=1)
    days: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _counts_within_days(self) -> Self:
        if (self.times > 1) != (self.days is not None):
            raise ValueError("`times` above 1 and `days` go together")
        return self

    def fits(self, event: Event) -> bool:
        """Whether ``event`` is one of those it is about, counting aside."""
        if event.kind not in self.kinds or (self.names and event.name not in self.names):
            return False
        if self.least is None and self.most is None:
            return True
        return (
            event.score is not None
            and (self.least is None or event.score >= self.least)
            and (self.most is None or event.score <= self.most)
        )

    def holds(self, events: Sequence[Event], index: int) -> bool:
        """Whether it holds with the event at ``index`` of ``events``, which are sorted by time."""
        event = events[index]
        if not self.fits(event):
            return False
        if self.days is None:
            return True
        since, count = event.occurred_at - timedelta(days=self.days), 0
        for earlier in reversed(events[: index + 1]):
            if earlier.occurred_at < since:
                break
            count += self.fits(earlier)
        return count >= self.times


class Rule(_Data):
    """From any stage of ``sources`` to ``to``, when the condition holds."""

    name: str
    sources: Annotated[frozenset[Stage], Field(alias="from", min_length=1)]
    to: Stage
    when: Condition


class Journey(_Data):
    """The start and the rules, in the order in which they are tried."""

    start: Stage
    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [rule.name for rule in self.rules]
        if len(names) != len(set(names)) or BY_HAND in names:
            raise ValueError(f"names of rules are unique, and none is {BY_HAND}")
        return self

    @classmethod
    def load(cls, path: Path = RULES) -> Journey:
        """The rules of a YAML file. Raises ``RulesUnreadable``, naming every place at fault."""
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise RulesUnreadable(f"The rules of the journey in {path} cannot be read: {error}") from error
        except ValidationError as error:
            places = "; ".join(
                f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
            )
            raise RulesUnreadable(f"The rules of the journey in {path} are wrong: {places}") from error

    @property
    def window(self) -> timedelta:
        """How far back a rule looks from an event."""
        return timedelta(days=max((rule.when.days or 0 for rule in self.rules), default=0))

    def moves(self, events: Sequence[Event], *, stage: Stage | None = None, first: int = 0) -> list[Move]:
        """What ``events``, sorted by time, do to a customer in ``stage`` (the start, unless given).

        Those before index ``first`` were seen to before: they only count towards ``times``.
        """
        current, found = stage or self.start, list[Move]()
        for index in range(first, len(events)):
            move = self._move(current, events, index)
            if move is not None:
                found.append(move)
                current = move.became
        return found

    def _move(self, stage: Stage, events: Sequence[Event], index: int) -> Move | None:
        event = events[index]
        if event.kind is EventKind.STAGE:
            to = Stage(event.name)
            return None if to is stage else Move(stage, to, BY_HAND, event)
        for rule in self.rules:
            if stage in rule.sources and rule.to is not stage and rule.when.holds(events, index):
                return Move(stage, rule.to, rule.name, event)
        return None
