"""The model card: what a model was made of and how far to trust it, beside the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from triage.heads import NAMES
from triage.model import HeldOut, IntentModel

_PAIRS = 10
_BINS = 10

Interval = tuple[float, float]


def write_card(
    model: IntentModel, held_out: HeldOut, *, metrics: Mapping[str, float], intervals: Mapping[str, Interval]
) -> str:
    """Markdown: where the model is from, its labels, its held-out figures, what it confuses.

    ``metrics`` and their 95 % ``intervals`` are of ``held_out``, predictions by heads that had not seen the
    message.
    """
    made_of = model.provenance
    scope = "yes" if model.scope else "no, there were too few labels to learn it from"
    figures = [
        (name, f"{value:.3f}", " – ".join(f"{end:.3f}" for end in intervals.get(name, ())))
        for name, value in metrics.items()
    ]
    pairs = [(*pair, times) for pair, times in confused(model.labels, held_out)]
    return "\n".join(
        [
            "# Intent model",
            "",
            f"* Trained on {made_of['examples']} examples, SHA-256 `{made_of['examples_sha256']}`.",
            f"* Seed {made_of['seed']}, encoder `{made_of['encoder']}`. Heads: {_heads(model)}.",
            f"* Tells what fits no label: {scope}.",
            *_table("Held-out figures", ("metric", "value", "95 % interval"), figures),
            *_table("Reliability", ("said", "happened", "messages"), _reliability(held_out)),
            *_table("Labels", ("label", "examples", "right"), _by_label(model.labels, held_out)),
            *_table("Most confused", ("is", "was taken for", "times"), pairs),
            "",
        ]
    )


def confused(labels: Sequence[str], held_out: HeldOut) -> list[tuple[tuple[str, str], int]]:
    """The pairs (true label, predicted label) that were confused most often, with how often."""
    pairs = Counter(
        (labels[true], labels[taken])
        for true, taken in zip(held_out.labels.tolist(), held_out.predicted.tolist(), strict=True)
        if true != taken
    )
    return sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:_PAIRS]


def _heads(model: IntentModel) -> str:
    return ", ".join(f"{name} × {weight:.2f}" for name, weight in zip(NAMES, model.weights, strict=True))


def _reliability(held_out: HeldOut) -> Iterator[tuple[str, str, int]]:
    """By how likely a label was said to be: the mean of that, how often it was right, and of how many."""
    place = np.minimum((held_out.probability * _BINS).astype(int), _BINS - 1)
    right = held_out.labels == held_out.predicted
    for own in (place == number for number in range(_BINS)):
        if own.any():
            yield f"{held_out.probability[own].mean():.2f}", f"{right[own].mean():.2f}", int(own.sum())


def _by_label(labels: Sequence[str], held_out: HeldOut) -> Iterator[tuple[str, int, str]]:
    right = held_out.labels == held_out.predicted
    for place, label in enumerate(labels):
        own = held_out.labels == place
        yield label, int(own.sum()), f"{right[own].mean():.2f}"


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    return ["", f"## {title}", "", _row(columns), _row(["---"] * len(columns)), *map(_row, rows)]


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
