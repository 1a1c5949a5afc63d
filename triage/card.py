"""The model card: what a model was made of and how far to trust it, beside the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from triage.diagrams import draw_confusions, draw_coverage, draw_reliability, reliability_bins
from triage.heads import NAMES
from triage.model import HeldOut, IntentModel
from triage.risk import OperatingPoints, wilson

CARD = "card.md"
_PAIRS = 10
_FEW = 10  # examples of a label; the share that is right of fewer is known to within 20 points at best
_UNEVEN = 10  # times as many examples of one label as of another: the rare one is seldom said
_SHOWN_RISKS = (0.01, 0.02, 0.05, 0.1, 0.2)

Interval = tuple[float, float]
Pictures = Mapping[str, Path]


def write_model_card(
    folder: Path,
    model: IntentModel,
    held_out: HeldOut,
    *,
    metrics: Mapping[str, float],
    intervals: Mapping[str, Interval],
    points: OperatingPoints | None = None,
) -> Path:
    """Write the card into ``folder``, with its pictures beside it as PNG and SVG, and return where it is."""
    right = held_out.labels == held_out.predicted
    reliability, _ = draw_reliability(
        held_out.probability, right, title="How often the label is right", target=folder / "reliability"
    )
    coverage, _ = draw_coverage(
        held_out.probability,
        right,
        title="What may be routed without a person",
        target=folder / "coverage",
        points=points,
    )
    confusions, _ = draw_confusions(
        confused(model.labels, held_out), title="What is taken for what", target=folder / "confusions"
    )
    pictures = {"reliability": reliability, "coverage": coverage, "confusions": confusions}
    card = write_card(model, held_out, metrics=metrics, intervals=intervals, points=points, pictures=pictures)
    (folder / CARD).write_text(card, encoding="utf-8")
    return folder / CARD


def write_card(
    model: IntentModel,
    held_out: HeldOut,
    *,
    metrics: Mapping[str, float],
    intervals: Mapping[str, Interval],
    points: OperatingPoints | None = None,
    pictures: Pictures = MappingProxyType({}),
) -> str:
    """Markdown: where the model is from, its labels, its held-out figures, what it confuses.

    ``metrics`` and their 95 % ``intervals`` are of ``held_out``, predictions by heads that had not seen the
    message. ``pictures`` by name ("reliability", "coverage", "confusions") are linked by file name: they
    lie beside the card.
    """
    made_of = model.provenance
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
            *_unlabelled(made_of),
            f"* Seed {made_of['seed']}, encoder `{made_of['encoder']}`. Heads: {_heads(model)}.",
            f"* {_balance(model.labels, held_out)}",
            f"* {_scope(model)}",
            *([f"* {fine_tuning_note(model)}"] if "fine_tuning" in made_of else []),
            *_table("Held-out figures", ("metric", "value", "95 % interval"), figures),
            *_table("Reliability", ("said", "happened", "95 % interval", "messages"), _reliability(held_out)),
            *_picture(
                "reliability", "How often the label is right, by how likely it was said to be", pictures
            ),
            *_routing(points),
            *_picture("coverage", "Errors among the messages routed, as more of them are", pictures),
            *_table(
                "Labels", ("label", "examples", "right", "95 % interval"), _by_label(model.labels, held_out)
            ),
            *_table("Most confused", ("is", "was taken for", "times"), pairs),
            *_picture("confusions", "Which label was taken for which, and how often", pictures),
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


def fine_tuning_note(model: IntentModel) -> str:
    """What came of fine-tuning the encoder for a model that ``train_tuned`` made."""
    told = model.provenance["fine_tuning"]
    if not told["held_out"]:
        return "Fine-tuned: no, no label has three examples, of which one would say whether it helps."
    share = (
        f"{told['tuned']:.3f} of {told['held_out']} held-out examples were right with it ({told['steps']} "
        f"steps), {told['frozen']:.3f} without"
    )
    if told["encoder"] is None:
        return f"Fine-tuned: tried and not kept: {share}."
    return (
        f"Fine-tuned: yes, `{told['encoder']}`; {share}. Figures and counts here are of those: a third of "
        "each label's, which neither the encoder nor the heads that were judged had learnt from."
    )


def _unlabelled(made_of: Mapping[str, Any]) -> list[str]:
    if "unlabelled" not in made_of:
        return []
    number, digest = made_of["unlabelled"], made_of["unlabelled_sha256"]
    return [f"* {number} messages without labels taught besides, SHA-256 `{digest}`."]


def _heads(model: IntentModel) -> str:
    return ", ".join(f"{name} × {weight:.2f}" for name, weight in zip(NAMES, model.weights, strict=True))


def _balance(labels: Sequence[str], held_out: HeldOut) -> str:
    """How evenly the examples are spread over the labels, and what follows where they are not."""
    counts = np.bincount(held_out.labels, minlength=len(labels))
    least, most = int(counts.argmin()), int(counts.argmax())
    note = (
        f"{len(labels)} labels with {counts[least]} ({_cell(labels[least])}) to {counts[most]} "
        f"({_cell(labels[most])}) examples each, {np.median(counts):g} in the middle."
    )
    if counts[most] >= _UNEVEN * counts[least]:
        times = counts[most] / max(counts[least], 1)
        note += (
            f" They are uneven: {times:.0f} times as many of the commonest as of the "
            "rarest. Rare labels tend to be said less often than they are meant; macro-F1 counts them alike."
        )
    few = int((counts < _FEW).sum())
    if few:
        note += f" {few} of them have fewer than {_FEW} examples, so little is known of how they do."
    return note


def _scope(model: IntentModel) -> str:
    """What tells messages that no label fits was learnt from."""
    if model.scope is None:
        return "Tells what fits no label: no, there were too few labels to learn it from."
    strange = model.provenance["out_of_scope"]
    return (
        "Tells what fits no label: yes. Learnt from the examples of labels that were left out in turn"
        f"{f', and from {strange} examples marked as out of scope' if strange else ''}, against examples of "
        "labels that were not; both sides weigh the same, as nobody knew how many live messages fit no label."
    )


def _reliability(held_out: HeldOut) -> Iterator[tuple[str, str, str, int]]:
    """By how likely a label was said to be: the mean of that, how often it was right, and of how many."""
    for found in reliability_bins(held_out.probability, held_out.labels == held_out.predicted):
        if found is not None:
            share, interval = _share(found.right, found.messages)
            yield f"{found.said:.2f}", share, interval, found.messages


def _by_label(labels: Sequence[str], held_out: HeldOut) -> Iterator[tuple[str, int, str, str]]:
    right = held_out.labels == held_out.predicted
    for place, label in enumerate(labels):
        own = held_out.labels == place
        yield label, int(own.sum()), *_share(int(right[own].sum()), int(own.sum()))


def _share(hits: int, trials: int) -> tuple[str, str]:
    """The share and its 95 % interval (Wilson 1927)."""
    low, high = wilson(hits, trials)
    return f"{hits / trials:.2f}" if trials else "", f"{float(low):.2f} – {float(high):.2f}"


def _routing(points: OperatingPoints | None) -> list[str]:
    if points is None:
        return []
    rows = [
        (
            f"{100 * point.risk:g} %",
            "none" if point.threshold is None else f"{point.threshold:.3f}",
            f"{point.coverage:.1%}".replace("%", " %"),
            f"{point.wrong} of {point.accepted}",
        )
        for point in points.points
        if point.risk in _SHOWN_RISKS
    ]
    promise = (
        f"Each row holds with {100 * points.confidence:g} % confidence on messages like those it was trained "
        f"on; it is of {points.messages} held-out messages. `none` says that they are too few, or too often "
        "wrong, to promise so little."
    )
    columns = ("wrong at most", "certainty above", "messages routed", "wrong")
    return [*_table("Routing without a person", columns, rows), "", promise]


def _picture(name: str, said: str, pictures: Pictures) -> list[str]:
    return ["", f"![{said}]({pictures[name].name})"] if name in pictures else []


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    return ["", f"## {title}", "", _row(columns), _row(["---"] * len(columns)), *map(_row, rows)]


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(cell: object) -> str:
    return str(cell).replace("|", "\\|").replace("\n", " ")
