"""What is shown of a message's marks: whatever holds, or the likeliest where exactly one does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from triage.labelled import GROUPS
from triage.labels import Evidence, Label, Sentiment
from triage.marks import groups

Words = Mapping[int, tuple[Evidence, ...]]  # by place

RAISED = 0.5  # probability from which a label is shown
_SCORES = dict(zip(Sentiment, (-1.0, -0.5, 0.0, 0.5, 1.0), strict=True))
_COLUMNS = dict(groups())
_OPEN, _EXCLUSIVE = ("signal", "urgency"), ("sentiment", "origin")  # several may hold, exactly one does
_REASONS = tuple(
    (name, _COLUMNS[group].start + place) for group in _OPEN for place, name in enumerate(GROUPS[group])
)


@dataclass(frozen=True, slots=True)
class Holding:
    """The places of the marks that are shown: by group those that hold, or the likeliest."""

    raised: dict[str, list[int]]
    likeliest: dict[str, int]

    @classmethod
    def of(cls, by_mark: Sequence[float]) -> Holding:
        """From probabilities (marks,)."""
        return cls(
            {group: _raised(by_mark, _COLUMNS[group]) for group in _OPEN},
            {group: _likeliest(by_mark, _COLUMNS[group]) for group in _EXCLUSIVE},
        )

    def contrasts(self, by_mark: Sequence[float]) -> dict[int, dict[int, float]]:
        """Each place with those that exclude it, and how likely they are."""
        found: dict[int, dict[int, float]] = {place: {} for own in self.raised.values() for place in own}
        for group, place in self.likeliest.items():
            found[place] = {other: by_mark[other] for other in _places(_COLUMNS[group])}
        return found


@dataclass(frozen=True, slots=True)
class MarksShown:
    """Labels with their evidence; ``sentiment_score`` in [-1, 1], ``reasons`` how likely each is."""

    signals: tuple[Label, ...]
    urgency: tuple[Label, ...]
    sentiment: Label
    sentiment_score: float
    origin: Label
    reasons: dict[str, float]

    @property
    def raised(self) -> list[Label]:
        """Signals and reasons to hurry, likeliest first."""
        return sorted([*self.signals, *self.urgency], key=lambda label: -label.probability)

    @classmethod
    def of(cls, by_mark: Sequence[float], holding: Holding, words: Words) -> MarksShown:
        """From probabilities (marks,), and the words that speak for each place, where they are known."""

        def label(group: str, place: int) -> Label:
            name = GROUPS[group][place - _COLUMNS[group].start]
            return Label(name, by_mark[place], words.get(place, ()))

        signals, urgency = (tuple(label(group, place) for place in holding.raised[group]) for group in _OPEN)
        sentiment, origin = (label(group, holding.likeliest[group]) for group in _EXCLUSIVE)
        levels = zip(_SCORES.values(), by_mark[_COLUMNS["sentiment"]], strict=True)
        score = sum(score * probability for score, probability in levels)
        reasons = {name: by_mark[place] for name, place in _REASONS}
        return cls(signals, urgency, sentiment, score, origin, reasons)


def _places(columns: slice) -> range:
    return range(columns.start, columns.stop)


def _raised(by_mark: Sequence[float], columns: slice) -> list[int]:
    """Every place that is likelier than not, likeliest first."""
    found = [place for place in _places(columns) if by_mark[place] >= RAISED]
    return sorted(found, key=by_mark.__getitem__, reverse=True)


def _likeliest(by_mark: Sequence[float], columns: slice) -> int:
    return max(_places(columns), key=by_mark.__getitem__)
