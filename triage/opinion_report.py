"""What second opinions cost, and whether they are worth it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scipy.special import ndtri

from triage.risk import wilson
from triage.second_opinion import OVER_BUDGET, SecondOpinion


@dataclass(frozen=True, slots=True)
class Share:
    """``hits`` of ``trials``, with the 95 % interval of the share (Wilson 1927)."""

    hits: int
    trials: int

    @property
    def value(self) -> float:
        """In [0, 1]; NaN of nothing."""
        return self.hits / self.trials if self.trials else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Its ends; 0 and 1 of nothing."""
        low, high = wilson(self.hits, self.trials)
        return float(low), float(high)

    def __str__(self) -> str:
        if not self.trials:
            return "0 of 0"
        low, high = self.interval
        return f"{self.hits} of {self.trials} ({self.value:.0%}, 95 % interval {low:.0%} to {high:.0%})"


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost, in whatever currency the bill is."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """What so many tokens cost."""
        return (self.input * input_tokens + self.output * output_tokens) / 1e6


@dataclass(frozen=True, slots=True)
class SecondOpinionReport:
    """What second opinions cost and whether they are worth it.

    ``asked`` were sent, of which ``answered`` came back, ``none`` of them with none of the labels;
    ``failures`` by code. ``settled`` are answers of messages that people have labelled since; "none" is right
    where their label was not on offer. ``put_right`` is the model's share among those that the classifier got
    wrong. ``differing`` is of opinions that differ: ``classifier_right`` and ``opinion_right`` never both,
    often neither; ``gain`` is the difference of the two shares, in points of 1. ``cost`` is of all tokens;
    None without prices.
    """

    asked: int
    answered: int
    none: int
    over_budget: int
    failures: tuple[tuple[str, int], ...]
    agreed: Share
    input_tokens: int
    output_tokens: int
    uncounted: int
    seconds: float
    settled: int
    put_right: Share
    classifier_right: Share
    opinion_right: Share
    cost: float | None = None

    @property
    def differing(self) -> int:
        """How many settled messages the two differ about."""
        return self.opinion_right.trials

    @property
    def gain(self) -> float:
        """What the model's accuracy is above the classifier's where they differ; NaN where they never do."""
        return self.opinion_right.value - self.classifier_right.value

    @property
    def gain_interval(self) -> tuple[float, float]:
        """95 % interval of ``gain``, for paired shares (Bonett & Price 2012); −1 to 1 of nothing."""
        n = self.differing
        if not n:
            return -1.0, 1.0
        model, classifier = ((own.hits + 1) / (n + 2) for own in (self.opinion_right, self.classifier_right))
        middle = model - classifier
        half = float(ndtri(0.975)) * math.sqrt((model + classifier - middle**2) / (n + 2))
        return max(-1.0, middle - half), min(1.0, middle + half)

    @property
    def tokens_per_correction(self) -> float:
        """Tokens for each message that would be right thanks to the model, over all settled; inf for none.

        What was spent on messages that nobody has labelled yet is left out in proportion.
        """
        return self._per_correction(self.input_tokens + self.output_tokens)

    @property
    def cost_per_correction(self) -> float | None:
        """The same in money; None without prices."""
        return None if self.cost is None else self._per_correction(self.cost)

    def _per_correction(self, spent: float) -> float:
        corrected = self.opinion_right.hits - self.classifier_right.hits
        if corrected <= 0 or not self.answered:
            return math.inf
        return spent * self.settled / self.answered / corrected

    def text(self) -> str:
        """For people, a line for each finding."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.asked:,} asked, {self.answered:,} answered, {self.none:,} with none of the labels."
        if self.over_budget:
            yield f"{self.over_budget:,} in doubt were not asked: the budget was spent."
        for code, count in self.failures:
            yield f"{count:,} failed: {code}."
        yield f"Agreed with the classifier: {self.agreed}."
        uncounted = f", {self.uncounted:,} answers uncounted" if self.uncounted else ""
        yield (
            f"Tokens: {self.input_tokens:,} in, {self.output_tokens:,} out{uncounted}; "
            f"{self.seconds:.1f} seconds an answer."
        )
        if self.cost is not None:
            yield f"Cost: {self.cost:,.2f}."
        if self.put_right.trials:
            yield f"Of what the classifier got wrong, the model got right: {self.put_right}."
        if not self.differing:
            yield "No message that they differ about has a final label yet."
            return
        low, high = self.gain_interval
        yield f"Where they differ, the classifier was right in {self.classifier_right}."
        yield f"Where they differ, the model was right in {self.opinion_right}."
        yield f"Gain: {100 * self.gain:+.0f} points, 95 % interval {100 * low:+.0f} to {100 * high:+.0f}."
        if math.isfinite(self.tokens_per_correction):
            money = "" if self.cost_per_correction is None else f", {self.cost_per_correction:,.4f} in money,"
            yield f"{self.tokens_per_correction:,.0f} tokens{money} for each message put right."


def report(
    opinions: Sequence[tuple[SecondOpinion, str | None]], *, prices: Prices | None = None
) -> SecondOpinionReport:
    """The report on opinions, each with the label that people gave the message in the end, if they have."""
    asked = [(one, final) for one, final in opinions if one.failure != OVER_BUDGET]
    answered = [(one, final) for one, final in asked if one.failure is None]
    failures = Counter(one.failure for one, _ in asked if one.failure is not None)
    settled = [(one, final) for one, final in answered if final is not None]
    differing = [(one, final) for one, final in settled if not one.agrees]
    wrong = [(one, final) for one, final in settled if one.classifier != final]
    tokens = sum(one.input_tokens or 0 for one, _ in asked), sum(one.output_tokens or 0 for one, _ in asked)
    return SecondOpinionReport(
        asked=len(asked),
        answered=len(answered),
        none=sum(one.label is None for one, _ in answered),
        over_budget=len(opinions) - len(asked),
        failures=tuple(sorted(failures.items(), key=lambda item: (-item[1], item[0]))),
        agreed=Share(sum(bool(one.agrees) for one, _ in answered), len(answered)),
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        uncounted=sum(one.input_tokens is None for one, _ in answered),
        seconds=sum(one.seconds for one, _ in answered) / len(answered) if answered else 0.0,
        settled=len(settled),
        put_right=Share(sum(_right(one, final) for one, final in wrong), len(wrong)),
        classifier_right=Share(sum(one.classifier == final for one, final in differing), len(differing)),
        opinion_right=Share(sum(_right(one, final) for one, final in differing), len(differing)),
        cost=None if prices is None else prices.of(*tokens),
    )


def _right(opinion: SecondOpinion, final: str) -> bool:
    return final not in opinion.candidates if opinion.label is None else opinion.label == final
