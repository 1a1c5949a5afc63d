"""What tickets and their corrections look like on the wire."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field

from api import wire
from api.triage_models import TEXT, Facts, Headers, Json, Routing, Subject, Text, TriageLabels
from triage.corrections import Correction as MadeCorrection
from triage.corrections import CorrectionSource, LabelKind
from triage.labels import Certainty, Priority
from triage.message import Message
from triage.opinion_store import StoredOpinion

_DAY = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
TICKET_ID = "tkt_06dbn3v0m5s1t7w9yb2d4f6h8k"
CORRECTION = {"kind": "intent", "became": "billing.refund_request"}


def _within_utc(moment: datetime) -> datetime:
    """The first and the last days of the calendar do not exist in every time zone."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return _FIRST if moment.year == 1 else _LAST


def _not_seconds(value: object) -> object:
    """A number is refused: seconds or milliseconds, since when?"""
    if isinstance(value, int | float) or (isinstance(value, str) and not _DAY.match(value)):
        raise ValueError("it is not a moment such as 2026-01-31T09:00:00+01:00")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_not_seconds), AfterValidator(_within_utc)]


class NewTicket(wire.Body):
    """A ticket as it comes in; ``source`` says whose ``external_id`` it is."""

    text: Text
    subject: Subject = None
    headers: Headers = Field(default_factory=dict)
    channel: wire.Channel = Field("api", examples=["email"])
    source: wire.Channel = Field(
        "api", description="Where it is from: a helpdesk, say.", examples=["zendesk"]
    )
    external_id: wire.Name | None = Field(
        None,
        description="Its id there: the same one twice is the same ticket. Null makes a new one each time.",
        examples=["48213"],
    )
    customer: Facts = Field(default_factory=dict)

    @property
    def message(self) -> Message:
        """What a triager reads of it."""
        return Message(self.text, self.subject, self.headers)


class SecondOpinion(BaseModel):
    """What a language model said of a ticket that triage was not sure of. It changes nothing."""

    classifier: str = Field(
        description="The intent that was the likeliest then.", examples=["billing.bill_higher_than_expected"]
    )
    label: str | None = Field(
        description="One of `candidates`; null where none of them fits, or there is no answer.",
        examples=["billing.refund_request"],
    )
    agrees: bool | None = Field(description="Null without an answer.", examples=[False])
    reason: str = Field(examples=["The customer asks for money back."])
    candidates: list[str] = Field(examples=[["billing.bill_higher_than_expected", "billing.refund_request"]])
    model: str = Field(examples=["gpt-4o-mini"])
    prompt: str = Field(
        description="Its name and a hash of its text.", examples=["second_opinion@6b1f0c2a9d3e"]
    )
    input_tokens: int | None = Field(examples=[412])
    output_tokens: int | None = Field(examples=[28])
    seconds: float = Field(examples=[0.8])
    failure: str | None = Field(
        description="Why there is no answer; `over_budget` where the model was not asked.", examples=[None]
    )
    at: datetime = Field(examples=["2026-11-21T10:00:01Z"])

    @classmethod
    def of(cls, stored: StoredOpinion) -> SecondOpinion:
        """``stored`` as it is sent."""
        opinion = stored.opinion
        return cls(
            classifier=opinion.classifier,
            label=opinion.label,
            agrees=opinion.agrees,
            reason=opinion.reason,
            candidates=list(opinion.candidates),
            model=opinion.model,
            prompt=opinion.prompt,
            input_tokens=opinion.input_tokens,
            output_tokens=opinion.output_tokens,
            seconds=opinion.seconds,
            failure=opinion.failure,
            at=stored.at,
        )


class Ticket(BaseModel):
    """A message with what the models said of it, where the rules sent it and what people said.

    ``intent``, ``queue``, ``priority`` and ``certainty`` are what people said, else the rules, else the
    models.
    """

    id: str = Field(examples=[TICKET_ID])
    source: str = Field(examples=["zendesk"])
    external_id: str = Field(examples=["48213"])
    channel: str = Field(examples=["email"])
    subject: str = Field(examples=["Wrong bill"])
    text: str = Field(examples=[TEXT])
    customer: Json = Field(examples=[{"tier": "enterprise"}])
    intent: str | None = Field(examples=["billing.refund_request"])
    queue: str | None = Field(examples=["retention"])
    priority: Priority | None = Field(examples=["P2"])
    certainty: Certainty | None = Field(examples=["sure"])
    labels: TriageLabels | None = Field(description="What the models said; null while nothing was.")
    routing: Routing | None = Field(description="What the rules said when it came in.")
    final_labels: Json = Field(
        description="What people said, by kind; of signals and urgency, whether each that was named holds.",
        examples=[{"intent": "billing.refund_request", "signal": {"churn_risk": True}}],
    )
    second_opinion: SecondOpinion | None = Field(
        description="Of tickets that triage was not sure of, where a language model is asked; seconds later."
    )
    created_at: datetime = Field(examples=["2026-11-21T10:00:00Z"])
    updated_at: datetime = Field(examples=["2026-11-21T10:02:00Z"])


class CreatedTicket(BaseModel):
    """The ticket, and whether it was made just now or had been before: then it is as it was."""

    created: bool = Field(examples=[True])
    ticket: Ticket


class TicketPage(BaseModel):
    """Tickets, youngest first; pass ``next`` as ``before`` for the ones made earlier."""

    items: list[Ticket]
    next: str | None = Field(examples=[None])


class ErasedTicket(BaseModel):
    """What went with a ticket: every correction of its text."""

    corrections: int = Field(examples=[2])


class NewCorrection(wire.Body):
    """What a label should have been.

    Of signals and urgency there may be several: ``became`` adds one, ``was`` alone takes one away.
    """

    kind: LabelKind = Field(examples=["intent"])
    became: wire.Name | None = Field(
        None,
        description="The right label; the one that is there confirms it.",
        examples=[CORRECTION["became"]],
    )
    was: wire.Name | None = Field(
        None, description="What it was; what the ticket says unless given.", examples=[None]
    )
    new: bool = Field(
        False,
        description="Introduces an intent or a queue that `GET /v1/triage/taxonomy` does not have.",
        examples=[False],
    )


class Correction(BaseModel):
    """Somebody's word on one label; a withdrawn one counts for nothing."""

    id: int = Field(examples=[17])
    kind: LabelKind = Field(examples=["intent"])
    was: str | None = Field(examples=["billing.bill_higher_than_expected"])
    became: str | None = Field(examples=["billing.refund_request"])
    who: str = Field(description="Id of the key that said so.", examples=["key_06dbn3v0m5s1t7w9yb2d4f6h8k"])
    source: CorrectionSource = Field(examples=["api"])
    at: datetime = Field(examples=["2026-11-21T10:02:00Z"])
    withdrawn_at: datetime | None = Field(examples=[None])

    @classmethod
    def of(cls, correction: MadeCorrection) -> Correction:
        """``correction`` as it is sent."""
        return cls(
            id=correction.id or 0,
            kind=correction.kind,
            was=correction.was,
            became=correction.became,
            who=correction.who,
            source=correction.source,
            at=correction.at,
            withdrawn_at=correction.withdrawn_at,
        )


class CorrectedTicket(BaseModel):
    """The correction, made or withdrawn, and the ticket as it is after it."""

    correction: Correction
    ticket: Ticket


class CorrectionList(BaseModel):
    """Every correction of a ticket, oldest first."""

    items: list[Correction]
