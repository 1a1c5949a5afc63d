"""What news of connectors looks like on the wire."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from api.customer_models import CUSTOMER_ID
from api.signal_models import SIGNAL_ID
from signals.inbound import news as values
from signals.inbound.news import NewsKind, NewsResult, Tally, Via


class KeptResult(StrEnum):
    """What came of news that is kept; what is ignored is not."""

    TAKEN = "taken"
    REPEATED = "repeated"
    UNMATCHED = "unmatched"
    REFUSED = "refused"


class Received(BaseModel):
    """How much news a call held, by what came of it."""

    taken: int = Field(examples=[1])
    repeated: int = Field(description="Told before, or what is known: nothing changed.", examples=[0])
    unmatched: int = Field(
        description="Of signals or customers that there are not; kept and listed.", examples=[0]
    )
    refused: int = Field(description="Says what cannot be; kept and listed.", examples=[0])
    ignored: int = Field(description="Of a kind that is none of ours; not kept.", examples=[0])

    @classmethod
    def of(cls, tally: Tally) -> Received:
        """``tally`` as it is sent."""
        return cls(**{result.value: tally[result] for result in NewsResult})


class News(BaseModel):
    """One piece of news that a connector told: an outcome of a signal, or a change of consent."""

    id: int = Field(examples=[17])
    kind: NewsKind = Field(examples=["outcome"])
    via: Via = Field(examples=["webhook"])
    result: NewsResult = Field(examples=["unmatched"])
    code: str | None = Field(description="Why it was not taken.", examples=["unknown_signal"])
    detail: str | None = Field(examples=["There is no signal sig_06dbn3v0m5s1t7w9yb2d4f6h8k."])
    signal_id: str | None = Field(description="Of outcomes that were taken.", examples=[SIGNAL_ID])
    customer_id: str | None = Field(description="Of consents that were taken.", examples=[CUSTOMER_ID])
    at: datetime = Field(description="When it came to that.", examples=["2026-11-21T10:00:00Z"])
    received_at: datetime = Field(examples=["2026-11-21T10:00:04Z"])

    @classmethod
    def of(cls, one: values.StoredNews) -> News:
        """``one`` as it is sent."""
        return cls(
            id=one.id,
            kind=one.kind,
            via=one.via,
            result=one.result,
            code=one.code,
            detail=one.detail,
            signal_id=one.signal_id,
            customer_id=one.customer_id,
            at=one.at,
            received_at=one.received_at,
        )


class NewsPage(BaseModel):
    """News, youngest first; ``next`` asks for the page after it."""

    items: list[News]
    next: int | None = Field(examples=[None])
