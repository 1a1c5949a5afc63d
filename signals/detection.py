"""What a message says for sales, customer success and marketing: labels of triage, with where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kit.ids import ConversationId, MessageId
from signals.signal import Quote, SignalKind
from triage.labels import Evidence, Origin, Triage

TRIAGE = "triage"


@dataclass(frozen=True, slots=True)
class Part:
    """One of the messages that were read together: it begins at ``start`` of the text and ends at ``end``."""

    message_id: MessageId | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What was read, and where. ``origin`` is its own id: that of the message or ticket.

    ``text`` is what the evidence of ``triage`` counts in; ``parts`` are the messages it was made of, in
    order: for a ticket none.
    """

    origin: str
    triage: Triage
    text: str
    parts: Sequence[Part] = ()
    conversation_id: ConversationId | None = None
    ticket_id: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Detected:
    """A signal before anybody is told: ``probability`` in [0, 1], ``because`` where no words speak for it.

    ``origin`` is what it is told once for.
    """

    kind: SignalKind
    probability: float
    source: str
    model: str
    origin: str
    quotes: tuple[Quote, ...] = ()
    because: str | None = None


def detect(heard: Heard, thresholds: Mapping[SignalKind, float]) -> list[Detected]:
    """Every signal of triage that is as likely as ``thresholds`` ask, likeliest first.

    What a machine wrote says nothing of a customer.
    """
    if heard.triage.origin.name != Origin.CUSTOMER:
        return []
    found = [
        Detected(
            kind=SignalKind(label.name),
            probability=label.probability,
            source=TRIAGE,
            model=heard.triage.model,
            origin=heard.origin,
            quotes=quotes(heard, label.evidence),
        )
        for label in heard.triage.signals
        if label.probability >= thresholds[SignalKind(label.name)]
    ]
    return sorted(found, key=lambda one: -one.probability)


def quotes(heard: Heard, evidence: Sequence[Evidence]) -> tuple[Quote, ...]:
    """``evidence`` in the messages that it stands in; what reaches over two is quoted from both."""
    found: list[Quote] = []
    for words in evidence:
        pieces = list(place(heard, words.start, words.end))
        length = sum(end - start for _, start, end, _ in pieces)
        found += [
            Quote(text, start, end, words.weight * ((end - start) / length), message)
            for message, start, end, text in pieces
        ]
    return tuple(found)


def place(heard: Heard, start: int, end: int) -> Sequence[tuple[MessageId | None, int, int, str]]:
    """``[start, end)`` of the text: of each message it is in, its id, start and end there, and the words."""
    parts = heard.parts or (Part(None, 0, len(heard.text)),)
    found = []
    for part in parts:
        low, high = max(start, part.start), min(end, part.end)
        if low < high:
            found.append((part.message_id, low - part.start, high - part.start, heard.text[low:high]))
    return found
