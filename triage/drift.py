"""Whether the messages of today are still like those that the model was set up with.

Five questions, each with a test and with a size below which a difference is none that matters: the shares of
the labels, the share of any one label, confidence, messages out of scope, and the messages themselves by
their vectors. Each may raise a false alarm in a fifth of the comparisons that all together may.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, jensenshannon
from scipy.stats import fisher_exact, hypergeom, norm

from inference.embeddings import Matrix
from kit.errors import InvalidInput
from triage.discovery import is_personal, telling_words
from triage.errors import SnapshotUnreadable
from triage.labels import Certainty, Triage
from triage.model import Prediction

FORMAT = 1
FALSE_ALARMS = 0.01  # share of comparisons of like with like that raise an alarm, at most
RARE = "(rare labels)"
VECTORS = 500  # kept in a snapshot: 375 kB, and a thousand by a thousand kernel to compare two
_WORDS = 2000  # kept in a snapshot, the most frequent
_IN_SCOPE = 0.5
_TESTS = 5
_FEWEST = 10  # messages of both sides of a label; rarer ones count as one
_INTERVAL = 0.95
_NEW_WORD = 3.0  # times as frequent as before
_NEW_WORD_LEAST = 5
_NEW_WORDS_SHOWN = 10
_SNAPSHOT, _VECTORS_FILE = "snapshot.json", "vectors.npz"


class Severity(StrEnum):
    """How bad a change is."""

    NONE = "none"
    MODERATE = "moderate"
    MAJOR = "major"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which size a change is moderate, and major.

    Those of the population stability index are Siddiqi's (Credit Risk Scorecards, 2006): below .1 no change
    worth a look, from .25 one that calls for a new model. The others are ours: differences of means and
    shares, and for one label the factor by which its share changed and the least difference of it.
    """

    psi: tuple[float, float] = (0.1, 0.25)
    confidence: tuple[float, float] = (0.03, 0.1)
    out_of_scope: tuple[float, float] = (0.02, 0.1)
    growth: tuple[float, float] = (1.5, 3.0)
    growth_least: float = 0.01


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is kept of a time: counts, and a bounded sample of vectors; no text.

    ``labels`` counts messages in scope; ``confidence`` and ``deviation`` are the mean and the standard
    deviation of the label's probability. ``words`` are in how many messages each is. ``vectors`` (up to 500,
    dimensions) are made by ``encoder``.
    """

    count: int
    labels: Mapping[str, int]
    out_of_scope: int
    confidence: float
    deviation: float
    words: Mapping[str, int]
    vectors: Matrix
    encoder: str = ""

    @classmethod
    def of(
        cls,
        found: Sequence[Triage | Prediction],
        vectors: Matrix,
        texts: Sequence[str],
        *,
        encoder: str = "",
        seed: int = 0,
    ) -> Self:
        """Of messages, what was found of them and their vectors (messages, dimensions).

        Words are kept that two messages or more have, without those that personal data is made of. Raises
        ``InvalidInput`` when there are no messages.
        """
        if not len(found) == len(vectors) == len(texts):
            raise ValueError(f"{len(found)} findings, {len(vectors)} vectors and {len(texts)} texts")
        if not found:
            raise InvalidInput("There are no messages to take a snapshot of.")
        read = [_read(one) for one in found]
        confidence = np.array([probability for _, probability, _ in read])
        rows = np.arange(len(found))
        if len(rows) > VECTORS:
            rows = np.sort(np.random.default_rng(seed).choice(rows, VECTORS, replace=False))
        return cls(
            count=len(found),
            labels=dict(sorted(Counter(label for label, _, inside in read if inside).items())),
            out_of_scope=sum(not inside for _, _, inside in read),
            confidence=float(confidence.mean()),
            deviation=float(confidence.std(ddof=1)) if len(found) > 1 else 0.0,
            words=_frequent_words(texts),
            vectors=np.asarray(vectors, np.float32)[rows].astype(np.float16).astype(np.float32),
            encoder=encoder,
        )

    def save(self, folder: Path) -> None:
        """Write it into ``folder`` as ``load_snapshot`` reads it: JSON and a plain array, no code."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _VECTORS_FILE).open("wb") as file:
            np.savez_compressed(file, vectors=self.vectors.astype(np.float16))
        names = [name for name in self.__slots__ if name != "vectors"]
        described: dict[str, Any] = {"format": FORMAT, **{name: getattr(self, name) for name in names}}
        (folder / _SNAPSHOT).write_text(json.dumps(described, ensure_ascii=False) + "\n", encoding="utf-8")


def load_snapshot(folder: Path) -> Snapshot:
    """The snapshot in ``folder``. Raises ``SnapshotUnreadable`` when there is none."""
    try:
        described = json.loads((folder / _SNAPSHOT).read_text(encoding="utf-8"))
        if described.pop("format") != FORMAT:
            raise SnapshotUnreadable(f"The snapshot in {folder} has another format. Take it again.")
        with np.load(folder / _VECTORS_FILE, allow_pickle=False) as arrays:
            return Snapshot(**described, vectors=arrays["vectors"].astype(np.float32))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SnapshotUnreadable(f"{folder} holds no snapshot: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Shift:
    """A mean or a share before and after, and the 95 % interval of the difference; ``p`` of no difference."""

    before: float
    after: float
    low: float
    high: float
    p: float

    @property
    def difference(self) -> float:
        """After less before."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class LabelGrowth:
    """The share of one label among messages in scope; ``p`` holds for all labels looked at together."""

    label: str
    share: Shift

    @property
    def factor(self) -> float:
        """How many times as frequent; a label that is new or gone counts as a thousandth."""
        return max(self.share.after, 1e-3) / max(self.share.before, 1e-3)


@dataclass(frozen=True, slots=True)
class NewWord:
    """A word and the shares of messages that have it."""

    word: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that changed, in words."""

    kind: str
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    """How ``recent`` messages differ from ``reference`` ones (numbers of both).

    ``psi`` is the population stability index of the label shares, ``psi_p`` how often chance alone gives as
    much; ``jensen_shannon`` their distance in [0, 1] (base 2). ``growth`` has all labels that are not rare,
    the most changed first. ``mmd`` is the maximum mean discrepancy of the vectors. ``findings`` are what is
    neither chance nor too small to matter, worst first: without any there is no alarm.
    """

    reference: int
    recent: int
    psi: float
    psi_p: float
    jensen_shannon: float
    growth: tuple[LabelGrowth, ...]
    confidence: Shift
    out_of_scope: Shift
    mmd: float
    mmd_p: float
    new_words: tuple[NewWord, ...]
    findings: tuple[Finding, ...]

    @property
    def severity(self) -> Severity:
        """That of the worst finding."""
        return self.findings[0].severity if self.findings else Severity.NONE

    @property
    def alarm(self) -> bool:
        """Whether somebody should look."""
        return bool(self.findings)

    def text(self) -> str:
        """For people: what changed and how bad it is."""
        head = {
            Severity.NONE: "No drift",
            Severity.MODERATE: "Moderate drift",
            Severity.MAJOR: "Major drift",
        }[self.severity]
        lines = [f"{head}: {self.recent:,} recent messages against {self.reference:,}."]
        lines += [f"  {finding.severity}: {finding.text}" for finding in self.findings]
        if self.new_words:
            words = ", ".join(f"{new.word} ({new.after:.1%}, was {new.before:.1%})" for new in self.new_words)
            lines.append(f"  New words: {words}.")
        return "\n".join(lines)


def measure_drift(
    reference: Snapshot,
    recent: Snapshot,
    *,
    false_alarms: float = FALSE_ALARMS,
    thresholds: Thresholds = Thresholds(),
    seed: int = 0,
) -> DriftReport:
    """How ``recent`` differs from ``reference``; about 0.2 s, whatever the number of messages.

    Of comparisons of like with like, ``false_alarms`` raise one at most, as far as messages come one by one
    and not in bursts. Raises ``SnapshotUnreadable`` when the vectors are of different encoders.
    """
    if reference.encoder != recent.encoder:
        raise SnapshotUnreadable(
            f"The snapshots were made with different encoders, {reference.encoder} and {recent.encoder}. "
            "Take the reference again."
        )
    random = np.random.default_rng(seed)
    permutations = math.ceil(2 * _TESTS / false_alarms)  # the fewest that can tell a chance of half the limit
    shares = _LabelShares.of(reference.labels, recent.labels)
    psi_p, label_p = shares.test(permutations, random)
    mmd, mmd_p = _mmd(reference.vectors, recent.vectors, permutations, random)
    growth = tuple(
        LabelGrowth(name, _share_shift(*counts, p=float(p)))
        for name, counts, p in zip(shares.names, shares.tables(), label_p, strict=True)
    )
    report = DriftReport(
        reference=reference.count,
        recent=recent.count,
        psi=float(_psi(shares.before, shares.after)),
        psi_p=psi_p,
        jensen_shannon=shares.jensen_shannon(),
        growth=tuple(sorted(growth, key=lambda each: (-abs(each.share.difference), each.label))),
        confidence=_confidence_shift(reference, recent),
        out_of_scope=_out_of_scope_shift(reference, recent),
        mmd=mmd,
        mmd_p=mmd_p,
        new_words=_new_words(reference, recent, false_alarms),
        findings=(),
    )
    return _with_findings(report, false_alarms / _TESTS, thresholds)


def _read(found: Triage | Prediction) -> tuple[str, float, bool]:
    """Label, its probability, whether any label fits."""
    if isinstance(found, Triage):
        return found.intent.name, found.intent.probability, found.certainty is not Certainty.OUT_OF_SCOPE
    return found.label, found.probability, found.in_scope >= _IN_SCOPE


def _frequent_words(texts: Sequence[str]) -> dict[str, int]:
    counts = Counter(word for said in telling_words(texts) for word in set(said))
    kept = sorted(
        ((word, count) for word, count in counts.items() if count > 1), key=lambda item: (-item[1], item[0])
    )
    return dict(kept[:_WORDS])


@dataclass(frozen=True, slots=True)
class _LabelShares:
    """Counts (labels,) of both sides, rare labels added up."""

    names: tuple[str, ...]
    before: NDArray[np.int64]
    after: NDArray[np.int64]

    @classmethod
    def of(cls, before: Mapping[str, int], after: Mapping[str, int]) -> Self:
        pairs: dict[str, tuple[int, int]] = {}
        rare = (0, 0)
        for name in sorted({*before, *after}):
            pair = before.get(name, 0), after.get(name, 0)
            if sum(pair) >= _FEWEST:
                pairs[name] = pair
            else:
                rare = rare[0] + pair[0], rare[1] + pair[1]
        if sum(rare):
            pairs[RARE] = rare
        counts = np.array(list(pairs.values()), np.int64).reshape(-1, 2)
        return cls(tuple(pairs), counts[:, 0], counts[:, 1])

    def tables(self) -> list[tuple[int, int, int, int]]:
        """For each label its count and the count of all, before and after."""
        totals = int(self.before.sum()), int(self.after.sum())
        return [
            (int(before), totals[0], int(after), totals[1])
            for before, after in zip(self.before, self.after, strict=True)
        ]

    def jensen_shannon(self) -> float:
        """0 where one side has no message in scope."""
        if not self.before.sum() or not self.after.sum():
            return 0.0
        return float(jensenshannon(self.before, self.after, base=2))

    def test(self, permutations: int, random: np.random.Generator) -> tuple[float, NDArray[np.float64]]:
        """P of the index, and of each label, corrected for all of them by their maximum.

        What chance alone gives is drawn: the labels of all messages dealt out to both sides again. With many
        labels and few messages the index passes .1 without any drift (Yurdakul and Naranjo 2020).
        """
        together = self.before + self.after
        if not self.before.sum() or not self.after.sum() or len(together) < 2:
            return 1.0, np.ones(len(together))
        dealt = random.multivariate_hypergeometric(
            together, int(self.after.sum()), size=permutations, method="marginals"
        )
        index = _psi(together - dealt, dealt)
        largest = _distances(together, dealt).max(axis=1)
        own = _distances(together, self.after[None])[0]
        return (
            _p(index, _psi(self.before, self.after)),
            np.array([_p(largest, distance) for distance in own]),
        )


def _distances(together: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far each label is from its share of all, in its standard deviations: (draws, labels)."""
    total, drawn = together.sum(), after.sum(axis=1, keepdims=True)
    share = together / total
    spread = np.sqrt(np.maximum(drawn * share * (1 - share) * (total - drawn) / max(total - 1, 1), 1e-12))
    return np.asarray(np.abs(after - drawn * share) / spread)


def _psi(before: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.float64]:
    """The index over the last axis; half a message more of each label, so that a new one is not infinite."""
    ones, others = before + 0.5, after + 0.5
    ones, others = ones / ones.sum(axis=-1, keepdims=True), others / others.sum(axis=-1, keepdims=True)
    return np.asarray(((others - ones) * np.log(others / ones)).sum(axis=-1))


def _p(drawn: NDArray[np.float64], found: float | NDArray[np.float64]) -> float:
    """Never 0: what was found is one of the draws (Phipson and Smyth 2010)."""
    return float((1 + (drawn >= found - 1e-12).sum()) / (1 + len(drawn)))


def _share_shift(before: int, before_of: int, after: int, after_of: int, *, p: float) -> Shift:
    """Newcombe's interval (1998, method 10), which holds for shares near 0."""
    if not before_of or not after_of:
        return Shift(0.0, 0.0, -1.0, 1.0, 1.0)
    one, other = before / before_of, after / after_of
    one_low, one_high = _wilson(before, before_of)
    other_low, other_high = _wilson(after, after_of)
    low = other - one - float(np.hypot(other - other_low, one_high - one))
    high = other - one + float(np.hypot(other_high - other, one - one_low))
    return Shift(one, other, low, high, p)


def _wilson(count: int, of: int) -> tuple[float, float]:
    z = float(norm.ppf((1 + _INTERVAL) / 2))
    share = count / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * float(np.sqrt(share * (1 - share) / of + z * z / (4 * of * of))) / (1 + z * z / of)
    return centre - half, centre + half


def _confidence_shift(reference: Snapshot, recent: Snapshot) -> Shift:
    """Welch's interval; with a hundred messages the normal distribution will do."""
    spread = float(np.sqrt(sum(each.deviation**2 / each.count for each in (reference, recent))))
    difference = recent.confidence - reference.confidence
    if not spread:
        return Shift(reference.confidence, recent.confidence, difference, difference, float(not difference))
    half = float(norm.ppf((1 + _INTERVAL) / 2)) * spread
    p = 2 * float(norm.sf(abs(difference) / spread))
    return Shift(reference.confidence, recent.confidence, difference - half, difference + half, p)


def _out_of_scope_shift(reference: Snapshot, recent: Snapshot) -> Shift:
    table = [[each.out_of_scope, each.count - each.out_of_scope] for each in (reference, recent)]
    return _share_shift(
        reference.out_of_scope,
        reference.count,
        recent.out_of_scope,
        recent.count,
        p=float(fisher_exact(table).pvalue),
    )


def _mmd(one: Matrix, other: Matrix, permutations: int, random: np.random.Generator) -> tuple[float, float]:
    """Maximum mean discrepancy with a Gaussian kernel of the median distance (Gretton et al. 2012), and p."""
    together = np.concatenate([one, other]).astype(np.float64)
    distances = cdist(together, together, "sqeuclidean")
    median = float(np.median(distances[np.triu_indices(len(together), 1)]))
    kernel = np.exp(-distances / max(median, 1e-12))
    weights = np.concatenate([np.full(len(one), 1 / len(one)), np.full(len(other), -1 / len(other))])
    found = max(float(weights @ kernel @ weights), 0.0)
    dealt = random.permuted(np.tile(weights, (permutations, 1)), axis=1)
    drawn = ((dealt @ kernel) * dealt).sum(axis=1)
    return float(np.sqrt(found)), _p(drawn, found)


def _new_words(reference: Snapshot, recent: Snapshot, false_alarms: float) -> tuple[NewWord, ...]:
    """Words that are three times as frequent as before and more than chance allows for all of them."""
    names = [word for word, count in recent.words.items() if count >= _NEW_WORD_LEAST]
    if not names:
        return ()
    # Of a word that the reference did not keep we know that it was no more frequent than the last it kept.
    unseen = min(reference.words.values()) if len(reference.words) == _WORDS else 0
    before = np.array([reference.words.get(word, unseen) for word in names])
    after = np.array([recent.words[word] for word in names])
    p = hypergeom.sf(after - 1, reference.count + recent.count, before + after, recent.count)
    found = [
        NewWord(word, float(old), float(new))
        for word, old, new, chance in zip(
            names, before / reference.count, after / recent.count, p, strict=True
        )
        if new >= _NEW_WORD * old and chance <= false_alarms / len(names) and not is_personal(word)
    ]
    return tuple(sorted(found, key=lambda each: (each.before - each.after, each.word))[:_NEW_WORDS_SHOWN])


def _with_findings(report: DriftReport, chance: float, limits: Thresholds) -> DriftReport:
    found = [
        *_label_findings(report, chance, limits),
        *_growth_findings(report, chance, limits),
        *_shift_findings(report, chance, limits),
    ]
    if report.mmd_p <= chance:
        text = f"the messages differ from the earlier ones (MMD {report.mmd:.3f}, p {report.mmd_p:.3f})"
        found.append(Finding("vectors", Severity.MODERATE, text))
    found.sort(key=lambda finding: finding.severity is not Severity.MAJOR)
    values = {name: getattr(report, name) for name in report.__slots__}
    return DriftReport(**{**values, "findings": tuple(found)})


def _severity(size: float, limits: tuple[float, float]) -> Severity:
    if size < limits[0]:
        return Severity.NONE
    return Severity.MAJOR if size >= limits[1] else Severity.MODERATE


def _label_findings(report: DriftReport, chance: float, limits: Thresholds) -> list[Finding]:
    severity = _severity(report.psi, limits.psi)
    if severity is Severity.NONE or report.psi_p > chance:
        return []
    most = ", ".join(_in_words(each) for each in report.growth[:3])
    text = f"the labels are shared out differently (PSI {report.psi:.2f}), above all {most}"
    return [Finding("labels", severity, text)]


def _growth_findings(report: DriftReport, chance: float, limits: Thresholds) -> list[Finding]:
    found = []
    for each in report.growth:
        severity = _severity(max(each.factor, 1 / each.factor), limits.growth)
        enough = abs(each.share.difference) >= limits.growth_least
        if severity is not Severity.NONE and enough and each.share.p <= chance:
            found.append(Finding(f"label:{each.label}", severity, _in_words(each)))
    return found


def _shift_findings(report: DriftReport, chance: float, limits: Thresholds) -> list[Finding]:
    found = []
    for kind, what, shift, sizes in (
        ("confidence", "mean confidence", report.confidence, limits.confidence),
        ("out_of_scope", "messages out of scope", report.out_of_scope, limits.out_of_scope),
    ):
        severity = _severity(abs(shift.difference), sizes)
        if severity is not Severity.NONE and shift.p <= chance:
            found.append(Finding(kind, severity, f"{what} {_from_to(shift)}"))
    return found


def _in_words(growth: LabelGrowth) -> str:
    return f"{growth.label} {_from_to(growth.share)}"


def _from_to(shift: Shift) -> str:
    verb = "rose" if shift.difference > 0 else "fell"
    return (
        f"{verb} from {shift.before:.1%} to {shift.after:.1%}"
        f" ({100 * shift.low:+.1f} to {100 * shift.high:+.1f} points)"
    )
