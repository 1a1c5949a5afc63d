"""What customers think, in figures: CSAT, NPS and reviews, each on its own scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from customers.errors import FeedbackInvalid
from customers.event import CONTACTS, EventKind, NewEvent


class FeedbackKind(StrEnum):
    """Which question was answered."""

    CSAT = "csat"  # satisfaction with one contact, 1 to 5
    NPS = "nps"  # how likely they are to recommend us, 0 to 10
    REVIEW = "review"  # stars in public, 1 to 5; halves happen


@dataclass(frozen=True, slots=True)
class Scale:
    """From worst to best, both included."""

    worst: float
    best: float
    whole: bool

    def holds(self, score: float) -> bool:
        """Whether ``score`` is on it."""
        return self.worst <= score <= self.best and not (self.whole and score != int(score))

    def share(self, score: float) -> float:
        """Where ``score`` is on it: 0 at the worst, 1 at the best."""
        return (score - self.worst) / (self.best - self.worst)


SCALES: Mapping[FeedbackKind, Scale] = {
    FeedbackKind.CSAT: Scale(1, 5, whole=True),
    FeedbackKind.NPS: Scale(0, 10, whole=True),
    FeedbackKind.REVIEW: Scale(1, 5, whole=False),
}


@dataclass(frozen=True, slots=True)
class Feedback:
    """An answer to a survey, or a review; ``about`` is what it is of, such as a conversation's id."""

    kind: FeedbackKind
    score: float
    source: str
    external_id: str
    at: datetime
    comment: str | None = None
    about: str | None = None

    def event(self) -> NewEvent:
        """It as an event of the timeline. Raises ``FeedbackInvalid`` for a score off the scale."""
        said = {"comment": self.comment, "about": self.about}
        event = NewEvent(
            EventKind.REVIEW if self.kind is FeedbackKind.REVIEW else EventKind.SURVEY,
            self.kind,
            self.source,
            self.external_id,
            self.at,
            score=self.score,
            payload={name: value for name, value in said.items() if value is not None},
        )
        check_score(event)
        return event


def feedback_kind(kind: EventKind, name: str) -> FeedbackKind | None:
    """Whose scale an event is on; none for surveys of other kinds and what is no survey."""
    if kind is EventKind.REVIEW:
        return FeedbackKind.REVIEW
    if kind is EventKind.SURVEY and name in {FeedbackKind.CSAT, FeedbackKind.NPS}:
        return FeedbackKind(name)
    return None


def check_score(event: NewEvent) -> None:
    """Raise ``FeedbackInvalid`` unless the score of ``event`` is on the scale of its kind."""
    kind = feedback_kind(event.kind, event.name)
    if kind is not None:
        scale = SCALES[kind]
        if event.score is None or not scale.holds(event.score):
            whole = "a whole number " if scale.whole else ""
            raise FeedbackInvalid(
                f"The score of {kind} is {whole}from {scale.worst:.0f} to {scale.best:.0f}."
            )
    elif event.kind in CONTACTS and event.score is not None and not -1 <= event.score <= 1:
        raise FeedbackInvalid("The score of a contact is its sentiment, from -1 to 1.")
