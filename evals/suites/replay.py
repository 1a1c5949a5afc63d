"""Whether corrections make the intents better when they are replayed, and whether wrong ones are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from evals.measures import Measures
from evals.report import Report, Stopwatch
from evals.suites.intents import few_shot
from inference.embeddings import Encoder
from triage.corrections import Correction, CorrectionSource, LabelKind
from triage.examples import OUT_OF_SCOPE, Example
from triage.model import IntentModel, train
from triage.similar_texts import RememberingEncoder
from triage.study import study, trainable, training_set

_START = datetime(2026, 1, 1, tzinfo=UTC)
_PEOPLE = 3
_FLOOD = 100  # times that one message is sent again


def evaluate_replay(
    name: str,
    train_on: Sequence[Example],
    test_on: Sequence[Example],
    encoder: Encoder,
    *,
    shots: int = 5,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> Report:
    """Train on ``shots`` examples of each label, correct the first half of the test, judge the second.

    Messages out of scope are left out of the test. ``before`` and ``after`` are accuracies on the second half
    of the model without corrections and of the one that learning leaves live (the same, where it refuses),
    ``direct`` of a model trained on the shots and the first half; ``gap`` is how much the direct one is
    better. ``poisoned_promoted`` is the share of four poisoned streams of corrections whose model would go
    live: one label called by another's name, two that change names, labels at random, one message a hundred
    times with another label.
    """
    stopwatch, remembering = Stopwatch(), RememberingEncoder(encoder)
    base, _ = trainable(few_shot(train_on, shots, seed=seed))
    inside = [example for example in test_on if example.label != OUT_OF_SCOPE]
    said, judging = inside[: len(inside) // 2], inside[len(inside) // 2 :]
    live, _ = train(base, remembering, seed=seed)
    advance()
    honest = corrections_of(said)
    found = study(base, honest, live, remembering, seed=seed)
    advance()
    direct, _ = train(trainable(training_set(base, honest))[0], remembering, seed=seed)
    right = {
        "before": _right(live, judging, remembering),
        "after": _right(found.final or live, judging, remembering),
        "direct": _right(direct, judging, remembering),
    }
    measures = Measures()
    for metric, values in right.items():
        measures.mean(metric, values)
    measures.mean("gap", [a - b for a, b in zip(right["direct"], right["after"], strict=True)])
    measures.number("promoted", float(found.final is not None))
    accepted = []
    for poisoned in poisoned_streams(said, seed=seed).values():
        accepted.append(float(study(base, poisoned, live, remembering, seed=seed).final is not None))
        advance()
    measures.number("poisoned_promoted", float(np.mean(accepted)))
    return stopwatch.report("replay", name, len(judging), measures)


def corrections_of(said: Sequence[Example]) -> list[Correction]:
    """What people make of the messages ``said``, in their order: a minute apart, three people in turn."""
    return [
        Correction(
            text=example.text,
            kind=LabelKind.INTENT,
            became=example.label,
            was=None,
            who=f"agent {number % _PEOPLE + 1}",
            source=CorrectionSource.CSV,
            at=_START + timedelta(minutes=number),
        )
        for number, example in enumerate(said)
    ]


def poisoned_streams(said: Sequence[Example], *, seed: int) -> dict[str, list[Correction]]:
    """Four ways in which corrections of ``said`` go wrong, by name, each by all people alike.

    So nobody stands out among them, and only what the model makes of trusted examples can tell.
    """
    random = np.random.default_rng(seed)
    honest = corrections_of(said)
    (label, _), (other, _) = Counter(example.label for example in said).most_common(2)
    labels = sorted({example.label for example in said})
    swapped = [replace(each, became=other if each.became == label else each.became) for each in honest]
    other_way = {label: other, other: label}
    exchanged = [replace(each, became=other_way.get(each.became or "", each.became)) for each in honest]
    at_random = [replace(each, became=labels[random.integers(len(labels))]) for each in honest]
    text = next(example.text for example in said if example.label == label)
    flood = corrections_of([Example(f"{text} {number}", other) for number in range(_FLOOD)])
    return {"swap": swapped, "exchange": exchanged, "random": at_random, "flood": flood}


def _right(model: IntentModel, judging: Sequence[Example], encoder: Encoder) -> list[float]:
    found = model.predict([example.text for example in judging], encoder, others=0)
    return [float(said.label == example.label) for said, example in zip(found, judging, strict=True)]
