from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.answer import AnswerKind
from bot.answerability import Calibration, Logistic, RiskPoint
from bot.extractive import ExtractiveAnswerer
from bot.pipeline import AnswerPipeline, Policy
from bot.small_talk import Phrasebook
from bot.turns import Question
from bot.understanding import Understander
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from retrieval import HistoryTurn, Retrieval
from retrieval.index import Filter
from tests.bot.passages import SameWords, passage, retrieval

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
    phrases = Phrasebook.load()
    pipeline = AnswerPipeline(
        retriever=FixedRetriever(),
        calibration=Calibration(certain(answerable), certain(vague), [RiskPoint(0.5, 1.0, 0.0, 50)], 0.25),
        words=SameWords(),
        answerer=ExtractiveAnswerer(),
        understander=Understander(phrases=phrases),
        phrases=phrases,
        policy=Policy(),
    )
    answer = await pipeline.answer(Question(DEFAULT_WORKSPACE, "How do I cancel my plan?"))
    assert answer.kind is kind
