"""What signals were worth, on the wire."""

from __future__ import annotations

from pydantic import BaseModel, Field

from signals import precision as found
from signals.connectors.connector import OutcomeKind


class Interval(BaseModel):
    """A share with its 95 % interval (Wilson)."""

    share: float = Field(examples=[0.72])
    low: float = Field(examples=[0.6])
    high: float = Field(examples=[0.82])

    @classmethod
    def of(cls, interval: found.Interval | None) -> Interval | None:
        """``interval`` as it is sent."""
        return None if interval is None else cls(share=interval.share, low=interval.low, high=interval.high)


class Precision(BaseModel):
    """What the signals of one group were worth."""

    group: str = Field(examples=["churn_risk by triage"])
    told: int = Field(examples=[60])
    counts: dict[OutcomeKind, int] = Field(examples=[{"won": 20, "lost": 12, "noise": 8}])
    disputed: int = Field(examples=[1])
    precision: Interval | None = Field(description="Share of those settled that were no noise.")
    win_rate: Interval | None = Field(description="Share of won among won and lost.")
    lead_days: float | None = Field(description="Median of days until it was settled.", examples=[3.5])
    revenue: dict[str, float] = Field(description="What was won, by currency.", examples=[{"GBP": 9600.0}])

    @classmethod
    def of(cls, precision: found.Precision) -> Precision:
        """``precision`` as it is sent."""
        return cls(
            group=precision.group,
            told=precision.told,
            counts=dict(precision.counts),
            disputed=precision.disputed,
            precision=Interval.of(precision.precision),
            win_rate=Interval.of(precision.win_rate),
            lead_days=precision.lead_days,
            revenue=dict(precision.revenue),
        )


class PrecisionReport(BaseModel):
    """All signals together, by kind, and by source within each kind."""

    total: Precision
    by_kind: list[Precision]
    by_source: list[Precision]

    @classmethod
    def of(cls, report: found.PrecisionReport) -> PrecisionReport:
        """``report`` as it is sent."""
        return cls(
            total=Precision.of(report.total),
            by_kind=[Precision.of(one) for one in report.by_kind],
            by_source=[Precision.of(one) for one in report.by_source],
        )
