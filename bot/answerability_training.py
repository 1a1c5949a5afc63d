"""Fits the answerability calibration on questions of our own to the sample knowledge base.

Each answerable question is asked twice: as it is, and with its article hidden, which makes it
unanswerable in a way no writer of test questions thinks of. Nothing here is trained on a public set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from bot.answer import AnswerRequest
from bot.answerability import Calibration, Features, Logistic, RiskPoint, WordNearness, features
from bot.extractive import compose
from kit.ids import WorkspaceId
from retrieval import HistoryTurn, Retrieval, Retriever

ANSWERABLE_FEATURES = ("sentence", "standout", "covered", "dependence")
VAGUE_FEATURES = ("words", "standout", "dependence")
# At this probability two of three vague questions are asked back, and one answerable one in thirty.
VAGUE_THRESHOLD = 0.25
_HIDDEN_WEIGHT = 0.25  # hidden articles leave near misses behind, more than customers' real questions do
_DEPTH = 40  # passages searched, so that ten are left once an article is hidden
_SHOWN = 10
_FOLDS = 5
_POINTS = 60  # of the risk table


class Kind(StrEnum):
    """What is known of a training question."""

    ANSWERABLE = "answerable"
    UNANSWERABLE = "unanswerable"
    VAGUE = "vague"
    HIDDEN = "hidden"  # answerable, with its article taken away


@dataclass(frozen=True, slots=True)
class TrainingQuestion:
    """A question with the key of the article that answers it (none where none does)."""

    text: str
    kind: Kind
    article: str | None
    history: tuple[HistoryTurn, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One question as the models see it; ``right``: the extractive answer cites the right article."""

    kind: Kind
    values: Features
    right: bool
    group: str


def load_questions(path: Path | None = None) -> list[TrainingQuestion]:
    """The questions in ``path`` (JSON lines of text, history, label, article), or Careloop's own."""
    path = path or Path(__file__).with_name("answerability_questions.jsonl")
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        history = tuple(HistoryTurn(turn["text"], by_customer=turn["by_customer"]) for turn in row["history"])
        found.append(TrainingQuestion(row["text"], Kind(row["label"]), row["article"], history))
    return found


async def collect(
    retriever: Retriever,
    workspace: WorkspaceId,
    questions: Sequence[TrainingQuestion],
    *,
    words: WordNearness,
) -> list[Row]:
    """The rows of ``questions``, asked of a workspace that holds the sample knowledge base."""
    rows = []
    for question in questions:
        found = await retriever.search(workspace, question.text, history=question.history, limit=_DEPTH)
        rows.append(_row(question, found, words))
        if question.kind is Kind.ANSWERABLE:
            rest = tuple(
                one for one in found.passages if not _is_of(one.passage.document_key, question.article)
            )
            rows.append(_row(replace(question, kind=Kind.HIDDEN), replace(found, passages=rest), words))
    return rows


def fit(rows: Sequence[Row], *, provenance: Mapping[str, object] | None = None) -> Calibration:
    """Both models on all ``rows``; the risk table from models that had not seen the article asked about."""
    judged = [row for row in rows if row.kind is not Kind.VAGUE]
    answerable = _fit_answerable(judged)
    clear = [row for row in rows if row.kind in {Kind.ANSWERABLE, Kind.VAGUE}]
    vague = _logistic(clear, VAGUE_FEATURES, [row.kind is Kind.VAGUE for row in clear], [1.0] * len(clear))
    return Calibration(answerable, vague, _risk(judged), VAGUE_THRESHOLD, dict(provenance or {}))


def provenance(questions: Path, *, encoder: str, command: str) -> dict[str, object]:
    """What a calibration was made of: the hash of its questions, the encoder, and the command."""
    return {
        "questions": questions.name,
        "questions_sha256": hashlib.sha256(questions.read_bytes()).hexdigest(),
        "encoder": encoder,
        "command": command,
    }


def dump(calibration: Calibration, path: Path) -> None:
    """Write ``calibration`` as ``bot.answerability.load_calibration`` reads it."""
    path.write_text(json.dumps(asdict(calibration), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _row(question: TrainingQuestion, found: Retrieval, words: WordNearness) -> Row:
    shown = replace(found, passages=tuple(found.passages[:_SHOWN]))
    answer = compose(AnswerRequest(question.text, shown))
    cited = {
        one.passage.document_key
        for one in shown.passages
        for c in answer.citations
        if c.passage_id == one.passage.id
    }
    right = question.kind is Kind.ANSWERABLE and any(_is_of(key, question.article) for key in cited)
    values = features(question.text, shown, words, history=question.history)
    return Row(question.kind, values, right, question.article or question.text)


def _is_of(key: str, article: str | None) -> bool:
    """Whether document ``key`` is ``article``; rows of a CSV file count as the file."""
    return article is not None and key.split("#", maxsplit=1)[0] == article


def _fit_answerable(rows: Sequence[Row]) -> Logistic:
    weights = [_HIDDEN_WEIGHT if row.kind is Kind.HIDDEN else 1.0 for row in rows]
    return _logistic(rows, ANSWERABLE_FEATURES, [row.kind is Kind.ANSWERABLE for row in rows], weights)


def _logistic(
    rows: Sequence[Row], names: Sequence[str], target: Sequence[bool], weights: Sequence[float]
) -> Logistic:
    table = np.array([[row.values[name] for name in names] for row in rows])
    means, spread = table.mean(axis=0), table.std(axis=0)
    scales = np.where(spread > 1e-6, spread, 1.0)  # a feature that never varies gets no weight, not infinity
    model = LogisticRegression().fit((table - means) / scales, target, sample_weight=weights)
    return Logistic(
        bias=round(float(model.intercept_[0]), 6),
        weights=_named(names, model.coef_[0]),
        means=_named(names, means),
        scales=_named(names, scales),
    )


def _named(names: Sequence[str], values: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in zip(names, values, strict=True)}


def _risk(rows: Sequence[Row]) -> tuple[RiskPoint, ...]:
    """Coverage and share of wrong answers by threshold, over the questions as customers ask them."""
    scores = np.zeros(len(rows))
    groups = [row.group for row in rows]
    for seen, unseen in GroupKFold(_FOLDS).split(rows, groups=groups):
        model = _fit_answerable([rows[place] for place in seen])
        for place in unseen:
            scores[place] = model.probability(rows[place].values)
    asked = [place for place, row in enumerate(rows) if row.kind is not Kind.HIDDEN]
    surest = sorted(asked, key=lambda place: -scores[place])
    points = []
    wrong = 0
    step = max(1, len(surest) // _POINTS)
    for count, place in enumerate(surest, start=1):
        wrong += not rows[place].right
        if count % step == 0 or count == len(surest):
            points.append(
                RiskPoint(
                    round(float(scores[place]), 4),
                    round(count / len(surest), 4),
                    round(wrong / count, 4),
                    count,
                )
            )
    return tuple(points)
