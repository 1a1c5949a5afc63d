"""What conversations, messages and citations look like on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from bot import conversation as values
from bot.answer import Citation as CitationValue
from bot.assistant import LONGEST_MESSAGE
from knowledge_base.records import VersionRecord

CONVERSATION_ID = "conv_06dbn3v0m5s1t7w9yb2d4f6h8k"
MESSAGE_ID = "msg_06dbn3v1c8e0g2j4n6q8s0v2x4"
QUESTION = "How long do I have to change my mind?"
QUOTE = "You have 14 days to call off a new order, a renewal or an upgrade, for whatever reason."

# Something visible, and no NUL, which PostgreSQL cannot store.
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_MESSAGE, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
Name = Annotated[
    str,
    Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"),
]
ShortName = Annotated[
    str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")
]
Channel = Annotated[str, Field(pattern="^[a-z][a-z0-9_-]{0,39}$")]


FromOne = Path(ge=1, le=10_000, description="From 1.", examples=[1])


class Body(BaseModel):
    """A request body: a field that is not known is refused rather than ignored."""

    model_config = ConfigDict(extra="forbid")


class Citation(BaseModel):
    """Where a sentence of an answer stands. ``quote`` is ``text[start:end]`` of the version, verbatim."""

    number: int = Field(
        description="From 1; the same passage keeps its number within a message.", examples=[1]
    )
    sentence: int = Field(description="Which sentence of the answer it supports, from 0.", examples=[0])
    quote: str = Field(examples=[QUOTE])
    start: int = Field(description="Offset in the version's text, in characters (code points).", examples=[0])
    end: int = Field(examples=[len(QUOTE)])
    title: str = Field(examples=["Change your mind: the 14-day cooling-off period"])
    headings: list[str] = Field(examples=[["What you pay"]])
    url: str | None = Field(examples=[None])
    document_id: str = Field(examples=["doc_06dbmzzx2c4e6g8j0m2p4r6t8w"])
    version_id: str = Field(examples=["ver_06dbmzzx3d5f7h9k1n3q5s7v9x"])
    support: float = Field(
        description="Probability that the quote says what the sentence says.", examples=[1.0]
    )


class Message(BaseModel):
    """One message of a conversation."""

    id: str = Field(examples=[MESSAGE_ID])
    conversation_id: str = Field(examples=[CONVERSATION_ID])
    sequence: int = Field(description="1, 2, 3, ... within the conversation, without gaps.", examples=[2])
    author: values.Author = Field(examples=["bot"])
    text: str = Field(description="Markdown if the bot wrote it.", examples=[QUOTE])
    kind: str = Field(
        description="`message` of a person; of the bot `answer`, `clarify`, `handover` or `small_talk`.",
        examples=["answer"],
    )
    created_at: datetime = Field(examples=["2026-11-21T10:00:01Z"])
    citations: list[Citation]
    options: list[str] = Field(
        description="Choices of a clarifying question; each works as the next message.", examples=[[]]
    )
    answerability: float | None = Field(
        description="Calibrated probability that the knowledge base answers the question.", examples=[0.97]
    )
    client_id: str | None = Field(examples=[None])
    reply_to: str | None = Field(examples=["msg_06dbn3v0z7b9d1f3h5k7n9q1s3"])

    @classmethod
    def of(cls, message: values.Message) -> Message:
        """``message`` as it is sent."""
        return cls(
            id=message.id,
            conversation_id=message.conversation_id,
            sequence=message.sequence,
            author=message.author,
            text=message.text,
            kind=message.kind,
            created_at=message.created_at,
            citations=citations(message.citations),
            options=list(message.options),
            answerability=message.answerability,
            client_id=message.client_id,
            reply_to=message.reply_to,
        )


class Conversation(BaseModel):
    """One customer's exchange with the bot and, after a handover, with people."""

    id: str = Field(examples=[CONVERSATION_ID])
    channel: str = Field(examples=["api"])
    owner: values.Owner = Field(description="Who answers next.", examples=["bot"])
    status: values.Status = Field(examples=["open"])
    created_at: datetime = Field(examples=["2026-11-21T10:00:00Z"])
    updated_at: datetime = Field(examples=["2026-11-21T10:00:00Z"])
    visitor_id: str | None = Field(examples=[None])
    agent: str | None = Field(description="Who has it, while the owner is `human`.", examples=[None])
    queue: str | None = Field(description="Where it waits, while the owner is `queue`.", examples=[None])
    language: str | None = Field(description="ISO 639-1.", examples=["en"])

    @classmethod
    def of(cls, conversation: values.Conversation) -> Conversation:
        """``conversation`` as it is sent."""
        return cls(
            id=conversation.id,
            channel=conversation.channel,
            owner=conversation.owner,
            status=conversation.status,
            created_at=conversation.created_at,
            updated_at=conversation.updated_at,
            visitor_id=conversation.visitor_id,
            agent=conversation.agent,
            queue=conversation.queue,
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
    """What came of a customer's message. ``reply`` is null while a person has the conversation."""

    conversation: Conversation
    message: Message
    reply: Message | None

    @classmethod
    def of(cls, result: values.TurnResult) -> Turn:
        """``result`` as it is sent."""
        return cls(
            conversation=Conversation.of(result.conversation),
            message=Message.of(result.message),
            reply=Message.of(result.reply) if result.reply else None,
        )


class Briefing(BaseModel):
    """What a person who takes over should know."""

    reason: str = Field(examples=["asked_for_person"])
    asked: list[str] = Field(description="The customer's own words, oldest first.", examples=[[QUESTION]])
    tried: list[str] = Field(description="What the bot answered.", examples=[[QUOTE]])
    sources: list[str] = Field(examples=[["Change your mind: the 14-day cooling-off period"]])
    language: str | None = Field(examples=["en"])
    suggested_next_step: str = Field(examples=["Ask for the order number and cancel the order."])

    @classmethod
    def of(cls, briefing: values.Briefing) -> Briefing:
        """``briefing`` as it is sent."""
        return cls(
            reason=briefing.reason,
            asked=list(briefing.asked),
            tried=list(briefing.tried),
            sources=list(briefing.sources),
            language=briefing.language,
            suggested_next_step=briefing.suggested_next_step,
        )


class QuotedDocument(BaseModel):
    """A document as it was when it was quoted; the quote is ``text[start:end]``, in code points."""

    document_id: str = Field(examples=["doc_06dbmzzx2c4e6g8j0m2p4r6t8w"])
    version_id: str = Field(examples=["ver_06dbmzzx3d5f7h9k1n3q5s7v9x"])
    title: str = Field(examples=["Change your mind: the 14-day cooling-off period"])
    text: str = Field(description="Markdown.", examples=[QUOTE])
    start: int = Field(examples=[0])
    end: int = Field(examples=[len(QUOTE)])
    url: str | None = Field(examples=[None])
    updated_at: datetime | None = Field(description="As its source says.", examples=["2026-05-20T00:00:00Z"])
    current: bool = Field(description="Whether the document still reads like this.", examples=[True])

    @classmethod
    def of(cls, version: VersionRecord, *, start: int, end: int) -> QuotedDocument:
        """The place ``start`` to ``end`` of ``version``."""
        return cls(
            document_id=version.document_id,
            version_id=version.id,
            title=version.title,
            text=version.text,
            start=start,
            end=end,
            url=version.url,
            updated_at=version.updated_at,
            current=version.current,
        )


def citations(cited: Iterable[values.CitedSentence]) -> list[Citation]:
    """Citations as they are sent, numbered from 1 by first appearance of the place they quote."""
    numbers: dict[tuple[str, int, int], int] = {}
    return [_citation(item, numbers) for item in cited]


def places(cited: Sequence[values.CitedSentence]) -> Mapping[int, CitationValue]:
    """The quoted places by the number under which ``citations`` sends them."""
    numbers: dict[tuple[str, int, int], int] = {}
    return {_citation(item, numbers).number: item.citation for item in cited}


def _citation(cited: values.CitedSentence, numbers: dict[tuple[str, int, int], int]) -> Citation:
    citation = cited.citation
    place = (citation.version_id, citation.start, citation.end)
    return Citation(
        number=numbers.setdefault(place, len(numbers) + 1),
        sentence=cited.sentence,
        quote=citation.quote,
        start=citation.start,
        end=citation.end,
        title=citation.title,
        headings=list(citation.headings),
        url=citation.url,
        document_id=citation.document_id,
        version_id=citation.version_id,
        support=cited.support,
    )
