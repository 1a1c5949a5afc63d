"""Who is told of a signal, by rules in YAML (``routing.yaml``), with a reason for each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from signals.conditions import FactCondition, judge, reasons
from signals.data_file import read_data
from signals.signal import Signal, SignalKind, Team
from triage.labels import Priority

SHIPPED = Path(__file__).with_name("routing.yaml")
DEFAULT_PRIORITY = Priority.P3
Name = Annotated[str, Field(min_length=1, max_length=200)]


class RouteActions(BaseModel):
    """What a rule decides, unless one before it did. ``owner_fact`` names the fact that names the owner."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    team: Team | None = None
    owner: Name | None = None
    owner_fact: Name | None = None
    next_action: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    priority: Priority | None = None
    targets: tuple[Name, ...] | None = None
    stop: bool = False

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self == RouteActions.model_construct():
            raise ValueError("it does nothing")
        if self.owner is not None and self.owner_fact is not None:
            raise ValueError("give owner or owner_fact")
        return self


class SignalRule(BaseModel):
    """Under a condition, something is decided."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    when: FactCondition
    then: RouteActions
    description: str = ""


class SignalRules(BaseModel):
    """All of it. ``teams`` says whose each kind is where no rule does; every kind is somebody's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    teams: dict[SignalKind, Team]
    rules: tuple[SignalRule, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        missing = [kind for kind in SignalKind if kind not in self.teams]
        if missing:
            raise ValueError(f"teams lacks {', '.join(missing)}")
        names = [rule.name for rule in self.rules]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the rule {twice!r} is there twice")
        return self

    def targets_named(self) -> list[tuple[str, str]]:
        """Every connector that a rule names: the place and the name."""
        return [
            (f"rules[{number}].then.targets", target)
            for number, rule in enumerate(self.rules)
            for target in rule.then.targets or ()
        ]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a signal goes; ``why`` has a line for each rule that decided something."""

    team: Team
    owner: str | None
    next_action: str | None
    priority: Priority
    targets: tuple[str, ...] | None
    why: tuple[str, ...]


def route(rules: SignalRules, signal: Signal, facts: Mapping[str, object], *, at: datetime) -> Route:
    """Where ``signal`` of a customer with ``facts`` goes; what is known of the signal goes before them."""
    known = {**facts, **facts_of(signal)}
    decided: dict[str, object] = {}
    why: list[str] = []
    for rule in rules.rules:
        verdict = judge(rule.when, known, at=at)
        if not verdict.holds:
            continue
        new = {name: value for name, value in _decisions(rule.then, known) if name not in decided}
        decided.update(new)
        if new:
            changed = ", ".join(_line(name, value) for name, value in new.items())
            why.append(f"{rule.name}: {changed}, because {reasons(verdict)}")
        if rule.then.stop:
            break
    return Route(
        team=decided.get("team", rules.teams[signal.kind]),  # type: ignore[arg-type]  # as the actions have it
        owner=decided.get("owner"),  # type: ignore[arg-type]
        next_action=decided.get("next_action"),  # type: ignore[arg-type]
        priority=decided.get("priority", DEFAULT_PRIORITY),  # type: ignore[arg-type]
        targets=decided.get("targets"),  # type: ignore[arg-type]
        why=tuple(why),
    )


def routed(signal: Signal, to: Route) -> Signal:
    """``signal`` with its route, whose reasons come after those that it has."""
    return replace(
        signal,
        team=to.team,
        owner=to.owner,
        next_action=to.next_action,
        priority=str(to.priority),
        targets=to.targets,
        why=(*signal.why, *to.why),
    )


def facts_of(signal: Signal) -> dict[str, object]:
    """What rules may ask of a signal, by name; what it does not have is not known."""
    known = {
        "kind": str(signal.kind),
        "probability": signal.probability,
        "score": signal.score,
        "qualification": None if signal.qualification is None else str(signal.qualification),
        "source": signal.source,
        "occurrences": signal.occurrences,
    }
    return {name: value for name, value in known.items() if value is not None}


def read_rules(file: Path = SHIPPED) -> SignalRules:
    """The rules of a YAML file. Raises ``SignalDataInvalid``."""
    return read_data(file, SignalRules)


def _decisions(then: RouteActions, facts: Mapping[str, object]) -> list[tuple[str, object]]:
    owner = then.owner
    if then.owner_fact is not None and (named := facts.get(then.owner_fact)) is not None:
        owner = str(named)
    named_by_rule = {
        "team": then.team,
        "owner": owner,
        "next_action": then.next_action,
        "priority": then.priority,
        "targets": then.targets,
    }
    return [(name, value) for name, value in named_by_rule.items() if value is not None]


def _line(name: str, value: object) -> str:
    shown = ", ".join(value) or "nobody" if isinstance(value, tuple) else str(value)
    return f"{name.replace('_', ' ')} {shown}"
