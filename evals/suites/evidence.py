"""Whether the words that are shown for a label are why it was given: what deleting them does."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.measures import Measures
from evals.report import Report, Stopwatch
from inference.embeddings import Encoder
from triage.labelled import MARKS
from triage.labels import Evidence, Label, Triage
from triage.message import Message
from triage.models import TriageModels
from triage.triager import Triager

_DRAWS = 3  # random deletions for each real one
_MOST_OF_MESSAGE = 1 / 3
_BATCH = 64
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class _Deletion:
    """A message with words taken out: of the evidence of a label, or of as many anywhere."""

    head: str
    label: str
    before: float
    text: str
    random: bool


def evaluate_evidence(
    name: str,
    texts: Sequence[str],
    triager: Triager,
    encoder: Encoder,
    *,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> Report:
    """By head: mean fall of a label's probability without its evidence, without random words, their ratio.

    Random words are as many as the evidence has, in runs of the same lengths, anywhere in the message.
    Labels whose evidence is more than a third of the message are left out: random words would be the same
    ones.
    """
    stopwatch = Stopwatch()
    random = np.random.default_rng(seed)
    falls: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        found = triager.triage([Message(text) for text in batch])
        deletions = [
            deletion
            for text, triage in zip(batch, found, strict=True)
            for deletion in _deletions(text, triage, random)
        ]
        for deletion, after in zip(deletions, _after(deletions, triager.models, encoder), strict=True):
            falls[deletion.head, deletion.random].append(deletion.before - after)
        advance()
    measures = Measures()
    for head in sorted({head for head, _ in falls}):
        real = np.array(falls[head, False])
        chance = np.array(falls[head, True]).reshape(len(real), _DRAWS).mean(axis=1)
        measures.mean(f"{head}.fall", real.tolist())
        measures.mean(f"{head}.fall_random", chance.tolist())
        measures.statistic(f"{head}.ratio", len(real), _ratio(real, chance))
    return stopwatch.report("evidence", name, len(texts), measures)


def _ratio(real: NDArray[np.float64], chance: NDArray[np.float64]) -> Callable[[NDArray[np.intp]], float]:
    return lambda places: float(real[places].mean() / max(chance[places].mean(), 1e-6))


def _deletions(text: str, triage: Triage, random: np.random.Generator) -> Iterator[_Deletion]:
    words = [match.span() for match in _WORD.finditer(text)]
    for head, label in _labels(triage):
        runs = _runs(words, label.evidence)
        gone = {place for run in runs for place in run}
        if not gone or len(gone) > _MOST_OF_MESSAGE * len(words):
            continue
        yield _Deletion(head, label.name, label.probability, _without(text, words, gone), random=False)
        for _ in range(_DRAWS):
            drawn = _drawn([len(run) for run in runs], len(words), random)
            yield _Deletion(head, label.name, label.probability, _without(text, words, drawn), random=True)


def _labels(triage: Triage) -> Iterator[tuple[str, Label]]:
    yield "intent", triage.intents[0]
    yield "sentiment", triage.sentiment
    if triage.origin.name != "customer":
        yield "origin", triage.origin
    for label in triage.signals:
        yield f"signal.{label.name}", label
    for label in triage.urgency:
        yield f"urgency.{label.name}", label


def _runs(words: Sequence[tuple[int, int]], evidence: Sequence[Evidence]) -> list[list[int]]:
    """For each piece of evidence the words that it touches."""
    runs = [
        [place for place, (start, end) in enumerate(words) if start < one.end and end > one.start]
        for one in evidence
    ]
    return [run for run in runs if run]


def _drawn(lengths: Sequence[int], number: int, random: np.random.Generator) -> set[int]:
    gone: set[int] = set()
    for length in lengths:
        start = int(random.integers(0, number - length + 1))
        gone |= set(range(start, start + length))
    return gone


def _without(text: str, words: Sequence[tuple[int, int]], gone: set[int]) -> str:
    return " ".join(text[start:end] for place, (start, end) in enumerate(words) if place not in gone)


def _after(deletions: Sequence[_Deletion], models: TriageModels, encoder: Encoder) -> Iterator[float]:
    """The probability of each deletion's label in what is left of the message."""
    texts = [deletion.text for deletion in deletions]
    if not texts:
        return
    vectors = encoder.encode(texts)
    by_intent = models.intents.probabilities(texts, vectors)
    by_mark = models.marks.probabilities(texts, vectors)
    for row, deletion in enumerate(deletions):
        if deletion.head == "intent":
            yield float(by_intent[row, models.intents.labels.index(deletion.label)])
        else:
            group = deletion.head.partition(".")[0]
            yield float(by_mark[row, MARKS.index(f"{group}.{deletion.label}")])
