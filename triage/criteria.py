"""What a routing rule can ask about a message, its customer and the hour."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from triage.labels import Certainty, Evidence, Label, Origin, Priority, Sentiment, Signal, Triage, Urgency
from triage.verdicts import (
    FAR,
    Circumstances,
    Note,
    Verdict,
    either,
    figure,
    judge_labels,
    judge_plainly,
)

FactValue = str | bool | int | float


class Criterion(BaseModel, ABC):
    """A condition of a rule, told in YAML by its ``word``: ``{signal: churn_risk, at_least: 0.7}``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    word: ClassVar[str]

    def judge(self, case: Circumstances) -> Verdict:
        """Whether it holds for ``case``, how nearly and why."""
        return self._judge(case)

    def within(self) -> Iterable[Criterion]:
        """The condition and all those in it, itself first."""
        yield self
        for part in self._parts():
            yield from part.within()

    @abstractmethod
    def _judge(self, case: Circumstances) -> Verdict: ...

    def _parts(self) -> Iterable[Criterion]:
        return ()


def listed(value: object) -> object:
    """One text is a list of one, as people write it in YAML; what is no text stays as it is."""
    return [value] if isinstance(value, str) else value


Names = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(listed), Field(min_length=1)
]
Probability = Annotated[float, Field(ge=0, le=1)]
LikelierThanNot = Annotated[float, Field(ge=0.5, le=1)]  # triage tells no others of its kind


class IntentIs(Criterion):
    """The intent is one of these, leaves ("billing.refund") or parents of leaves ("billing").

    How likely a parent is, is the sum of its leaves. ``further`` also looks at the other sentences of the
    message, each by itself.
    """

    word = "intent"
    intent: Names
    at_least: Probability = 0.5
    further: bool = False

    def _judge(self, case: Circumstances) -> Verdict:
        if case.triage.certainty is Certainty.OUT_OF_SCOPE:
            return judge_plainly(False, "certainty out_of_scope", wanted=either(self.intent))
        found = [self._likeliest(name, case.triage) for name in self.intent]
        known = [label for label in found if label is not None]
        return judge_labels(known, kind=self.word, wanted=self.intent, at_least=self.at_least)

    def _likeliest(self, name: str, triage: Triage) -> Label | None:
        own = [label for label in triage.intents if _is_or_is_below(label.name, name)]
        labels = [label for label in (triage.intent, *own) if _is_or_is_below(label.name, name)]
        if own:
            share = min(1.0, sum(label.probability for label in own))
            labels.append(Label(name, share, own[0].evidence))
        if self.further:
            labels += [label for label in triage.further if _is_or_is_below(label.name, name)]
        return max(labels, key=lambda label: label.probability, default=None)


class SignalIs(Criterion):
    """The message means one of these for the customer relationship."""

    word = "signal"
    signal: Annotated[tuple[Signal, ...], BeforeValidator(listed), Field(min_length=1)]
    at_least: LikelierThanNot = 0.5

    def _judge(self, case: Circumstances) -> Verdict:
        found = [label for label in case.triage.signals if label.name in self.signal]
        return judge_labels(found, kind=self.word, wanted=self.signal, at_least=self.at_least)


class UrgencyIs(Criterion):
    """The message cannot wait, for one of these reasons."""

    word = "urgency"
    urgency: Annotated[tuple[Urgency, ...], BeforeValidator(listed), Field(min_length=1)]
    at_least: LikelierThanNot = 0.5

    def _judge(self, case: Circumstances) -> Verdict:
        found = [label for label in case.triage.urgency if label.name in self.urgency]
        return judge_labels(found, kind=self.word, wanted=self.urgency, at_least=self.at_least)


class OriginIs(Criterion):
    """One of these wrote the message."""

    word = "origin"
    origin: Annotated[tuple[Origin, ...], BeforeValidator(listed), Field(min_length=1)]
    at_least: Probability = 0.5

    def _judge(self, case: Circumstances) -> Verdict:
        found = [label for label in (case.triage.origin,) if label.name in self.origin]
        return judge_labels(found, kind=self.word, wanted=self.origin, at_least=self.at_least)


class LanguageIs(Criterion):
    """The message is written in one of these languages (ISO 639-1)."""

    word = "language"
    language: Names
    at_least: Probability = 0.5

    def _judge(self, case: Circumstances) -> Verdict:
        found = [label for label in (case.triage.language,) if label.name in self.language]
        return judge_labels(found, kind=self.word, wanted=self.language, at_least=self.at_least)


class SentimentRange(BaseModel):
    """Levels between these, both included; very_negative is the lowest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_least: Sentiment | None = None
    at_most: Sentiment | None = None

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        return self


class SentimentIs(Criterion):
    """How the customer feels, by level."""

    word = "sentiment"
    sentiment: SentimentRange

    def _judge(self, case: Circumstances) -> Verdict:
        label, levels = case.triage.sentiment, list(Sentiment)
        level = levels.index(Sentiment(label.name))
        holds, words = True, []
        if (least := self.sentiment.at_least) is not None:
            holds &= level >= levels.index(least)
            words.append(f"at least {least}")
        if (most := self.sentiment.at_most) is not None:
            holds &= level <= levels.index(most)
            words.append(f"at most {most}")
        wanted = " and ".join(words)
        return judge_plainly(holds, f"sentiment {label.name}", wanted=wanted, evidence=label.evidence)


class Below(BaseModel):
    """A limit that the value stays under."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    below: float = Field(gt=-1, le=1)


class SentimentScoreIs(Criterion):
    """How the customer feels, in [-1, 1]."""

    word = "sentiment_score"
    sentiment_score: Below

    def _judge(self, case: Circumstances) -> Verdict:
        score, limit = case.triage.sentiment_score, self.sentiment_score.below
        sign = "<" if score < limit else ">="
        text = f"sentiment_score {figure(score, limit)} {sign} {limit:g}"
        return Verdict(score < limit, limit - score, (Note(text, case.triage.sentiment.evidence),))


class PriorityLimit(BaseModel):
    """A priority that counts with those more urgent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_least: Priority


class PriorityIs(Criterion):
    """Triage gave this priority or a more urgent one; what rules change does not count."""

    word = "priority"
    priority: PriorityLimit

    def _judge(self, case: Circumstances) -> Verdict:
        name, limit = case.triage.priority.name, self.priority.at_least
        evidence = tuple(span for reason in case.triage.priority.reasons for span in reason.evidence)
        holds = name.value <= limit.value
        return judge_plainly(holds, f"priority {name}", wanted=f"at least {limit}", evidence=evidence)


class EntityIs(Criterion):
    """The message names a thing of one of these kinds."""

    word = "entity"
    entity: Names

    def _judge(self, case: Circumstances) -> Verdict:
        found = [entity for entity in case.triage.entities if entity.kind in self.entity]
        if not found:
            return Verdict(False, -FAR, (Note(f"no entity {either(self.entity)}"),))
        evidence = tuple(Evidence(each.start, each.end, each.text, 1 / len(found)) for each in found)
        kinds = dict.fromkeys(each.kind for each in found)
        return Verdict(True, FAR, (Note(f"entity {', '.join(kinds)}", evidence),))


class CertaintyIs(Criterion):
    """How far the intent can be acted on."""

    word = "certainty"
    certainty: Annotated[tuple[Certainty, ...], BeforeValidator(listed), Field(min_length=1)]

    def _judge(self, case: Circumstances) -> Verdict:
        found = case.triage.certainty
        return judge_plainly(found in self.certainty, f"certainty {found}", wanted=either(self.certainty))


class ChannelIs(Criterion):
    """The message came by one of these channels."""

    word = "channel"
    channel: Names

    def _judge(self, case: Circumstances) -> Verdict:
        found = case.channel or "unknown"
        return judge_plainly(case.channel in self.channel, f"channel {found}", wanted=either(self.channel))


class BusinessHours(Criterion):
    """``calendar`` is open, or closed."""

    word = "business_hours"
    business_hours: Literal["open", "closed"]
    calendar: str

    def _judge(self, case: Circumstances) -> Verdict:
        state = "open" if case.calendars[self.calendar].is_open(case.at) else "closed"
        holds = state == self.business_hours
        return judge_plainly(holds, f"calendar {self.calendar} is {state}", wanted=self.business_hours)


class FactIs(Criterion):
    """Something known about the customer compares like this; what is not known does not.

    Words compare without regard to case. A fact that is a list, such as tags, ``equals`` or is ``in`` what
    any of its members does. ``at_least`` and ``at_most`` hold for numbers alone.
    """

    word = "fact"
    fact: str = Field(min_length=1)
    equals: FactValue | None = None
    in_: tuple[FactValue, ...] | None = Field(None, alias="in", min_length=1)
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _compares(self) -> Self:
        if all(limit is None for limit in (self.equals, self.in_, self.at_least, self.at_most)):
            raise ValueError("give equals, in, at_least or at_most")
        return self

    def _judge(self, case: Circumstances) -> Verdict:
        value = case.facts.get(self.fact)
        if value is None:
            return Verdict(False, -FAR, (Note(f"fact {self.fact} is not known"),))
        members = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
        compared = list(self._comparisons(value, members))
        failed = [words for holds, words in compared if not holds]
        wanted = " and ".join(failed or [words for _, words in compared])
        shown = ", ".join(str(member) for member in members)
        return judge_plainly(not failed, f"fact {self.fact} is {shown}", wanted=wanted)

    def _comparisons(self, value: object, members: Iterable[object]) -> Iterable[tuple[bool, str]]:
        had = {_folded(member) for member in members}
        if self.equals is not None:
            yield _folded(self.equals) in had, str(self.equals)
        if self.in_ is not None:
            yield not had.isdisjoint(map(_folded, self.in_)), either(map(str, self.in_))
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        if self.at_least is not None:
            yield number >= self.at_least, f"at least {self.at_least:g}"
        if self.at_most is not None:
            yield number <= self.at_most, f"at most {self.at_most:g}"


def _folded(value: object) -> object:
    return value if isinstance(value, int | float) else str(value).casefold()


def _is_or_is_below(name: str, parent: str) -> bool:
    return name == parent or name.startswith(parent + ".")
