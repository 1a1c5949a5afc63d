"""Whether messages get the right intent, whether its probability holds, and what is out of scope."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedKFold

from evals.errors import DatasetInvalid
from evals.measures import Measures
from evals.metrics import auroc, ece, macro_f1
from evals.report import Report, Stopwatch
from inference.embeddings import Encoder, Matrix
from inference.tuner import Tuner
from triage.diagrams import draw_reliability
from triage.drift import VECTORS, mean_discrepancy
from triage.examples import OUT_OF_SCOPE, Example
from triage.fine_tuning import train_tuned
from triage.labels import Certainty
from triage.model import train
from triage.risk import certainty_of, fit_operating_points

RISK = 0.05  # share of messages routed that may be wrong
_PERMUTATIONS = 1000
_PEER_COLUMNS = ("peer", "text", "label", "predicted", "score")


@dataclass(frozen=True, slots=True)
class Judged:
    """A test message with what was predicted for it.

    ``probability`` is that of the label, ``surety`` grows with how likely any label fits; ``routed`` says
    that the model is sure enough for the risk asked for; ``seed`` tells the runs apart.
    """

    example: Example
    predicted: str
    probability: float
    surety: float
    seed: int = 0
    routed: bool = False

    @property
    def in_scope(self) -> bool:
        """Whether one of the labels fits the message."""
        return self.example.label != OUT_OF_SCOPE

    @property
    def right(self) -> bool:
        """Whether the predicted label is the message's."""
        return self.predicted == self.example.label


@dataclass(frozen=True, slots=True)
class Shift:
    """How test messages differ from those trained on.

    ``probability`` is the change of the mean probability of the label; ``vectors_p`` how often chance alone
    makes the vectors differ as much (``triage.drift``).
    """

    probability: float
    vectors_p: float


def few_shot(examples: Sequence[Example], shots: int, *, seed: int) -> list[Example]:
    """``shots`` examples of each label (all, where it has fewer), drawn by ``seed``."""
    random = np.random.default_rng(seed)
    labels = sorted({example.label for example in examples})
    found: list[Example] = []
    for label in labels:
        own = [example for example in examples if example.label == label]
        found += [own[place] for place in sorted(random.permutation(len(own))[:shots])]
    return found


def others(examples: Sequence[Example], chosen: Sequence[Example], *, seed: int) -> list[str]:
    """Texts of ``examples`` that are not ``chosen``, in an order drawn by ``seed``."""
    taken = {example.text for example in chosen}
    rest = [example.text for example in examples if example.text not in taken]
    return [rest[place] for place in np.random.default_rng(seed).permutation(len(rest))]


def judge(
    train_on: Sequence[Example],
    test_on: Sequence[Example],
    encoder: Encoder,
    *,
    seed: int,
    risk: float = RISK,
    tuner: Tuner | None = None,
    unlabelled: Sequence[str] = (),
) -> tuple[list[Judged], Shift]:
    """Train on one set and predict the other; every message gets a label, however unsure.

    With ``tuner`` the encoder is fine-tuned, where that wins on examples held out of ``train_on``; without
    one the ``unlabelled`` messages teach what the examples say of them. A message is routed when the model's
    own operating points, from held-out training messages, allow it at ``risk``.
    """
    model, held_out = (
        train_tuned(train_on, encoder, tuner, seed=seed)
        if tuner
        else train(train_on, encoder, unlabelled=unlabelled, seed=seed)
    )
    points = fit_operating_points(held_out.probability, held_out.predicted == held_out.labels, risks=[risk])
    texts = [example.text for example in test_on]
    predictions = model.predict(texts, encoder, others=0)
    judged = [
        Judged(
            example,
            found.label,
            found.probability,
            found.in_scope,
            seed,
            certainty_of(found.probability, found.in_scope, points=points, risk=risk) is Certainty.SURE,
        )
        for example, found in zip(test_on, predictions, strict=True)
    ]
    learned = [example.text for example in train_on if example.label != OUT_OF_SCOPE]
    change = np.mean([one.probability for one in judged]) - held_out.probability.mean()
    return judged, Shift(float(change), _likeness(encoder.encode(learned), encoder.encode(texts), seed=seed))


def evaluate_intents(
    name: str,
    train_on: Sequence[Example],
    test_on: Sequence[Example],
    encoder: Encoder,
    *,
    shots: int | None = None,
    seeds: Sequence[int] = (0,),
    risk: float = RISK,
    peers: Path | None = None,
    diagram: Path | None = None,
    tuner: Tuner | None = None,
    unlabelled: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> Report:
    """Train on ``train_on`` and judge ``test_on``, once for each of ``seeds``; figures are over all runs.

    ``shots`` takes that many examples of each label, drawn anew by each seed; with ``unlabelled`` the texts
    of the others are seen too, without their labels. ``risk`` in (0, 1) is the share of messages routed that
    may be wrong. ``peers`` is a file of what others said to the same messages; their figures are recomputed
    from it. ``diagram`` is where a reliability diagram of the messages in scope is drawn, with ``.png`` and
    ``.svg`` behind it. ``tuner`` is that of ``judge``. ``shift`` figures are of the first run.
    """
    stopwatch = Stopwatch()
    judged: list[Judged] = []
    shifts: list[Shift] = []
    for seed in seeds:
        chosen = few_shot(train_on, shots, seed=seed) if shots else train_on
        rest = others(train_on, chosen, seed=seed) if unlabelled else ()
        found, shift = judge(chosen, test_on, encoder, seed=seed, risk=risk, tuner=tuner, unlabelled=rest)
        judged += found
        shifts.append(shift)
        advance()
    measures = measure(judged)
    if diagram is not None:
        inside = [one for one in judged if one.in_scope]
        draw_reliability(
            [one.probability for one in inside], [one.right for one in inside], title=name, target=diagram
        )
    measures.number("shift.probability", shifts[0].probability)
    measures.number("shift.vectors_p", shifts[0].vectors_p)
    if peers is not None:
        for peer, answers in read_peers(peers).items():
            measures.metrics.update(
                {
                    f"peer.{peer}.{metric}": value
                    for metric, value in measure(answers, sure=False).metrics.items()
                }
            )
    return stopwatch.report("intents", name, len(test_on), measures)


def evaluate_folds(
    name: str,
    examples: Sequence[Example],
    encoder: Encoder,
    *,
    folds: int,
    seed: int = 0,
    risk: float = RISK,
    tuner: Tuner | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Report:
    """Cross-validation over ``examples``: each is judged by a model that was trained without its fold."""
    stopwatch = Stopwatch()
    labels = [example.label for example in examples]
    judged: list[Judged] = []
    split = StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels)
    for fitted, held in split:
        learned, asked = [examples[row] for row in fitted], [examples[row] for row in held]
        judged += judge(learned, asked, encoder, seed=seed, risk=risk, tuner=tuner)[0]
        advance()
    return stopwatch.report("intents", name, len(examples), measure(judged))


def measure(judged: Sequence[Judged], *, sure: bool = True) -> Measures:
    """Accuracy and macro-F1 in scope, AUROC of in scope against out of it, calibration error, routing.

    ``sure`` says that probabilities claim to be ones, so that their error means something. Macro-F1 is
    the mean over runs. ``routed_error`` is the share of messages routed that is wrong: those of another label
    and, where it does not say in scope, those that no label fits.
    """
    measures = Measures()
    inside = [one for one in judged if one.in_scope]
    measures.mean("in_scope_accuracy", [one.right for one in inside])
    measures.statistic("macro_f1", len(inside), _macro_f1(inside))
    if sure:
        measures.pairs("ece", [one.probability for one in inside], [one.right for one in inside], ece)
        measures.mean("routed_share", [one.routed for one in judged])
        measures.mean("routed_error", [not one.right for one in judged if one.routed])
        measures.mean("routed_error_in_scope", [not one.right for one in inside if one.routed])
    if len(inside) < len(judged):
        measures.pairs("oos_auroc", [one.surety for one in judged], [one.in_scope for one in judged], _auroc)
    return measures


def read_peers(file: Path) -> dict[str, list[Judged]]:
    """What each peer said: rows of peer, text, label, predicted and score. Raises ``DatasetInvalid``."""
    found: dict[str, list[Judged]] = {}
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            if not set(_PEER_COLUMNS) <= set(rows.fieldnames or ()):
                raise DatasetInvalid(f"{file} needs the columns {', '.join(_PEER_COLUMNS)}.")
            for row in rows:
                score = float(row["score"] or 0)
                example = Example(row["text"], row["label"])
                found.setdefault(row["peer"], []).append(Judged(example, row["predicted"], score, score))
    except (OSError, ValueError) as error:
        raise DatasetInvalid(f"{file} cannot be read: {error}.") from None
    return found


def _auroc(scores: ArrayLike, positive: ArrayLike) -> float:
    return auroc(scores, positive) if 0 < np.asarray(positive).mean() < 1 else float("nan")


def _macro_f1(inside: Sequence[Judged]) -> Callable[[NDArray[np.intp]], float]:
    names = sorted({one.example.label for one in inside})
    place = {name: number for number, name in enumerate(names)}
    truth = np.array([place[one.example.label] for one in inside], dtype=np.intp)
    # A prediction that is no label of the test set (a peer's "none of these") is wrong, not a class.
    predicted = np.array([place.get(one.predicted, len(names)) for one in inside], dtype=np.intp)
    runs = np.array([one.seed for one in inside])

    def statistic(places: NDArray[np.intp]) -> float:
        of_runs = (places[runs[places] == run] for run in np.unique(runs[places]))
        return float(np.mean([macro_f1(truth[own], predicted[own], len(names)) for own in of_runs]))

    return statistic


def _likeness(before: Matrix, after: Matrix, *, seed: int) -> float:
    random = np.random.default_rng(seed)
    one, other = (vectors[random.permutation(len(vectors))[:VECTORS]] for vectors in (before, after))
    return mean_discrepancy(one, other, _PERMUTATIONS, random)[1]
