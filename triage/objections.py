"""What speaks against a model that is better on the youngest corrections, without any message text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from triage.comparison import LabelLoss, Paired
from triage.examples import Example
from triage.upheld import Upheld

_CHANCE = 0.05  # how likely a label is called renamed that is not


@dataclass(frozen=True, slots=True)
class Losses:
    """``against`` the model: labels drained, or worse without an innocent reason.

    ``watched`` are labels as much worse that have one: they make up less of what is learned than before, and
    corrections do not contradict them. What is frequent in live messages takes room from what is not, and a
    handful of trusted messages shows it.
    """

    against: tuple[LabelLoss, ...]
    watched: tuple[LabelLoss, ...]

    @classmethod
    def of(cls, losses: Sequence[LabelLoss], held: Mapping[str, Upheld], crowded: Collection[str]) -> Losses:
        """``held`` is what corrections that are new to the live model make of what it says.

        ``crowded`` are labels that make up less of what the second model learns than of the first's.

        A label that nobody knew well (``LabelLoss.known``) is no loss unless corrections contradict it. Where
        several labels are worse, each has to be contradicted the more clearly (Bonferroni).
        """
        rest = [loss for loss in losses if not loss.drained]
        against, watched = [loss for loss in losses if loss.drained], []
        for loss in rest:
            found = held.get(loss.label)
            is_renamed = found is not None and found.chance <= _CHANCE / len(rest)
            if is_renamed or (loss.known and loss.label not in crowded):
                against.append(loss)
            elif loss.known:
                watched.append(loss)
        return cls(tuple(sorted(against, key=lambda loss: loss.label)), tuple(watched))


def crowded_labels(before: Sequence[Example], after: Sequence[Example]) -> set[str]:
    """Labels whose share of the examples ``before`` is larger than of those ``after``."""
    counts, later = (Counter(example.label for example in part) for part in (before, after))
    return {label for label in counts if counts[label] * len(after) > later[label] * len(before)}


def objections(
    trusted: Paired, together: Paired, losses: Losses, held: Mapping[str, Upheld], *, margin: float
) -> Iterator[str]:
    """Why not to promote, a sentence each.

    On trusted examples the model must not be known worse, on those and the youngest corrections together it
    must not be worse by ``margin`` of accuracy, at the lower ends of their intervals (non-inferiority).
    """
    if trusted.high < 0:
        yield f"On trusted examples the model is worse: {figures(trusted)}."
    if together.low <= -margin:
        yield (
            f"On the youngest corrections and trusted examples together the model may be worse by "
            f"{100 * margin:.0f} points and more: {figures(together)}."
        )
    for loss in losses.against:
        yield f"{_worse(loss)}.{_contradicted(held.get(loss.label))}"


def remarks(losses: Losses, held: Mapping[str, Upheld]) -> Iterator[str]:
    """What to look at although it is no objection, a sentence or two each."""
    for loss in losses.watched:
        why = "others take its room, corrections do not rename it"
        yield f"{_worse(loss)}; {why}.{_contradicted(held.get(loss.label))}"


def better(paired: Paired) -> str:
    """That the second model is, with figures."""
    return f"the model is better: {figures(paired)}"


def not_better(paired: Paired) -> str:
    """That nobody can say that the second model is, with figures."""
    return f"the model is not better beyond chance: {figures(paired)}"


def figures(paired: Paired) -> str:
    """Both accuracies, and the difference with its interval in points."""
    return (
        f"{paired.after:.1%} of {paired.n} right against {paired.before:.1%}, a difference of "
        f"{100 * paired.difference:+.1f} points ({100 * paired.low:+.1f} to {100 * paired.high:+.1f})"
    )


def _worse(loss: LabelLoss) -> str:
    return (
        f"Trusted messages of {loss.label} are known worse: {loss.before:.0%} of {loss.n} were right and "
        f"{loss.after:.0%} are, their label had {loss.probability_before:.2f} and has "
        f"{loss.probability_after:.2f}"
    )


def _contradicted(found: Upheld | None) -> str:
    if found is None:
        return ""
    return (
        f" Of {found.said} new messages that the live model took for it, corrections uphold {found.upheld}, "
        f"where {found.expected:.1f} were to be expected."
    )
