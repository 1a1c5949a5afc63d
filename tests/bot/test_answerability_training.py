from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.answerability import load_calibration
from bot.answerability_training import (
    Kind,
    Row,
    TrainingQuestion,
    collect,
    dump,
    fit,
    load_questions,
    provenance,
)
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from knowledge_base.document import Passage
from retrieval import HistoryTurn, Retrieval
from retrieval.index import Filter
from tests.bot.passages import SameWords, passage, retrieval

SUBJECTS = [
    "moving",
    "billing",
    "roaming",
    "voicemail",
    "deposit",
    "router",
    "antenna",
    "cheque",
    "landline",
    "student",
]


class WordRetriever:
    """Ranks passages by the words they share with the question."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages

    async def search(
        self,
        workspace: WorkspaceId,  # noqa: ARG002 (the port's signature)
        question: str,
        *,
        history: Sequence[HistoryTurn] = (),  # noqa: ARG002
        limit: int = 10,
        where: Filter | None = None,  # noqa: ARG002
    ) -> Retrieval:
        found = retrieval(question, self._passages)
        ranked = sorted((replace(one, score=one.dense) for one in found.passages), key=lambda one: -one.score)
        return replace(found, passages=tuple(ranked[:limit]))


def knowledge() -> list[Passage]:
    return [
        passage(f"The {subject} costs money. Ask about {subject} in the app.", title=subject, number=number)
        for number, subject in enumerate(SUBJECTS, start=1)
    ]


def questions() -> list[TrainingQuestion]:
    asked = [
        TrainingQuestion(
            f"what the {subject} costs as money in the app", Kind.ANSWERABLE, f"article-{number}.md"
        )
        for number, subject in enumerate(SUBJECTS, start=1)
    ]
    unknown = [
        TrainingQuestion(f"who sells {word} nearby", Kind.UNANSWERABLE, None)
        for word in ("tea", "cake", "milk")
    ]
    vague = [
        TrainingQuestion(text, Kind.VAGUE, None) for text in ("how do I do it", "and the app", "is it so")
    ]
    return [*asked, *unknown, *vague]


def rows() -> list[Row]:
    return asyncio.run(collect(WordRetriever(knowledge()), DEFAULT_WORKSPACE, questions(), words=SameWords()))


def test_every_answerable_question_is_asked_again_with_its_article_hidden() -> None:
    kinds = [row.kind for row in rows()]
    assert kinds.count(Kind.ANSWERABLE) == kinds.count(Kind.HIDDEN) == len(SUBJECTS)
    assert kinds.count(Kind.UNANSWERABLE) == 3
    assert kinds.count(Kind.VAGUE) == 3


def test_an_answer_is_right_when_it_cites_the_article() -> None:
    assert all(row.right == (row.kind is Kind.ANSWERABLE) for row in rows())


def test_what_is_answerable_scores_above_what_is_not() -> None:
    calibration = fit(rows(), provenance={"command": "test"})
    scored = [(row.kind, calibration.answerable.probability(row.values)) for row in rows()]
    known = min(score for kind, score in scored if kind is Kind.ANSWERABLE)
    unknown = max(score for kind, score in scored if kind is Kind.UNANSWERABLE)
    assert known > unknown


def test_the_risk_table_covers_the_questions_as_customers_ask_them() -> None:
    risk = fit(rows()).risk
    assert risk[-1].coverage == 1
    assert risk[-1].answers == len(SUBJECTS) + 3
    assert risk[-1].wrong == pytest.approx(3 / (len(SUBJECTS) + 3), abs=1e-4)
    assert risk[0].wrong == 0


def test_a_calibration_is_written_and_read_back(tmp_path: Path) -> None:
    calibration = fit(rows(), provenance={"command": "test"})
    dump(calibration, tmp_path / "calibration.json")
    assert load_calibration(tmp_path / "calibration.json") == calibration


def test_fitting_twice_gives_the_same() -> None:
    assert fit(rows()) == fit(rows())


def test_our_own_questions_are_of_every_kind_and_name_articles_that_exist() -> None:
    known = load_questions()
    sample = Path(__file__).parents[2] / "knowledge_base" / "sample"
    assert {question.kind for question in known} == {Kind.ANSWERABLE, Kind.UNANSWERABLE, Kind.VAGUE}
    assert all((sample / question.article).is_file() for question in known if question.article)
    assert all((question.article is not None) == (question.kind is Kind.ANSWERABLE) for question in known)
    assert any(question.history for question in known)


def test_none_of_them_is_a_question_of_the_evaluation_set() -> None:
    cases = Path(__file__).parents[2] / "evals" / "cases" / "brightwater" / "queries.jsonl"
    asked = cases.read_text(encoding="utf-8").lower()
    assert not any(
        f'"text": "{question.text.lower()}"' in asked
        for question in load_questions()
        if len(question.text) > 25
    )


def test_provenance_holds_the_hash_of_the_questions(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text("{}")
    made_of = provenance(file, encoder="hash@1", command="careloop calibrate")
    assert made_of["questions_sha256"] == hashlib.sha256(b"{}").hexdigest()
    assert made_of["encoder"] == "hash@1"
