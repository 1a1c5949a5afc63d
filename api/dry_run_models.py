"""What a trial of routing rules looks like on the wire."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, model_validator

from api.backfill_models import TICKET
from api.selection_models import SentNumber, TicketSelection
from triage import dry_run
from triage.ticket_dry_run import TicketDryRun

_RULES = {
    "rules": [
        {
            "name": "churn",
            "when": {"signal": "churn_risk", "at_least": 0.7},
            "then": {"queue": "retention", "priority": {"raise_by": 1}},
        }
    ]
}
_LONGEST = 500_000  # characters of YAML


class Against(StrEnum):
    """What the tickets are compared with."""

    RULES = "rules"  # what the rules do that are in force
    RECORDED = "recorded"  # the queues that they are in


class DryRunOrder(TicketSelection):
    """Rules to try, as JSON or as the text of a YAML file, and the tickets to try them on."""

    rules: dict[str, Any] | None = Field(
        None, description="What a file of routing rules holds.", examples=[_RULES]
    )
    yaml: Annotated[str, Field(max_length=_LONGEST)] | None = Field(
        None, description="The same as the text of a file.", examples=[None]
    )
    against: Against = Field(Against.RULES, examples=["rules"])
    most: SentNumber = Field(2000, ge=1, le=5000, description="Of the tickets the newest.")
    examples: SentNumber = Field(5, ge=0, le=50, description="Tickets that are named for each change.")

    @model_validator(mode="after")
    def _has_rules(self) -> Self:
        if (self.rules is None) == (self.yaml is None):
            raise ValueError("give rules or yaml")
        return self

    @property
    def proposed(self) -> dict[str, Any] | str:
        """The rules as they were sent."""
        return self.rules if self.rules is not None else self.yaml or ""


class RuleShare(BaseModel):
    """How many of the changes a rule is responsible for; null: it is the want of one."""

    rule: str | None = Field(examples=["churn"])
    count: int = Field(examples=[412])


class Example(BaseModel):
    """A ticket that changes, and the rule responsible."""

    ticket: str = Field(examples=[TICKET])
    rule: str | None = Field(examples=["churn"])


class Change(BaseModel):
    """So many tickets go from one queue, or priority, to another."""

    before: str = Field(examples=["billing"])
    after: str = Field(examples=["retention"])
    count: int = Field(examples=[412])
    rules: list[RuleShare]
    examples: list[Example]

    @classmethod
    def of(cls, change: dry_run.Change) -> Self:
        """``change`` as it is sent."""
        return cls(
            before=change.before,
            after=change.after,
            count=change.count,
            rules=[RuleShare(rule=rule, count=count) for rule, count in change.rules],
            examples=[Example(ticket=one.ticket, rule=one.rule) for one in change.examples],
        )


class DueChange(BaseModel):
    """How many promises of a kind come sooner or later, and by how many minutes on average."""

    kind: str = Field(examples=["first response"])
    sooner: int = Field(examples=[412])
    later: int = Field(examples=[0])
    made: int = Field(description="There was none before.", examples=[0])
    dropped: int = Field(description="There is none any more.", examples=[0])
    mean_minutes_sooner: float = Field(examples=[180.0])
    mean_minutes_later: float = Field(examples=[0.0])

    @classmethod
    def of(cls, due: dry_run.DueChange) -> Self:
        """``due`` as it is sent."""
        return cls(
            kind=due.kind,
            sooner=due.sooner,
            later=due.later,
            made=due.made,
            dropped=due.dropped,
            mean_minutes_sooner=due.mean_sooner / timedelta(minutes=1),
            mean_minutes_later=due.mean_later / timedelta(minutes=1),
        )


class RoutingDryRun(BaseModel):
    """What would change. Of ``total`` tickets ``compared`` had a queue to compare with."""

    total: int = Field(examples=[5120])
    compared: int = Field(examples=[5120])
    moved: int = Field(description="They would have gone to another queue.", examples=[412])
    raised: int = Field(description="They would have been more urgent.", examples=[412])
    lowered: int = Field(examples=[0])
    not_triaged: int = Field(description="Left out: they have no labels yet.", examples=[0])
    queues: list[Change] = Field(description="Most frequent first.")
    priorities: list[Change]
    dues: list[DueChange] = Field(description="Empty against what was recorded, which has no promises.")

    @classmethod
    def of(cls, found: TicketDryRun) -> Self:
        """``found`` as it is sent."""
        run = found.outcome
        return cls(
            total=run.total,
            compared=run.compared,
            moved=run.moved,
            raised=run.raised,
            lowered=run.lowered,
            not_triaged=found.not_triaged,
            queues=[Change.of(change) for change in run.queues],
            priorities=[Change.of(change) for change in run.priorities],
            dues=[DueChange.of(due) for due in run.dues],
        )
