"""What the report on second opinions looks like on the wire."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, Field

from triage import opinion_report

_Share = Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 1})]


class Share(BaseModel):
    """``hits`` of ``trials``, and the 95 % interval of that share."""

    hits: int = Field(examples=[31])
    trials: int = Field(examples=[50])
    share: _Share | None = Field(description="Null of nothing.", examples=[0.62])
    low: _Share = Field(examples=[0.48])
    high: _Share = Field(examples=[0.74])

    @classmethod
    def of(cls, share: opinion_report.Share) -> Share:
        """``share`` as it is sent."""
        low, high = share.interval
        return cls(hits=share.hits, trials=share.trials, share=_finite(share.value), low=low, high=high)


class Failures(BaseModel):
    """How often there was no answer, for one reason."""

    code: str = Field(examples=["model_timeout"])
    count: int = Field(examples=[2])


class Gain(BaseModel):
    """By how much the model is right more often than the classifier where they differ, and 95 % interval."""

    value: float = Field(ge=-1, le=1, examples=[0.31])
    low: float = Field(examples=[0.07])
    high: float = Field(examples=[0.5])


class SecondOpinions(BaseModel):
    """What second opinions cost, and whether they are worth it, by what people said of the tickets since."""

    enabled: bool = Field(description="Whether tickets in doubt are sent to a model now.", examples=[True])
    asked: int = Field(examples=[240])
    answered: int = Field(examples=[236])
    none: int = Field(description="Answers that none of the intents on offer fits.", examples=[12])
    over_budget: int = Field(description="Tickets in doubt that were not sent.", examples=[31])
    failures: list[Failures] = Field(examples=[[{"code": "model_timeout", "count": 4}]])
    agreed: Share = Field(description="Answers that agree with the classifier.")
    settled: int = Field(description="Answers about tickets whose intent people said since.", examples=[120])
    put_right: Share = Field(description="Of those that the classifier got wrong, the model got right.")
    classifier_right: Share = Field(description="Of those on which the two differ.")
    opinion_right: Share = Field(description="Of the same.")
    gain: Gain | None = Field(description="Null where they never differed.")
    input_tokens: int = Field(examples=[98400])
    output_tokens: int = Field(examples=[6700])
    uncounted: int = Field(description="Answers whose tokens the server did not count.", examples=[0])
    seconds: float = Field(description="Mean time of an answer.", examples=[0.8])
    tokens_per_correction: float | None = Field(
        description="For each ticket put right on balance; null where none was.", examples=[2300.0]
    )
    cost: float | None = Field(
        description="At the prices of the settings, in their currency; null without prices.", examples=[0.02]
    )
    cost_per_correction: float | None = Field(examples=[0.0005])
    report: str = Field(description="For people, a line for each finding.", examples=["240 asked, ..."])

    @classmethod
    def of(cls, found: opinion_report.SecondOpinionReport, *, enabled: bool) -> SecondOpinions:
        """``found`` as it is sent."""
        low, high = found.gain_interval
        return cls(
            enabled=enabled,
            asked=found.asked,
            answered=found.answered,
            none=found.none,
            over_budget=found.over_budget,
            failures=[Failures(code=code, count=count) for code, count in found.failures],
            agreed=Share.of(found.agreed),
            settled=found.settled,
            put_right=Share.of(found.put_right),
            classifier_right=Share.of(found.classifier_right),
            opinion_right=Share.of(found.opinion_right),
            gain=Gain(value=found.gain, low=low, high=high) if found.differing else None,
            input_tokens=found.input_tokens,
            output_tokens=found.output_tokens,
            uncounted=found.uncounted,
            seconds=found.seconds,
            tokens_per_correction=_finite(found.tokens_per_correction),
            cost=found.cost,
            cost_per_correction=_finite(found.cost_per_correction),
            report=found.text(),
        )


def _finite(value: float | None) -> float | None:
    """``value``, if JSON can say it."""
    return value if value is not None and math.isfinite(value) else None
