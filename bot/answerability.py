"""Whether what was found answers the question: calibrated, and gated by the risk an operator accepts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bot.wording import content_terms
from kit.errors import Misconfigured
from kit.text import rarity
from kit.text import words as words_of
from knowledge_base.document import Passage
from retrieval import HistoryTurn, RankedPassage, Retrieval
from retrieval.query import ConversationQuery, read_conversation

_SENTENCE_DEPTH = 5  # passages whose best sentence counts
_WORD_DEPTH = 3  # passages that are to say the question's words; one says too little, ten say anything
_HISTORY_SHARE = 0.5  # what a word said before weighs, at most, against one of the question
_FIELD = 10  # passages the best one is compared with
_ENOUGH_WORDS = 6  # a question with more content words is no less vague
_FEWEST = 20  # answers below which a rate of wrong ones says nothing

Features = Mapping[str, float]


class WordNearness(Protocol):
    """Knows which words are near each other; ``inference.words.WordVectors`` is one."""

    def nearness(self, asked: Sequence[str], said: Sequence[str]) -> NDArray[np.float32]:
        """For each word of ``asked`` how near the nearest of ``said`` is, in [-1, 1]."""
        ...


class CalibrationUnreadable(Misconfigured):
    """The file of an answerability calibration is missing or is not one."""

    code = "calibration_unreadable"


def features(
    question: str, retrieval: Retrieval, words: WordNearness, *, history: Sequence[HistoryTurn] = ()
) -> dict[str, float]:
    """What the models look at; none of them grows with the size of the knowledge base by design.

    ``sentence``: cosine of the question and the best sentence of the first passages, in [-1, 1].
    ``standout``: how far the best passage's score stands above the mean of the first ten, 0 or more.
    ``covered``: how near the words of the first passages come to each word of the question, those that
    few passages say counting more, in [-1, 1]; a question that leans on ``history`` (oldest first) is
    held against its words too.
    ``words``: content words of the question, 0 to 6. ``dependence``: how much it leans on the history,
    0 to 1.
    """
    ranked = retrieval.passages
    scores = [passage.score for passage in ranked[:_FIELD]]
    return {
        "sentence": max((_best_sentence(one, retrieval) for one in ranked[:_SENTENCE_DEPTH]), default=0.0),
        "standout": scores[0] - sum(scores) / len(scores) if scores else 0.0,
        "covered": _covered(read_conversation(question, history), retrieval, words),
        "words": float(min(len(content_terms(question)), _ENOUGH_WORDS)),
        "dependence": retrieval.dependence,
    }


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic model over standardised features: ``weights``, ``means`` and ``scales`` by feature name."""

    bias: float
    weights: Mapping[str, float]
    means: Mapping[str, float]
    scales: Mapping[str, float]

    def probability(self, values: Features) -> float:
        """In (0, 1). Raises ``KeyError`` when a feature is missing."""
        total = self.bias + sum(
            weight * (values[name] - self.means[name]) / self.scales[name]
            for name, weight in self.weights.items()
        )
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """What answering everything at or above ``threshold`` costs and gains.

    Of the questions of the calibration set ``coverage`` were answered, and ``wrong`` of the answers cited
    no right article; ``answers`` is how many there were.
    """

    threshold: float
    coverage: float
    wrong: float
    answers: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """``answerable`` and ``vague`` are probabilities in [0, 1]; ``features`` are why."""

    answerable: float
    vague: float
    features: Features


@dataclass(frozen=True, slots=True)
class Calibration:
    """The two models, what their scores mean in wrong answers, and where all of it comes from."""

    answerable: Logistic
    vague: Logistic
    risk: Sequence[RiskPoint]
    vague_threshold: float
    provenance: Mapping[str, object] = field(default_factory=dict)

    def judge(
        self,
        question: str,
        retrieval: Retrieval,
        words: WordNearness,
        *,
        history: Sequence[HistoryTurn] = (),
    ) -> Verdict:
        """How likely ``retrieval`` answers ``question``, and how likely ``question`` is too vague."""
        values = features(question, retrieval, words, history=history)
        answerable = self.answerable.probability(values) if retrieval.passages else 0.0
        return Verdict(answerable, self.vague.probability(values), values)

    def operating_point(self, max_wrong_answer_rate: float) -> RiskPoint:
        """The lowest threshold at which at most that share of answers was wrong, with the coverage it costs.

        Where no threshold was that safe: one above every score, which answers nothing.
        """
        safe = [
            point
            for point in self.risk
            if point.wrong <= max_wrong_answer_rate and point.answers >= min(_FEWEST, self.risk[-1].answers)
        ]
        if max_wrong_answer_rate >= 1.0:
            return RiskPoint(0.0, 1.0, self.risk[-1].wrong if self.risk else 1.0, 0)
        return min(safe, key=lambda point: point.threshold) if safe else RiskPoint(1.01, 0.0, 0.0, 0)


def load_calibration(path: Path | None = None) -> Calibration:
    """The calibration in ``path``, or the one that comes with Careloop.

    Raises ``CalibrationUnreadable`` when the file is missing or is not one.
    """
    path = path or Path(__file__).with_name("answerability.json")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Calibration(
            answerable=Logistic(**data["answerable"]),
            vague=Logistic(**data["vague"]),
            risk=tuple(RiskPoint(**point) for point in data["risk"]),
            vague_threshold=float(data["vague_threshold"]),
            provenance=data["provenance"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CalibrationUnreadable(f"{path.name} is not an answerability calibration: {error!r}") from error


def _best_sentence(one: RankedPassage, retrieval: Retrieval) -> float:
    stored = one.sentence_embeddings
    if stored is None or not len(stored):
        return one.dense
    return float(np.max(stored.astype(np.float32) @ retrieval.vector))


def _covered(query: ConversationQuery, retrieval: Retrieval, words: WordNearness) -> float:
    before = _HISTORY_SHARE * retrieval.dependence
    meant = {word: before * weight for word, weight in query.history_terms.items()} | query.terms
    asked = [word for word, weight in meant.items() if weight > 0]
    said = [_said(one.passage) for one in retrieval.passages[:_FIELD]]
    if not asked or not said:
        return 0.0
    spread = [sum(word in words_said for words_said in said) for word in asked]
    weights = np.array(
        [meant[word] * rarity(having, len(said)) for word, having in zip(asked, spread, strict=True)]
    )
    nearness = [words.nearness(asked, sorted(words_said)) for words_said in said[:_WORD_DEPTH]]
    return float(np.mean(nearness, axis=0) @ weights / weights.sum())


def _said(passage: Passage) -> frozenset[str]:
    return frozenset(words_of(" ".join((passage.title, *passage.headings, passage.context, passage.text))))
