from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bot.answer import AnswerKind
from bot.answerability import Calibration, Logistic, RiskPoint
from bot.caution import Caution
from bot.extractive import ExtractiveAnswerer
from bot.labelling import Pending
from bot.labels import Labels
from bot.pipeline import AnswerPipeline, Policy
from bot.small_talk import Phrasebook
from bot.turns import Question
from bot.understanding import Understander
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from retrieval import HistoryTurn, Retrieval
from retrieval.index import Filter
from tests.bot.labelled import labels_of
from tests.bot.passages import SameWords, passage, retrieval
from tests.triage.triaged import triaged
from triage.labels import Sentiment, Signal, Triage

LIKELY, UNLIKELY = 3.0, -3.0


class FixedRetriever:
    """Finds the same two articles for everything."""

    async def search(
        self,
        workspace: WorkspaceId,  # noqa: ARG002 (the port's signature)
        question: str,
        *,
        history: Sequence[HistoryTurn] = (),  # noqa: ARG002
        limit: int = 10,  # noqa: ARG002
        where: Filter | None = None,  # noqa: ARG002
    ) -> Retrieval:
        found = [
            passage("Cancel your broadband in the app.", title="Cancel broadband"),
            passage("Cancel your SIM plan by text.", title="Cancel a SIM plan", number=2),
        ]
        return retrieval(question, found)


def certain(log_odds: float) -> Logistic:
    return Logistic(bias=log_odds, weights={}, means={}, scales={})


def pipeline(answerable: float, vague: float, *, risk: Sequence[RiskPoint]) -> AnswerPipeline:
    phrases = Phrasebook.load()
    return AnswerPipeline(
        retriever=FixedRetriever(),
        calibration=Calibration(certain(answerable), certain(vague), risk, 0.25),
        words=SameWords(),
        answerer=ExtractiveAnswerer(),
        understander=Understander(phrases=phrases),
        phrases=phrases,
        policy=Policy(max_wrong_answer_rate=0.1),
        caution=Caution.load(),
    )


@pytest.mark.parametrize(
    ("answerable", "vague", "kind"),
    [
        (LIKELY, LIKELY, AnswerKind.CLARIFY),
        (LIKELY, UNLIKELY, AnswerKind.ANSWER),
        (UNLIKELY, LIKELY, AnswerKind.HANDOVER),  # to ask which of two wrong articles is meant helps nobody
        (UNLIKELY, UNLIKELY, AnswerKind.HANDOVER),
    ],
)
async def test_it_asks_back_only_where_something_found_may_answer(
    answerable: float, vague: float, kind: AnswerKind
) -> None:
    asked = pipeline(answerable, vague, risk=[RiskPoint(0.5, 1.0, 0.0, 50)])
    answer = await asked.answer(Question(DEFAULT_WORKSPACE, "How do I cancel my plan?"))
    assert answer.kind is kind


SUES = triaged(signals={Signal.LEGAL_OR_PRIVACY: 0.97}, sentiment=Sentiment.VERY_NEGATIVE)
# At 0.9 five of a hundred answers are wrong, at 0.5 ten of them.
RISK = [RiskPoint(0.9, 0.5, 0.05, 50), RiskPoint(0.5, 1.0, 0.1, 100)]
SOMEWHAT, VERY = 1.0, 4.0  # probabilities of .73 and .98


def labelled(said: Triage) -> Pending:
    async def work() -> Labels | None:
        return labels_of(said)

    return Pending(asyncio.create_task(work()))


@pytest.mark.parametrize(
    ("said", "answerable", "vague", "kind"),
    [
        (SUES, SOMEWHAT, UNLIKELY, AnswerKind.HANDOVER),
        (SUES, SOMEWHAT, LIKELY, AnswerKind.HANDOVER),  # rather than ask what is meant
        (SUES, VERY, UNLIKELY, AnswerKind.ANSWER),
        (triaged(), SOMEWHAT, UNLIKELY, AnswerKind.ANSWER),
        (triaged(), SOMEWHAT, LIKELY, AnswerKind.CLARIFY),
    ],
)
async def test_a_threat_is_answered_only_beyond_doubt(
    said: Triage, answerable: float, vague: float, kind: AnswerKind
) -> None:
    question = Question(DEFAULT_WORKSPACE, "How do I cancel my plan?", labels=labelled(said))
    answer = await pipeline(answerable, vague, risk=RISK).answer(question)
    assert answer.kind is kind
    if kind is AnswerKind.HANDOVER:
        assert answer.trace["reason"] == "escalation"
        assert "colleagues should look at" in answer.text
        assert "legal" not in str(answer.trace)  # traces are not encrypted
