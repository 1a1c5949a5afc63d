"""Numbers that say how good: of rankings, of answers, of probabilities, each with its interval."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta

Floats = NDArray[np.float64]

BOOTSTRAP_SAMPLES = 1000  # moves the ends of a 95 % interval by less than a tenth of its width
CONFIDENCE = 0.95


# --- rankings -----------------------------------------------------------------------------------------


def hit(ranked: Sequence[str], gold: AbstractSet[str], k: int) -> float:
    """1 if a gold document is among the first ``k``, else 0.

    This is what the published baselines of ``data/README.md`` call R@k: on mtragun (1 to 35 gold
    passages a question) the encoder alone gives .752 by this definition and .322 by ``full_recall``.
    """
    return float(any(document in gold for document in ranked[:k]))


def full_recall(ranked: Sequence[str], gold: AbstractSet[str], k: int) -> float:
    """Share, in [0, 1], of the gold documents that are among the first ``k``."""
    return len(gold & set(ranked[:k])) / len(gold)


def reciprocal_rank(ranked: Sequence[str], gold: AbstractSet[str], depth: int | None = None) -> float:
    """1 / rank of the first gold document among the first ``depth`` (all when none), 0 without one."""
    return next((1 / rank for rank, document in enumerate(ranked[:depth], start=1) if document in gold), 0.0)


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """Normalised discounted cumulative gain of the first ``k``, in [0, 1] (Järvelin & Kekäläinen 2002).

    Gain is the grade, discount log2(rank + 1), as in trec_eval's ``ndcg_cut``.
    """
    gained = sum(grades.get(document, 0) / np.log2(place + 2) for place, document in enumerate(ranked[:k]))
    best = sum(
        grade / np.log2(place + 2) for place, grade in enumerate(sorted(grades.values(), reverse=True)[:k])
    )
    return float(gained / best) if best else 0.0


# --- answers ------------------------------------------------------------------------------------------

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def squad_tokens(text: str) -> list[str]:
    """Words of ``text`` as SQuAD (arXiv:1606.05250) compares them: lower case, no punctuation or articles."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def token_f1(answer: str, reference: str) -> float:
    """F1, in [0, 1], of the words that ``answer`` and ``reference`` share, counted with repetition.

    Two texts without words are alike (1); one without words is unlike any other (0).
    """
    found, wanted = squad_tokens(answer), squad_tokens(reference)
    if not found or not wanted:
        return float(found == wanted)
    shared = (Counter(found) & Counter(wanted)).total()
    return 2 * shared / (len(found) + len(wanted))


# --- labels -------------------------------------------------------------------------------------------


def macro_f1(truth: NDArray[np.intp], predicted: NDArray[np.intp], number: int) -> float:
    """Mean of the labels' F1, over those of ``number`` labels that are there; labels are places below it.

    A prediction of ``number`` is no label at all: wrong, not a class.
    """
    hits = np.bincount(truth[truth == predicted], minlength=number)
    asked = np.bincount(truth, minlength=number)
    given = np.bincount(predicted, minlength=number + 1)[:number]
    return float((2 * hits / np.maximum(asked + given, 1))[asked > 0].mean())


def quadratic_kappa(truth: NDArray[np.intp], given: NDArray[np.intp], levels: int) -> float:
    """Agreement on a scale of ``levels`` beyond chance, at most 1, by squared distance (Cohen 1968).

    NaN where both sides know one level only: there is nothing to agree on.
    """
    steps = np.arange(levels)
    apart = (steps[:, None] - steps[None, :]) ** 2
    found = np.zeros((levels, levels))
    np.add.at(found, (truth, given), 1)
    by_chance = np.outer(found.sum(axis=1), found.sum(axis=0)) / max(len(truth), 1)
    expected = float((apart * by_chance).sum())
    return 1 - float((apart * found).sum()) / expected if expected else float("nan")


# --- probabilities ------------------------------------------------------------------------------------


def auroc(scores: ArrayLike, positive: ArrayLike) -> float:
    """Probability that a positive scores higher than a negative, ties counting half (Mann-Whitney U).

    NaN when one of the two classes is missing.
    """
    values, truth = np.asarray(scores, float), np.asarray(positive, bool)
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    wins = _average_ranks(values)[truth].sum() - positives * (positives + 1) / 2
    return float(wins / (positives * negatives))


def ece(probabilities: ArrayLike, happened: ArrayLike, *, bins: int = 10) -> float:
    """Expected calibration error in [0, 1], over bins of equal mass (arXiv:1904.01685, "adaptive").

    Mean distance between the mean probability of a bin and how often it happened there, weighted by
    the bin's size. Equal probabilities never fall into different bins.
    """
    values, truth = np.asarray(probabilities, float), np.asarray(happened, float)
    if not len(values):
        return float("nan")
    places = ((_average_ranks(values) - 0.5) * bins / len(values)).astype(int)
    error = sum(
        abs(values[places == place].sum() - truth[places == place].sum()) for place in np.unique(places)
    )
    return float(error / len(values))


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """How often answers are wrong as more questions are answered, the surest first (arXiv:1705.08500).

    ``coverage`` and ``risk`` have one entry per answer: coverage is the share of all ``questions``
    answered so far, risk the share of those answers that is wrong. Equally sure answers share their
    errors evenly, so the order of the input does not matter.
    """

    coverage: Floats
    risk: Floats

    @property
    def area(self) -> float:
        """Area under the curve as the mean risk over its points (AURC); NaN without an answer."""
        return float(self.risk.mean()) if len(self.risk) else float("nan")

    def risk_at(self, coverage: float) -> float:
        """Risk when at least ``coverage`` of the questions are answered; NaN when fewer ever are."""
        place = int(np.searchsorted(self.coverage, coverage - 1e-9))
        return float(self.risk[place]) if place < len(self.risk) else float("nan")


def risk_coverage(confidence: ArrayLike, correct: ArrayLike, *, questions: int | None = None) -> RiskCoverage:
    """The curve of answers given with ``confidence`` of which ``correct`` were right.

    ``questions`` counts those that got no answer too; by default every question got one.
    """
    values, right = np.asarray(confidence, float), np.asarray(correct, float)
    order = np.argsort(-values, kind="stable")
    values, right = values[order], right[order]
    _, block = np.unique(-values, return_inverse=True)
    sizes = np.bincount(block) if len(block) else np.zeros(0)
    evened = (np.bincount(block, weights=right) / sizes)[block] if len(block) else right
    answered = np.arange(1, len(values) + 1)
    return RiskCoverage(
        coverage=answered / (questions or max(len(values), 1)), risk=1 - np.cumsum(evened) / answered
    )


def _average_ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of the ranks they take."""
    _, block, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    mean: Floats = (last - (sizes - 1) / 2)[block]
    return mean


# --- intervals ----------------------------------------------------------------------------------------


def bootstrap(
    statistic: Callable[[NDArray[np.intp]], float], n: int, *, samples: int = BOOTSTRAP_SAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval (95 %) of a statistic over ``n`` questions (Efron & Tibshirani 1993, ch. 13).

    ``statistic`` is given places of questions, drawn with replacement; draws for which it is undefined
    (NaN) are left out, and the interval is NaN when all are.
    """
    random = np.random.default_rng(seed)
    values = np.array([statistic(random.integers(0, n, n)) for _ in range(samples)] if n else [])
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def clopper_pearson(hits: int, of: int) -> tuple[float, float]:
    """The exact interval (95 %) of a share: the truth is outside one time in twenty at the most."""
    outside = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(outside, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - outside, hits + 1, of - hits)) if hits < of else 1.0
    return low, high
