"""What triage might say of a message, for tests of what is done with it."""

from triage.entities import Entity
from triage.labels import (
    Certainty,
    Evidence,
    Label,
    Origin,
    Priority,
    PriorityLabel,
    Sentiment,
    Signal,
    Triage,
    Urgency,
)

SCORES = dict(zip(Sentiment, (-0.9, -0.5, 0.0, 0.5, 0.9), strict=True))


def label(name: str, probability: float, *, text: str = "") -> Label:
    """With ``text`` as its only evidence, at the start of the message."""
    return Label(name, probability, (Evidence(0, len(text), text, 1.0),) if text else ())


def triaged(
    intent: str = "billing.refund_request",
    *,
    probability: float = 0.8,
    certainty: Certainty = Certainty.SURE,
    queue: str = "billing",
    priority: Priority = Priority.P3,
    sentiment: Sentiment = Sentiment.NEUTRAL,
    score: float | None = None,
    origin: Label | None = None,
    language: Label | None = None,
    signals: dict[Signal, float] | None = None,
    urgency: dict[Urgency, float] | None = None,
    intents: tuple[Label, ...] | None = None,
    further: tuple[Label, ...] = (),
    entities: tuple[Entity, ...] = (),
) -> Triage:
    """A message as triage sees it; each signal and urgency has a word of its own as evidence."""
    rest = (1 - 0.7) / 3
    best = label(intent, probability, text="refund")
    return Triage(
        certainty=certainty,
        intent=best,
        in_scope=0.1 if certainty is Certainty.OUT_OF_SCOPE else 0.95,
        intents=(best,) if intents is None else intents,
        further=further,
        queue=label(queue, probability),
        priority=PriorityLabel(
            priority, 0.7, tuple((each, 0.7 if each is priority else rest) for each in Priority)
        ),
        sentiment=label(sentiment, 0.8, text="sad"),
        sentiment_score=SCORES[sentiment] if score is None else score,
        origin=origin or Label(Origin.CUSTOMER, 0.97),
        language=language or Label("en", 0.98),
        signals=tuple(label(name, share, text=f"<{name}>") for name, share in (signals or {}).items()),
        urgency=tuple(label(name, share, text=f"<{name}>") for name, share in (urgency or {}).items()),
        entities=entities,
        model="test",
    )
