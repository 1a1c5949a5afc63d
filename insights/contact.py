"""A contact: one conversation or one ticket, as far as a digest looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from triage.labels import Triage

Spans = tuple[tuple[int, int], ...]


class ContactKind(StrEnum):
    """What it is kept as."""

    CONVERSATION = "conversation"
    TICKET = "ticket"


class Ending(StrEnum):
    """How a conversation ended, as far as is known now."""

    CONFIRMED = "confirmed"  # the customer said that it helped, or it was resolved without a person
    ASSUMED = "assumed"  # the bot answered, and the customer wrote no more
    HANDED_OVER = "handed_over"
    ABANDONED = "abandoned"  # the customer left a question back open, did not like the answer, or got none


class ReplyKind(StrEnum):
    """What the bot did; as ``bot.answer.AnswerKind`` names it."""

    ANSWER = "answer"
    CLARIFY = "clarify"
    HANDOVER = "handover"
    SMALL_TALK = "small_talk"


@dataclass(frozen=True, slots=True)
class Heard:
    """A signal that triage read in a turn: how likely, in [0, 1], and the words [start, end) that say so."""

    probability: float
    spans: Spans


@dataclass(frozen=True, slots=True)
class Turn:
    """What a customer wrote at once.

    ``intent`` is none where triage cannot say; ``sentiment`` is in [-1, 1], ``is_unhappy`` says that a
    negative one is the likeliest; both say nothing where it was not triaged. ``triage`` is what models said,
    of conversations alone.
    """

    id: str
    text: str
    at: datetime
    intent: str | None = None
    sentiment: float | None = None
    is_unhappy: bool = False
    signals: Mapping[str, Heard] = field(default_factory=dict)
    triage: Triage | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot said to the turn ``to``; ``reason`` is why it handed over, ``rating`` the customer's."""

    id: str
    to: str | None
    kind: ReplyKind
    at: datetime
    reason: str | None = None
    rating: str | None = None


@dataclass(frozen=True, slots=True)
class AgentMessage:
    """What a person of the company wrote."""

    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact, in the order in which things were said.

    ``personal`` are values that are known to be personal data of it, each with its kind (``name``,
    ``email``, ...), beside what rules find. ``handed_over_at`` is when the bot gave it to people in the time
    that is looked at; ``with_people`` says that they had it, since then or before.
    """

    kind: ContactKind
    id: str
    channel: str
    at: datetime
    turns: tuple[Turn, ...]
    replies: tuple[Reply, ...] = ()
    agents: tuple[AgentMessage, ...] = ()
    handed_over_at: datetime | None = None
    with_people: bool = False
    resolved: bool = False
    personal: Mapping[str, str] = field(default_factory=dict)

    @property
    def intents(self) -> tuple[str, ...]:
        """What it is about, each once, in the order in which it came up."""
        return tuple(dict.fromkeys(turn.intent for turn in self.turns if turn.intent is not None))

    @property
    def sentiment(self) -> float | None:
        """The mean of its turns' sentiments, in [-1, 1]; none where nothing was triaged."""
        scores = [turn.sentiment for turn in self.turns if turn.sentiment is not None]
        return sum(scores) / len(scores) if scores else None

    @property
    def is_unhappy(self) -> bool:
        """Whether the customer was unhappy in any of its turns."""
        return any(turn.is_unhappy for turn in self.turns)

    @property
    def questions(self) -> tuple[Turn, ...]:
        """Its turns but for greetings and thanks."""
        polite = {reply.to for reply in self.replies if reply.kind is ReplyKind.SMALL_TALK}
        return tuple(turn for turn in self.turns if turn.id not in polite)

    @property
    def ending(self) -> Ending | None:
        """How it ended; none for tickets, and for conversations in which nobody asked anything."""
        if self.kind is ContactKind.TICKET or not self.questions:
            return None
        if self.with_people:
            return Ending.HANDED_OVER
        ratings = [reply.rating for reply in self.replies if reply.rating is not None]
        if self.resolved or (ratings and ratings[-1] == "up"):
            return Ending.CONFIRMED
        last = self.replies[-1] if self.replies else None
        if last is None or last.at < self.turns[-1].at or last.kind is ReplyKind.CLARIFY:
            return Ending.ABANDONED
        return Ending.ABANDONED if ratings else Ending.ASSUMED

    @property
    def first_response(self) -> timedelta | None:
        """How long the customer waited for the first word of bot or person; none where none came."""
        asked = self.turns[0].at
        said = [*(reply.at for reply in self.replies), *(message.at for message in self.agents)]
        return min((at - asked for at in said if at >= asked), default=None)

    @property
    def person_came_at(self) -> datetime | None:
        """When a person first wrote after it was handed over."""
        handed_over = self.handed_over_at
        if handed_over is None:
            return None
        return next((message.at for message in self.agents if message.at >= handed_over), None)

    def heard(self, signal: str, threshold: float) -> tuple[Turn, Heard] | None:
        """Where ``signal`` is likeliest, if it is as likely as ``threshold`` there."""
        found = [(turn, turn.signals[signal]) for turn in self.turns if signal in turn.signals]
        surest = max(found, key=lambda one: one[1].probability, default=None)
        return surest if surest is not None and surest[1].probability >= threshold else None
