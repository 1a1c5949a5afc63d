"""Sequences of marketing as data (``nurture.yaml``): who enters, how often at most, and when they leave."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import CustomerId, SignalId, WorkspaceId
from signals.conditions import FactCondition, judge
from signals.connectors.connector import OutcomeKind
from signals.data_file import read_data
from signals.routing import facts_of
from signals.signal import Signal

SHIPPED = Path(__file__).with_name("nurture.yaml")
Name = Annotated[str, Field(min_length=1, max_length=80)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Data):
    """What the journey says so many days after it was entered; for whoever builds it in the tool."""

    after_days: int = Field(ge=0, le=365)
    says: Annotated[str, Field(min_length=1, max_length=500)]


class NurtureSequence(_Data):
    """One sequence; ``days`` is how long somebody is in it at most."""

    name: Name
    target: Annotated[str, Field(pattern="^[a-z][a-z0-9_-]{0,39}$")]
    journey: Annotated[str, Field(min_length=1, max_length=200)]
    when: FactCondition
    days: int = Field(ge=1, le=730)
    leave_on: tuple[OutcomeKind, ...] = Field(min_length=1)
    steps: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ends_with_its_steps(self) -> Self:
        if max(step.after_days for step in self.steps) >= self.days:
            raise ValueError("a step comes after its end")
        return self


class Cap(_Data):
    """How many sequences one customer is in at once, and enters within so many days, at most."""

    at_once: int = Field(ge=1, le=10)
    enrolments: int = Field(ge=1, le=100)
    within_days: int = Field(ge=1, le=730)


class NurtureRules(_Data):
    """All of it."""

    cap: Cap
    sequences: tuple[NurtureSequence, ...]

    def of_targets(self, targets: Collection[str]) -> NurtureRules:
        """The same without sequences of other targets."""
        return NurtureRules(
            cap=self.cap, sequences=tuple(one for one in self.sequences if one.target in targets)
        )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [one.name for one in self.sequences]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the sequence {twice!r} is there twice")
        return self


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Who is in a sequence by which signal; ``left_because``: an outcome, ``expired``, ``no_consent``."""

    id: str
    workspace_id: WorkspaceId
    customer_id: CustomerId
    signal_id: SignalId
    sequence: str
    target: str
    journey: str
    enrolled_at: datetime
    left_at: datetime | None = None
    left_because: str | None = None


class CommandKind(StrEnum):
    """What the marketing tool has to do."""

    ENROL = "enrol"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class NurtureCommand:
    """Enter a customer into a journey of ``enrolment.target``, or take them out."""

    kind: CommandKind
    enrolment: Enrolment

    @property
    def key(self) -> str:
        """The idempotency key: the same command has the same one."""
        return f"{self.enrolment.id}:{self.kind}"


class NurtureOutbox(Protocol):
    """Takes commands for marketing tools, in the transaction that stores what they are of."""

    async def put(self, connection: AsyncConnection, command: NurtureCommand) -> None:
        """Remember to carry ``command`` out, once."""
        ...


def choose(
    rules: NurtureRules,
    signal: Signal,
    facts: Mapping[str, object],
    *,
    past: Sequence[Enrolment],
    at: datetime,
    is_sayable: Callable[[NurtureSequence], bool] = lambda _: True,
) -> NurtureSequence | None:
    """The first sequence that fits and that the customer may enter; ``past`` are all their enrolments.

    ``is_sayable`` is whether the brand may say now what a sequence says. None where none fits, or the cap is
    reached: then none of the others is entered in its place. Nobody enters the same sequence twice within the
    days of the cap.
    """
    known = {**facts, **facts_of(signal)}
    recent = [one for one in past if at - one.enrolled_at < timedelta(days=rules.cap.within_days)]
    current = [one for one in past if one.left_at is None]
    if len(current) >= rules.cap.at_once or len(recent) >= rules.cap.enrolments:
        return None
    entered = {one.sequence for one in (*recent, *current)}
    fitting = (one for one in rules.sequences if judge(one.when, known, at=at).holds)
    return next((one for one in fitting if one.name not in entered and is_sayable(one)), None)


def read_nurture(file: Path = SHIPPED) -> NurtureRules:
    """The sequences of a YAML file. Raises ``SignalDataInvalid``."""
    return read_data(file, NurtureRules)
