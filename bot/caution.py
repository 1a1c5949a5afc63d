"""Turns in which a likely answer is not enough; which ones is data (``caution.yaml``)."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from kit.yaml_text import parse_yaml
from triage.labels import Sentiment, Signal, Triage

RULES = Path(__file__).with_name("caution.yaml")
_MOODS = list(Sentiment)


class CautionRule(BaseModel):
    """Any of the ``signals`` at least that probable, from a customer who feels no better than ``mood``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    signals: dict[Signal, float] = Field(min_length=1)
    mood: Sentiment

    def holds(self, triage: Triage) -> bool:
        """Whether it holds of a turn."""
        raised = any(
            label.probability >= self.signals.get(Signal(label.name), 2.0) for label in triage.signals
        )
        return raised and _MOODS.index(Sentiment(triage.sentiment.name)) <= _MOODS.index(self.mood)


class Caution(BaseModel):
    """The rules, and ``risk_share`` in (0, 1]: how much of the accepted risk counts where one holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    risk_share: float = Field(gt=0, le=1)
    rules: tuple[CautionRule, ...]

    @classmethod
    def load(cls, path: Path = RULES) -> Self:
        """The rules at ``path`` (YAML)."""
        return cls.model_validate(parse_yaml(path.read_text(encoding="utf-8")))

    def calls_for(self, triage: Triage) -> str | None:
        """The name of the first rule that holds of a turn, if any does."""
        return next((rule.name for rule in self.rules if rule.holds(triage)), None)
