"""What requests share: names, texts, channels; and what citations look like on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from bot import conversation as values
from bot.answer import Citation as CitationValue
from bot.intake import LONGEST_MESSAGE
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
