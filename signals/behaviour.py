"""Signals of what customers do over time, by rules in YAML (``behaviour.yaml``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from signals.customer import Moment, MomentKind
from signals.data_file import read_data
from signals.detection import Detected
from signals.signal import SignalKind

SHIPPED = Path(__file__).with_name("behaviour.yaml")
RULES = "rules"  # the model of what no model read

Seen = tuple[str, str]  # the id of the moment that completed it, and what was seen


class _Pattern(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Within(_Pattern):
    within_days: int = Field(ge=1, le=3650)

    @property
    def days(self) -> int:
        """How far back it looks."""
        return self.within_days

    def _recent(self, moments: Sequence[Moment], kind: MomentKind, at: datetime) -> list[Moment]:
        since = at - timedelta(days=self.within_days)
        return [moment for moment in moments if moment.kind is kind and since < moment.at <= at]


class Contacts(_Within):
    """So many contacts, conversations and tickets, in so many days."""

    contacts: int = Field(ge=2, le=1000)

    def seen(self, moments: Sequence[Moment], at: datetime) -> Seen | None:
        """The contact that completed it; none where there are fewer."""
        found = self._recent(moments, MomentKind.CONTACT, at)
        if len(found) < self.contacts:
            return None
        return found[-1].id, f"{len(found)} contacts in {self.within_days} days"


class FallingSentiment(_Within):
    """The later half of at least so many contacts is worse than the earlier by so much.

    Sentiment is in [-1, 1]; of an odd number, the one in the middle counts for neither. The last has to be
    ``to_at_most``: from delighted to content is no reason to call.
    """

    falls_by: float = Field(gt=0, le=2)
    to_at_most: float = Field(ge=-1, le=1)
    contacts: int = Field(ge=2, le=100)

    def seen(self, moments: Sequence[Moment], at: datetime) -> Seen | None:
        """The last contact; none where the mood is not known to fall."""
        found = self._recent(moments, MomentKind.CONTACT, at)
        known = [(moment.id, moment.sentiment) for moment in found if moment.sentiment is not None]
        if len(known) < self.contacts:
            return None
        scores, half = [score for _, score in known], len(known) // 2
        before, after = fmean(scores[:half]), fmean(scores[-half:])
        if before - after < self.falls_by or scores[-1] > self.to_at_most:
            return None
        return known[-1][0], f"sentiment fell from {before:+.2f} to {after:+.2f} over {len(known)} contacts"


class Unresolved(_Within):
    """So many contacts ended without a solution."""

    unresolved: int = Field(ge=1, le=100)

    def seen(self, moments: Sequence[Moment], at: datetime) -> Seen | None:
        """The last contact that ended so; none where there are fewer."""
        found = [one for one in self._recent(moments, MomentKind.CONTACT, at) if one.resolved is False]
        if len(found) < self.unresolved:
            return None
        return found[-1].id, f"{len(found)} contacts unresolved in {self.within_days} days"


class UsageDrop(_Pattern):
    """Mean usage of recent days is below a share of the days before, of which so many are known."""

    usage_below: float = Field(gt=0, lt=1)
    recent_days: int = Field(ge=1, le=365)
    before_days: int = Field(ge=1, le=365)
    least_days: int = Field(ge=1, le=365)

    @property
    def days(self) -> int:
        """How far back it looks."""
        return self.recent_days + self.before_days

    def seen(self, moments: Sequence[Moment], at: datetime) -> Seen | None:
        """The last report of usage; none where it did not drop or too little is known.

        A recent day without a report is not a day without usage: reports may be late.
        """
        turn = at - timedelta(days=self.recent_days)
        since = turn - timedelta(days=self.before_days)
        told = [m for m in moments if m.kind is MomentKind.USAGE and since < m.at <= at]
        before = [moment.amount or 0.0 for moment in told if moment.at <= turn]
        recent = [moment.amount or 0.0 for moment in told if moment.at > turn]
        if len(before) < self.least_days or not recent or not (usual := fmean(before)) > 0:
            return None
        share = fmean(recent) / usual
        if share >= self.usage_below:
            return None
        return told[-1].id, f"usage of {self.recent_days} days is {share:.0%} of what it was before"


class FailedPayments(_Within):
    """So many payments failed."""

    failed_payments: int = Field(ge=1, le=100)

    def seen(self, moments: Sequence[Moment], at: datetime) -> Seen | None:
        """The last payment that failed; none where there are fewer."""
        found = self._recent(moments, MomentKind.PAYMENT_FAILED, at)
        if len(found) < self.failed_payments:
            return None
        return found[-1].id, f"{len(found)} failed payments in {self.within_days} days"


# By the key that no other has; two patterns have contacts.
_KEYS = ("falls_by", "unresolved", "usage_below", "failed_payments", "contacts")


def _key(value: object) -> str | None:
    has: Callable[[str], bool] = (
        value.__contains__ if isinstance(value, dict) else lambda key: hasattr(value, key)
    )
    return next((f"<{key}>" for key in _KEYS if has(key)), None)


Pattern = Annotated[
    Annotated[Contacts, Tag("<contacts>")]
    | Annotated[FallingSentiment, Tag("<falls_by>")]
    | Annotated[Unresolved, Tag("<unresolved>")]
    | Annotated[UsageDrop, Tag("<usage_below>")]
    | Annotated[FailedPayments, Tag("<failed_payments>")],
    Discriminator(
        _key,
        custom_error_type="no_pattern",
        custom_error_message=f"a pattern has one of: {', '.join(_KEYS)}",
    ),
]


class BehaviourRule(BaseModel):
    """A pattern, and the signal that it raises with ``probability``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=80)
    signal: SignalKind
    probability: float = Field(ge=0.5, le=1)
    when: Pattern


class BehaviourRules(BaseModel):
    """Every rule; all are asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[BehaviourRule, ...] = ()

    @field_validator("rules")
    @classmethod
    def _names_are_unique(cls, rules: tuple[BehaviourRule, ...]) -> tuple[BehaviourRule, ...]:
        names = [rule.name for rule in rules]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} is there twice")
        return rules

    @property
    def looks_back(self) -> timedelta:
        """How far back the rule looks that looks the furthest."""
        return timedelta(days=max((rule.when.days for rule in self.rules), default=0))

    def detect(self, moments: Sequence[Moment], *, at: datetime) -> list[Detected]:
        """What ``moments``, oldest first, amount to; of two rules of a kind the likelier counts."""
        found: dict[SignalKind, Detected] = {}
        for rule in self.rules:
            seen = rule.when.seen(moments, at)
            if seen is None or (rule.signal in found and found[rule.signal].probability >= rule.probability):
                continue
            origin, because = seen
            found[rule.signal] = Detected(
                rule.signal, rule.probability, rule.name, RULES, origin, because=because
            )
        return list(found.values())


def read_behaviour(file: Path = SHIPPED) -> BehaviourRules:
    """The rules of a YAML file. Raises ``SignalDataInvalid``."""
    return read_data(file, BehaviourRules)
