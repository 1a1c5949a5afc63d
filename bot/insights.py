"""What triage makes of a conversation as a whole: its topics, moods, signals and the things it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bot.conversation import (
    AUTOMATIC,
    Author,
    BriefedEntity,
    BriefedLabel,
    Conversation,
    Insights,
    Message,
    Mood,
)
from bot.labels import Labels
from bot.sentiment import trend
from triage.labels import Certainty, Label

_SAID = 0.5  # an intent less likely than this is no topic
_INTENTS = 5
_ENTITIES = 20

# A turn: the number of its last message, and its labels.
_Turn = tuple[int, Labels]


def insights(conversation: Conversation, messages: Sequence[Message]) -> Insights | None:
    """What the labels of the customer's turns say together; none where there are none.

    What a machine sent in the customer's name says nothing of them.
    """
    turns: list[_Turn] = [
        (message.sequence, message.labels)
        for message in messages
        if message.author is Author.CUSTOMER and message.kind != AUTOMATIC and message.labels is not None
    ]
    if not turns:
        return None
    sequence, last = turns[-1]
    return Insights(
        intents=_intents(turns),
        priority=conversation.priority or last.route.priority,
        reasons=_surest(turns, lambda labels: labels.triage.priority.reasons),
        why=next((labels.route.why for _, labels in reversed(turns) if labels.route.queue), last.route.why),
        mood=Mood(
            last=_briefed(last.triage.sentiment, sequence),
            score=last.triage.sentiment_score,
            trend=trend([labels.triage.sentiment_score for _, labels in turns]),
        ),
        signals=_surest(turns, lambda labels: labels.triage.signals),
        urgency=_surest(turns, lambda labels: labels.triage.urgency),
        entities=_entities(turns),
    )


def _intents(turns: Sequence[_Turn]) -> tuple[BriefedLabel, ...]:
    found: dict[str, BriefedLabel] = {}
    for sequence, labels in reversed(turns):
        said = labels.triage
        likely = said.certainty is not Certainty.OUT_OF_SCOPE and said.intent.probability >= _SAID
        for label in (*((said.intent,) if likely else ()), *said.further):
            found.setdefault(label.name, _briefed(label, sequence))
    return tuple(found.values())[:_INTENTS]


def _surest(turns: Sequence[_Turn], group: Callable[[Labels], Iterable[Label]]) -> tuple[BriefedLabel, ...]:
    """Each label of a group once, where it is likeliest; the likeliest first."""
    found: dict[str, BriefedLabel] = {}
    for sequence, labels in turns:
        for label in group(labels):
            known = found.get(label.name)
            if known is None or label.probability >= known.probability:
                found[label.name] = _briefed(label, sequence)
    return tuple(sorted(found.values(), key=lambda label: -label.probability))


def _entities(turns: Sequence[_Turn]) -> tuple[BriefedEntity, ...]:
    """Each thing once, where it was named last; the last named first."""
    found: dict[tuple[str, str], BriefedEntity] = {}
    for sequence, labels in reversed(turns):
        for entity in labels.triage.entities:
            named = BriefedEntity(entity.kind, entity.text, entity.value, sequence)
            found.setdefault((entity.kind, entity.value), named)
    return tuple(found.values())[:_ENTITIES]


def _briefed(label: Label, sequence: int) -> BriefedLabel:
    return BriefedLabel(
        str(label.name), label.probability, tuple(words.text for words in label.evidence), sequence
    )
