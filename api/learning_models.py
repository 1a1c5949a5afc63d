"""What versions of models and runs of learning look like on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from api.triage_models import MODEL_VERSION
from triage.learning_ledger import LearningRun, StartedBy
from triage.learning_report import Outcome
from triage.registry import ModelState, ModelVersion

Json = dict[str, Any]


class TriageModel(BaseModel):
    """A version of the model that tells intents."""

    version: str = Field(examples=[MODEL_VERSION])
    state: ModelState = Field(
        description="`live` answers; `retired` did; `rejected` was tried and found no better.",
        examples=["live"],
    )
    created_at: datetime = Field(examples=["2026-11-21T02:00:00Z"])
    promoted_at: datetime | None = Field(examples=["2026-11-21T02:00:04Z"])
    promoted_from: str | None = Field(
        description="Where a rollback goes.", examples=["20261114-9d0a44b7c1e2"]
    )
    usable: bool = Field(description="Whether its files are there still.", examples=[True])
    corrections: int = Field(description="How many corrections it learned from.", examples=[148])
    metrics: Json = Field(
        description="How it did against the one before it, on the same messages.",
        examples=[{"hold_out": {"n": 48, "before": 0.81, "after": 0.9}}],
    )

    @classmethod
    def of(cls, model: ModelVersion) -> TriageModel:
        """``model`` as it is sent."""
        return cls(
            version=model.version,
            state=model.state,
            created_at=model.created_at,
            promoted_at=model.promoted_at,
            promoted_from=model.promoted_from,
            usable=model.folder is not None,
            corrections=len(model.provenance.get("corrections", ())),
            metrics=dict(model.metrics),
        )


class TriageModelList(BaseModel):
    """Every version, newest first; none until the workspace has learned for the first time."""

    items: list[TriageModel]


class Learning(BaseModel):
    """A run of learning: under way until ``finished_at`` is there, then with ``outcome`` or ``error``."""

    started_by: StartedBy = Field(examples=["night"])
    started_at: datetime = Field(examples=["2026-11-21T02:00:00Z"])
    finished_at: datetime | None = Field(examples=["2026-11-21T02:00:41Z"])
    outcome: Outcome | None = Field(
        description="`waiting`: there was too little to learn from.", examples=["promoted"]
    )
    live: str | None = Field(description="The version that answers afterwards.", examples=[MODEL_VERSION])
    tried: str | None = Field(description="The version that was judged.", examples=[MODEL_VERSION])
    report: str | None = Field(
        description="For people, a line for each reason and figure.", examples=["Promoted: it is better."]
    )
    figures: Json | None = Field(examples=[{"new": 120, "held_out": 48}])
    error: str | None = Field(description="Why it failed, if it did.", examples=[None])

    @classmethod
    def of(cls, run: LearningRun) -> Learning:
        """``run`` as it is sent."""
        report = run.report or {}
        return cls(
            started_by=run.started_by,
            started_at=run.started_at,
            finished_at=run.finished_at,
            outcome=report.get("outcome"),
            live=report.get("live"),
            tried=report.get("tried"),
            report=report.get("text"),
            figures=report.get("figures"),
            error=run.error,
        )
