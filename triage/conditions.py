"""Conditions of routing rules and how they are put together: ``all``, ``any`` and ``not`` of others.

Each is judged with a margin: how far its value is above the threshold (below: under 0), infinite where
there is nothing to measure. The margin of ``all`` is the least of its parts, that of ``any`` the greatest,
that of ``not`` the opposite, so that a whole tree knows how close it came.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from triage.criteria import (
    BusinessHours,
    CertaintyIs,
    ChannelIs,
    Criterion,
    EntityIs,
    FactIs,
    IntentIs,
    LanguageIs,
    OriginIs,
    PriorityIs,
    SentimentIs,
    SentimentScoreIs,
    SignalIs,
    UrgencyIs,
)
from triage.verdicts import Circumstances, Verdict, notes_of


class AllOf(Criterion):
    """All of these hold."""

    word = "all"
    all: tuple[Condition, ...] = Field(min_length=1)

    def _judge(self, case: Circumstances) -> Verdict:
        verdicts = [part.judge(case) for part in self.all]
        failed = [verdict for verdict in verdicts if not verdict.holds]
        margin = min(verdict.margin for verdict in verdicts)
        return Verdict(not failed, margin, notes_of(failed or verdicts))

    def _parts(self) -> Iterable[Criterion]:
        return self.all


class AnyOf(Criterion):
    """One of these holds, or more."""

    word = "any"
    any: tuple[Condition, ...] = Field(min_length=1)

    def _judge(self, case: Circumstances) -> Verdict:
        verdicts = [part.judge(case) for part in self.any]
        held = [verdict for verdict in verdicts if verdict.holds]
        nearly = [verdict for verdict in verdicts if verdict.nearly]
        margin = max(verdict.margin for verdict in verdicts)
        return Verdict(bool(held), margin, notes_of(held or nearly or verdicts))

    def _parts(self) -> Iterable[Criterion]:
        return self.any


class NotThis(Criterion):
    """The opposite of another. What is not known does not hold, so that its opposite does."""

    word = "not"
    not_: Condition = Field(alias="not")

    def _judge(self, case: Circumstances) -> Verdict:
        verdict = self.not_.judge(case)
        return Verdict(not verdict.holds, -verdict.margin, verdict.notes)

    def _parts(self) -> Iterable[Criterion]:
        return (self.not_,)


_KINDS = (
    AllOf,
    AnyOf,
    NotThis,
    IntentIs,
    SignalIs,
    UrgencyIs,
    SentimentIs,
    SentimentScoreIs,
    PriorityIs,
    OriginIs,
    LanguageIs,
    EntityIs,
    CertaintyIs,
    FactIs,
    BusinessHours,
    ChannelIs,
)
WORDS = tuple(kind.word for kind in _KINDS)


def _first_word(value: object) -> str | None:
    """The tag of the condition that ``value`` is; in angle brackets, which no key of a file has."""
    if isinstance(value, Criterion):
        return f"<{value.word}>"
    found = [word for word in WORDS if word in value] if isinstance(value, dict) else []
    return f"<{found[0]}>" if found else None


Condition = Annotated[
    Annotated[AllOf, Tag("<all>")]
    | Annotated[AnyOf, Tag("<any>")]
    | Annotated[NotThis, Tag("<not>")]
    | Annotated[IntentIs, Tag("<intent>")]
    | Annotated[SignalIs, Tag("<signal>")]
    | Annotated[UrgencyIs, Tag("<urgency>")]
    | Annotated[SentimentIs, Tag("<sentiment>")]
    | Annotated[SentimentScoreIs, Tag("<sentiment_score>")]
    | Annotated[PriorityIs, Tag("<priority>")]
    | Annotated[OriginIs, Tag("<origin>")]
    | Annotated[LanguageIs, Tag("<language>")]
    | Annotated[EntityIs, Tag("<entity>")]
    | Annotated[CertaintyIs, Tag("<certainty>")]
    | Annotated[FactIs, Tag("<fact>")]
    | Annotated[BusinessHours, Tag("<business_hours>")]
    | Annotated[ChannelIs, Tag("<channel>")],
    Discriminator(
        _first_word,
        custom_error_type="no_condition",
        custom_error_message=f"a condition is a mapping with one of: {', '.join(WORDS)}",
    ),
]

for _group in (AllOf, AnyOf, NotThis):
    _group.model_rebuild()
