"""Which stored tickets a request is about."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from api import wire
from api.ticket_models import Moment
from triage.labels import Certainty
from triage.stored_tickets import Selection


def _is_text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("it is not a moment such as 2026-01-31T09:00:00+01:00")  # noqa: TRY004 (pydantic's)
    return value


def _is_number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("it is not a whole number")  # noqa: TRY004 (pydantic's)
    return value


# In a body, where JSON tells numbers, texts and truth apart, and 3.0 is an integer.
SentNumber = Annotated[int, BeforeValidator(_is_number)]
SentMoment = Annotated[Moment, BeforeValidator(_is_text)]


class TicketSelection(wire.Body):
    """Stored tickets; what is null asks for all. Made from ``since`` on and before ``until``."""

    queue: wire.Name | None = Field(None, examples=[None])
    intent: wire.Name | None = Field(None, examples=[None])
    certainty: list[Certainty] = Field(
        default_factory=list,
        max_length=len(Certainty),
        description="Any of these; empty: all.",
        examples=[[]],
    )
    since: SentMoment | None = Field(None, examples=["2026-10-21T00:00:00Z"])
    until: SentMoment | None = Field(None, examples=[None])

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError("until must be later than since")
        return self

    @property
    def selection(self) -> Selection:
        """The same for the layers below."""
        return Selection(self.queue, self.intent, tuple(self.certainty), self.since, self.until)


class SelectedTickets(BaseModel):
    """Which stored tickets were asked for; what is null or empty was not."""

    queue: str | None = Field(examples=[None])
    intent: str | None = Field(examples=[None])
    certainty: list[Certainty] = Field(examples=[[]])
    since: datetime | None = Field(examples=["2026-10-21T00:00:00Z"])
    until: datetime | None = Field(examples=[None])

    @classmethod
    def of(cls, selection: Selection) -> Self:
        """``selection`` as it is sent."""
        return cls(
            queue=selection.queue,
            intent=selection.intent,
            certainty=list(selection.certainty),
            since=selection.since,
            until=selection.until,
        )
