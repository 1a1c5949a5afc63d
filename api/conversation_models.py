"""What conversations and their messages look like on the wire, to customers and to agents."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from api import wire
from api.briefing_models import Insights
from api.claim_models import Objection
from api.triage_models import Entity, TriageLabels
from bot import conversation as values
from bot.claim_review import objections_of
from bot.labels import Labels
from triage.labels import Priority


class Route(BaseModel):
    """Where the turn belongs by the company's rules, else by what triage is sure of."""

    queue: str | None = Field(description="Null where neither says.", examples=["billing"])
    priority: Priority = Field(examples=["P2"])
    tags: list[str] = Field(examples=[["churn"]])
    why: list[str] = Field(
        description="A line for each step.",
        examples=[["repeated contact: priority P3 -> P2, because urgency repeated_contact 0.81 >= 0.6"]],
    )


class MessageTriage(TriageLabels):
    """What triage says of the customer's turn that ends with a message.

    Evidence and entities have their places in the turn's text: that of the message, or the texts of several
    that were answered together, with a line break between each two.
    """

    entities: list[Entity]
    intent_model: str | None = Field(
        description="The version of `GET /v1/triage/models` that told the intent; null: what ships.",
        examples=["20261121-3f9c2a1e77b0"],
    )
    route: Route
    messages: list[str] = Field(description="The messages of the turn.", examples=[[wire.MESSAGE_ID]])

    @classmethod
    def of(cls, labels: Labels) -> Self:
        """``labels`` as they are sent."""
        said = asdict(labels.triage)
        said["priority"]["probabilities"] = dict(labels.triage.priority.probabilities)
        route = {**asdict(labels.route), "tags": list(labels.route.tags), "why": list(labels.route.why)}
        found = {**said, "intent_model": labels.intent_model, "route": route, "messages": labels.messages}
        return cls.model_validate(found)


class Message(BaseModel):
    """One message of a conversation."""

    id: str = Field(examples=[wire.MESSAGE_ID])
    conversation_id: str = Field(examples=[wire.CONVERSATION_ID])
    sequence: int = Field(description="1, 2, 3, ... within the conversation, without gaps.", examples=[2])
    author: values.Author = Field(examples=["bot"])
    text: str = Field(description="Markdown if the bot wrote it.", examples=[wire.QUOTE])
    kind: str = Field(
        description="`message` of a person, `automatic` of a machine that writes in the customer's name; "
        "of the bot `answer`, `clarify`, `handover` or `small_talk`.",
        examples=["answer"],
    )
    created_at: datetime = Field(examples=["2026-11-21T10:00:01Z"])
    citations: list[wire.Citation]
    options: list[str] = Field(
        description="Choices of a clarifying question; each works as the next message.", examples=[[]]
    )
    answerability: float | None = Field(
        description="Calibrated probability that the knowledge base answers the question.", examples=[0.97]
    )
    client_id: str | None = Field(examples=[None])
    reply_to: str | None = Field(examples=["msg_06dbn3v0z7b9d1f3h5k7n9q1s3"])
    triage: MessageTriage | None = Field(
        description="For callers with the scope `agent`, of the customer's messages, once it is there.",
        examples=[None],
    )

    claims: list[Objection] = Field(
        default_factory=list,
        description="For callers with the scope `agent`, of the bot's messages: what it did not say because "
        "the brand does not approve it.",
        examples=[[]],
    )

    @classmethod
    def of(cls, message: values.Message, *, for_agent: bool) -> Self:
        """``message`` as it is sent."""
        objections = objections_of(message.trace) if for_agent else []
        labels = message.labels if for_agent else None
        return cls(
            id=message.id,
            conversation_id=message.conversation_id,
            sequence=message.sequence,
            author=message.author,
            text=message.text,
            kind=message.kind,
            created_at=message.created_at,
            citations=wire.citations(message.citations),
            options=list(message.options),
            answerability=message.answerability,
            client_id=message.client_id,
            reply_to=message.reply_to,
            triage=None if labels is None else MessageTriage.of(labels),
            claims=[Objection.of(one) for one in objections],
        )


class Conversation(BaseModel):
    """One customer's exchange with the bot and, after a handover, with people."""

    id: str = Field(examples=[wire.CONVERSATION_ID])
    channel: str = Field(examples=["api"])
    owner: values.Owner = Field(description="Who answers next.", examples=["bot"])
    status: values.Status = Field(examples=["open"])
    created_at: datetime = Field(examples=["2026-11-21T10:00:00Z"])
    updated_at: datetime = Field(examples=["2026-11-21T10:00:00Z"])
    visitor_id: str | None = Field(examples=[None])
    agent: str | None = Field(description="Who has it, while the owner is `human`.", examples=[None])
    queue: str | None = Field(
        description="Where it waits, while the owner is `queue`; for callers with the scope `agent`.",
        examples=[None],
    )
    priority: Priority | None = Field(
        description="How soon somebody has to look, once it was handed over; for callers with the scope "
        "`agent`.",
        examples=[None],
    )
    language: str | None = Field(description="ISO 639-1.", examples=["en"])

    @classmethod
    def of(cls, conversation: values.Conversation, *, for_agent: bool) -> Self:
        """``conversation`` as it is sent. What its queue is called may say what we think of a customer."""
        return cls(
            id=conversation.id,
            channel=conversation.channel,
            owner=conversation.owner,
            status=conversation.status,
            created_at=conversation.created_at,
            updated_at=conversation.updated_at,
            visitor_id=conversation.visitor_id,
            agent=conversation.agent,
            queue=conversation.queue if for_agent else None,
            priority=conversation.priority if for_agent else None,
            language=conversation.language,
        )


class ConversationPage(BaseModel):
    """Conversations, youngest first; pass ``next`` as ``before`` for the ones opened earlier."""

    items: list[Conversation]
    next: str | None = Field(examples=[None])


class MessagePage(BaseModel):
    """Messages, oldest first; pass ``next`` as ``after`` for the ones that follow."""

    items: list[Message]
    next: int | None = Field(examples=[None])


class Turn(BaseModel):
    """What came of a customer's message.

    ``reply`` is null while a person has the conversation, and to what a machine sent.
    """

    conversation: Conversation
    message: Message
    reply: Message | None

    @classmethod
    def of(cls, result: values.TurnResult, *, for_agent: bool) -> Self:
        """``result`` as it is sent."""
        return cls(
            conversation=Conversation.of(result.conversation, for_agent=for_agent),
            message=Message.of(result.message, for_agent=for_agent),
            reply=Message.of(result.reply, for_agent=for_agent) if result.reply else None,
        )


class Briefing(BaseModel):
    """What a person who takes over should know."""

    reason: str = Field(examples=["asked_for_person"])
    asked: list[str] = Field(
        description="The customer's own words, oldest first.", examples=[[wire.QUESTION]]
    )
    tried: list[str] = Field(description="What the bot answered.", examples=[[wire.QUOTE]])
    sources: list[str] = Field(examples=[["Change your mind: the 14-day cooling-off period"]])
    language: str | None = Field(examples=["en"])
    suggested_next_step: str = Field(examples=["Ask for the order number and cancel the order."])
    insights: Insights | None = Field(description="What triage makes of it; null where triage is off.")

    @classmethod
    def of(cls, briefing: values.Briefing) -> Self:
        """``briefing`` as it is sent."""
        return cls(
            reason=briefing.reason,
            asked=list(briefing.asked),
            tried=list(briefing.tried),
            sources=list(briefing.sources),
            language=briefing.language,
            suggested_next_step=briefing.suggested_next_step,
            insights=Insights.of(briefing.insights) if briefing.insights else None,
        )
