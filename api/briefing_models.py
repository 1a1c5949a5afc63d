"""What triage makes of a conversation, as the briefing of whoever takes over has it on the wire."""

from __future__ import annotations

from dataclasses import asdict
from typing import Self

from pydantic import BaseModel, Field

from api.triage_models import Probability
from bot import conversation as values
from bot.sentiment import Direction
from triage.labels import Priority

_SAID = {"name": "churn_risk", "probability": 0.83, "quotes": ["I will cancel"], "sequence": 5}


class QuotedLabel(BaseModel):
    """A label of the customer's turn that ends with message number ``sequence``."""

    name: str = Field(examples=["churn_risk"])
    probability: Probability = Field(examples=[0.83])
    quotes: list[str] = Field(description="The words that speak for it.", examples=[["I will cancel"]])
    sequence: int = Field(examples=[5])


class NamedThing(BaseModel):
    """Something the customer named, the last time they did."""

    kind: str = Field(description="Such as `order`, `money`, `date`.", examples=["money"])
    text: str = Field(examples=["12.50"])
    value: str = Field(description="In a normal form.", examples=["12.50"])
    sequence: int = Field(examples=[5])


class SentimentTrend(BaseModel):
    """Where the customer's mood goes: `steady` unless ``slope`` is beyond ``margin`` either way."""

    direction: Direction = Field(examples=["falling"])
    slope: float = Field(description="Levels of sentiment, of five, per turn.", examples=[-0.8])
    margin: float = Field(
        description="95 of 100 slopes are smaller while the mood stays as it is.", examples=[0.46]
    )
    turns: int = Field(examples=[3])


class Mood(BaseModel):
    """How the customer felt last, and since when it has been getting better or worse."""

    last: QuotedLabel
    score: float = Field(description="From -1, very negative, to 1.", examples=[-0.84])
    trend: SentimentTrend | None = Field(description="Null before the third turn.")


class Insights(BaseModel):
    """What triage makes of the conversation."""

    intents: list[QuotedLabel] = Field(description="Of the customer's turns, newest first.", examples=[[]])
    priority: Priority = Field(examples=["P2"])
    reasons: list[QuotedLabel] = Field(description="What raised the priority.", examples=[[]])
    why: list[str] = Field(description="The steps that led to queue and priority.", examples=[[]])
    mood: Mood
    signals: list[QuotedLabel] = Field(description="Each at its surest.", examples=[[_SAID]])
    urgency: list[QuotedLabel] = Field(description="Why it cannot wait.", examples=[[]])
    entities: list[NamedThing] = Field(description="Last named first.", examples=[[]])

    @classmethod
    def of(cls, insights: values.Insights) -> Self:
        """``insights`` as they are sent."""
        return cls.model_validate(asdict(insights))
