"""What bulk triage of stored tickets looks like on the wire."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field, StrictBool

from api.background import Run
from api.selection_models import SelectedTickets, SentNumber, TicketSelection
from triage import label_changes
from triage.backfill import Backfill as StoredBackfill
from triage.backfill import BackfillState

TICKET = "tkt_06dbn3v0m5s1t7w9yb2d4f6h8k"


class BackfillOrder(TicketSelection):
    """Which tickets to label anew, and whether the rules send them on."""

    route: StrictBool = Field(
        True,
        description="Whether they go where the rules would send them now, or stay where the rules sent them "
        "when they came in.",
    )


class BackfillPreviewOrder(BackfillOrder):
    """The same, of the newest tickets only."""

    most: SentNumber = Field(1000, ge=1, le=10_000, description="How many tickets to try.")


class BackfillCounts(BaseModel):
    """How far a run is, and what undoing it did."""

    total: int = Field(examples=[5120])
    done: int = Field(examples=[5120])
    changed: int = Field(description="They got other labels.", examples=[412])
    same: int = Field(description="They had these labels already.", examples=[4708])
    gone: int = Field(description="They were erased meanwhile.", examples=[0])
    restored: int = Field(description="Undone: they have the labels they had before.", examples=[0])
    unchanged: int = Field(description="Undone: they had them already.", examples=[0])
    changed_since: int = Field(
        description="Not undone: somebody has changed their labels since.", examples=[0]
    )


class Backfill(BaseModel):
    """A run of bulk triage.

    ``interrupted`` can be resumed; ``stopped`` was given up for a new one. Either can be undone, as can a
    finished one.
    """

    id: str = Field(examples=["bkf_06dbn3v0m5s1t7w9yb2d4f6h8k"])
    state: BackfillState = Field(examples=["finished"])
    model: str = Field(description="Version of the models that give the labels.", examples=["b81d0c6e4f2a"])
    route: bool = Field(examples=[True])
    tickets: SelectedTickets
    counts: BackfillCounts
    error: str | None = Field(description="Why it was interrupted, if it failed.", examples=[None])
    started_at: datetime = Field(examples=["2026-11-21T02:00:00Z"])
    ended_at: datetime | None = Field(examples=["2026-11-21T02:01:10Z"])

    @classmethod
    def of(cls, run: StoredBackfill) -> Self:
        """``run`` as it is sent."""
        return cls(
            id=run.id,
            state=run.state,
            model=run.model,
            route=run.route,
            tickets=SelectedTickets.of(run.selection),
            counts=BackfillCounts(**asdict(run.counts)),
            error=run.error,
            started_at=run.started_at,
            ended_at=run.ended_at,
        )


class Move(BaseModel):
    """So many tickets get one label instead of another."""

    before: str = Field(description="`(none)` where there was none.", examples=["billing"])
    after: str = Field(examples=["retention"])
    count: int = Field(examples=[212])
    examples: list[str] = Field(description="Tickets to look at.", examples=[[TICKET]])


class LabelChanges(BaseModel):
    """What becomes of one label."""

    label: str = Field(examples=["queue"])
    compared: int = Field(examples=[1000])
    changed: int = Field(examples=[212])
    moves: list[Move] = Field(description="Most frequent first.")


class Changes(BaseModel):
    """What new labels would change. People's own labels stay, and do not count."""

    tickets: int = Field(description="How many were compared.", examples=[1000])
    labels: list[LabelChanges]

    @classmethod
    def of(cls, changes: label_changes.Changes) -> Self:
        """``changes`` as they are sent."""
        return cls(
            tickets=changes.paired,
            labels=[
                LabelChanges(
                    label=label.label,
                    compared=label.compared,
                    changed=label.changed,
                    moves=[
                        Move(
                            before=move.before,
                            after=move.after,
                            count=move.count,
                            examples=list(move.examples),
                        )
                        for move in label.moves
                    ],
                )
                for label in changes.labels
            ],
        )


class BackfillPreview(BaseModel):
    """A trial: under way until ``finished_at`` is there, then with ``changes`` or ``error``."""

    started_at: datetime = Field(examples=["2026-11-21T02:00:00Z"])
    finished_at: datetime | None = Field(examples=["2026-11-21T02:00:11Z"])
    changes: Changes | None
    error: str | None = Field(examples=[None])

    @classmethod
    def of(cls, run: Run[label_changes.Changes]) -> Self:
        """``run`` as it is sent."""
        return cls(
            started_at=run.started_at,
            finished_at=run.finished_at,
            changes=None if run.result is None else Changes.of(run.result),
            error=run.error,
        )
