"""What a conversation is: messages in order, one owner at any time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.answer import Citation
from bot.labels import Labels
from bot.sentiment import SentimentTrend
from kit.ids import ConversationId, MessageId, WorkspaceId
from triage.labels import Priority

MESSAGE = "message"  # kind of what a person wrote
AUTOMATIC = "automatic"  # kind of a message that a machine sent in the customer's name


class Owner(StrEnum):
    """Who answers the customer next."""

    BOT = "bot"
    QUEUE = "queue"  # waiting for a person
    HUMAN = "human"


class Status(StrEnum):
    """Whether anything is still owed to the customer."""

    OPEN = "open"
    RESOLVED = "resolved"


class Author(StrEnum):
    """Who wrote a message."""

    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"


class Rating(StrEnum):
    """What a customer thought of a message."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One customer's exchange with the bot and, after a handover, with people.

    ``agent`` is set while a human owns it, ``queue`` while it waits in one, ``priority`` where triage gave
    one when the bot handed it over. ``visitor_id`` is set when a visitor of the chat page opened it: only
    that visitor's token reaches it.
    """

    id: ConversationId
    workspace_id: WorkspaceId
    channel: str
    owner: Owner
    status: Status
    created_at: datetime
    updated_at: datetime
    visitor_id: str | None = None
    agent: str | None = None
    queue: str | None = None
    priority: Priority | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class CitedSentence:
    """A citation of the answer's sentence number ``sentence`` (from 0), with its support in [0, 1]."""

    sentence: int
    citation: Citation
    support: float


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``sequence`` counts 1, 2, 3, ... within the conversation, without gaps.

    ``kind`` is ``message`` for people, ``AUTOMATIC`` for machines that write in their name and an
    ``AnswerKind`` for the bot. ``reply_to`` is the customer message that a bot message answers;
    ``answerability`` in [0, 1] and ``trace`` are the bot's only. ``labels`` are of the customer's turn that
    ends with the message.
    """

    id: MessageId
    conversation_id: ConversationId
    sequence: int
    author: Author
    text: str
    kind: str
    created_at: datetime
    citations: tuple[CitedSentence, ...] = ()
    options: tuple[str, ...] = ()
    answerability: float | None = None
    trace: Mapping[str, object] = field(default_factory=dict)
    client_id: str | None = None
    reply_to: MessageId | None = None
    labels: Labels | None = None


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What came of one customer message.

    ``reply`` is none while a person owns the conversation and to what a machine sent, and shared by the
    messages of one burst.
    """

    conversation: Conversation
    message: Message
    reply: Message | None


class EventKind(StrEnum):
    """What a stream tells its reader."""

    MESSAGE = "message"  # a whole message: payload {"message_id", "sequence", "author", "reply_to"}
    LABELS = "labels"  # what triage says of a message: payload {"message_id", "sequence"}
    OWNER = "owner"  # payload {"owner", "agent", "queue", "priority", "reason"}
    STATUS = "status"  # payload {"status"}
    FEEDBACK = "feedback"
    TOKEN = "token"  # a piece of a reply under way: {"reply_to", "offset", "text"}; not stored  # noqa: S105
    DONE = "done"  # the turn is over: {"message_id" or null}; not stored


@dataclass(frozen=True, slots=True)
class ConversationEvent:
    """One event of a conversation.

    ``id`` grows by age and is what ``Last-Event-ID`` refers to; an event that is not stored carries
    the id of the last stored one, so resuming from it repeats nothing that was stored and loses nothing.
    ``message`` is the whole message for ``MESSAGE`` and ``LABELS`` events.
    """

    id: int
    kind: EventKind
    payload: Mapping[str, object]
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class BriefedLabel:
    """A label of the turn that ends with message number ``sequence``, and the words that speak for it."""

    name: str
    probability: float
    quotes: tuple[str, ...]
    sequence: int


@dataclass(frozen=True, slots=True)
class BriefedEntity:
    """Something the customer named, such as an order or an amount; ``value`` in a normal form."""

    kind: str
    text: str
    value: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Mood:
    """How the customer felt last, ``score`` in [-1, 1], and where that has been going."""

    last: BriefedLabel
    score: float
    trend: SentimentTrend | None


@dataclass(frozen=True, slots=True)
class Insights:
    """What triage makes of a conversation.

    ``intents`` are those of the customer's turns, newest first; ``signals`` and ``urgency`` each at its
    surest. ``priority`` is that of the conversation, else of the last turn; ``reasons`` raised it above what
    is usual, and ``why`` are the steps that led to the queue.
    """

    intents: tuple[BriefedLabel, ...]
    priority: Priority
    reasons: tuple[BriefedLabel, ...]
    why: tuple[str, ...]
    mood: Mood
    signals: tuple[BriefedLabel, ...]
    urgency: tuple[BriefedLabel, ...]
    entities: tuple[BriefedEntity, ...]


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a person who takes over should know, without reading everything.

    ``asked`` are the customer's own words, oldest first; ``tried`` what the bot answered; ``sources`` the
    titles it quoted; ``reason`` why it handed over. ``insights`` are none where nothing was triaged.
    """

    reason: str
    asked: tuple[str, ...]
    tried: tuple[str, ...]
    sources: tuple[str, ...]
    language: str | None
    suggested_next_step: str
    insights: Insights | None = None
