"""What is to be expected, as it is sent: who may leave, how many contacts come, what spikes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field

from api.customer_models import Customer
from signals.duties import Done
from signals.predictions.churn import ChurnScore
from signals.predictions.churn_watch import HORIZON, ChurnOutlook, TooFewLeft

_MADE = "2026-11-21T03:00:00Z"


class ChurnContribution(BaseModel):
    """What one number about a customer adds to the logit, against an average customer."""

    feature: str = Field(examples=["failed_payments_90d"])
    value: float | None = Field(description="Null where nothing is known.", examples=[2.0])
    logit: float = Field(examples=[1.31])


class Churn(BaseModel):
    """How probable it is that a customer leaves within `days`, or why nobody can say."""

    days: int = Field(examples=[HORIZON.days])
    probability: float | None = Field(description="Calibrated, 0 to 1.", examples=[0.23])
    contributions: list[ChurnContribution] = Field(description="The strongest first.")
    fitted_at: datetime | None = Field(examples=[_MADE])
    trained_on: int | None = Field(description="Customers.", examples=[2140])
    why_not: str | None = Field(
        description="Why there is no probability.", examples=["12 of 25 customers who left are known."]
    )

    @classmethod
    def of(cls, found: ChurnOutlook | TooFewLeft | None) -> Churn:
        """``found`` as it is sent."""
        match found:
            case None:
                return cls._without("No night has passed yet in which it was worked out.")
            case TooFewLeft():
                return cls._without(
                    f"Not enough data: {found.left} of {found.needed} customers who left are known, "
                    f"and {found.stayed} of {found.needed} who stayed."
                )
            case ChurnOutlook(score=ChurnScore() as score):
                return cls(
                    days=HORIZON.days,
                    probability=score.probability,
                    contributions=[
                        ChurnContribution(feature=one.feature, value=one.value, logit=one.logit)
                        for one in score.contributions
                    ],
                    fitted_at=found.fitted_at,
                    trained_on=found.trained_on,
                    why_not=None,
                )
            case ChurnOutlook():
                return cls._without("The customer has left.", found)

    @classmethod
    def _without(cls, why: str, found: ChurnOutlook | None = None) -> Churn:
        return cls(
            days=HORIZON.days,
            probability=None,
            contributions=[],
            fitted_at=None if found is None else found.fitted_at,
            trained_on=None if found is None else found.trained_on,
            why_not=why,
        )


class CustomerInFull(Customer):
    """A customer with what is to be expected of them."""

    churn: Churn | None = Field(description="Null where nothing is predicted here.")


class ForecastDay(BaseModel):
    """Contacts of one day; `low` to `high` holds them with the forecast's coverage."""

    day: date = Field(examples=["2026-11-23"])
    expected: float = Field(examples=[81.4])
    low: float = Field(examples=[63.0])
    high: float = Field(examples=[102.5])


class Shortage(BaseModel):
    """The first week whose contacts outrun what the queue's people can answer."""

    week: date = Field(description="Its first day.", examples=["2026-12-07"])
    expected: float = Field(examples=[612.0])
    capacity: float = Field(examples=[470.0])
    growth: float | None = Field(
        description="Against the mean of the last four weeks; null where those had no contact.",
        examples=[0.31],
    )
    short_days: list[date] = Field(examples=[["2026-12-07"]])
    sure: bool = Field(description="Whether some day is short even at its low end.", examples=[True])
    reason: str = Field(
        examples=["billing: 612 contacts expected in the week from 2026-12-07, 470 can be answered."]
    )


class QueueForecast(BaseModel):
    """The days to come of a queue; none, where its history is shorter than `days_needed`."""

    queue: str = Field(examples=["billing"])
    days_known: int = Field(description="Days of history.", examples=[412])
    days_needed: int | None = Field(None, examples=[None])
    why: str | None = Field(
        None, description="Why there is no forecast, where history is long enough.", examples=[None]
    )
    coverage: float | None = Field(None, examples=[0.9])
    days: list[ForecastDay] = []
    shortage: Shortage | None = None


class ContactForecast(BaseModel):
    """Every queue that had a contact. `made_at` is null before the first night."""

    made_at: datetime | None = Field(examples=[_MADE])
    queues: list[QueueForecast]
    error: str | None = Field(description="Why the last night made none.", examples=[None])

    @classmethod
    def of(cls, done: Done | None) -> ContactForecast:
        """What came of the last night, as it is sent."""
        result = _result(done)
        return cls(
            made_at=None if done is None else done.finished_at,
            queues=[QueueForecast(**queue) for queue in result.get("queues", [])],
            error=None if done is None else done.error,
        )


class Incident(BaseModel):
    """An intent of which more came than is usual; open while `ended_at` is null."""

    intent: str = Field(examples=["network.outage"])
    since: datetime = Field(examples=["2026-11-21T09:05:00Z"])
    at: datetime = Field(description="When it was certain.", examples=["2026-11-21T09:20:00Z"])
    count: int = Field(description="Contacts from `since` to `at`.", examples=[31])
    expected: float = Field(description="Contacts that would have been usual.", examples=[4.2])
    ended_at: datetime | None = Field(examples=[None])


class IncidentList(BaseModel):
    """Incidents that are open, and those of the last seven days that are over, youngest first."""

    looked_at: datetime | None = Field(
        description="Up to when contacts were looked at; null while too little is known.",
        examples=["2026-11-21T09:20:00Z"],
    )
    items: list[Incident]
    days_known: int | None = Field(
        None, description="Days of contacts, where they are too few.", examples=[None]
    )
    days_needed: int | None = Field(None, examples=[None])
    error: str | None = Field(description="Why the last look found nothing out.", examples=[None])

    @classmethod
    def of(cls, done: Done | None) -> IncidentList:
        """What came of the last look, as it is sent."""
        result = _result(done)
        return cls(
            looked_at=result.get("looked_at"),
            items=[Incident(**incident) for incident in result.get("incidents", [])],
            days_known=result.get("days_known"),
            days_needed=result.get("days_needed"),
            error=None if done is None else done.error,
        )


def _result(done: Done | None) -> Mapping[str, Any]:
    return {} if done is None or done.result is None else done.result
