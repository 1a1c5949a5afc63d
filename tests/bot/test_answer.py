from __future__ import annotations

from bot.answer import Answer, AnswerKind, AnswerRequest, AnswerSentence
from bot.citations import cite
from tests.bot.passages import passage, retrieval

ONE = passage("Moving is free. It takes a day.")


def test_an_answer_lists_each_citation_once_in_order() -> None:
    first, second = cite(ONE, 0, 15), cite(ONE, 16, 31)
    answer = Answer(
        AnswerKind.ANSWER,
        "Moving is free. It takes a day.",
        (AnswerSentence("Moving is free.", (first,)), AnswerSentence("It takes a day.", (second, first))),
    )
    assert answer.citations == (first, second)


def test_a_request_gives_its_passages_best_first() -> None:
    two = passage("Other words.", number=2)
    assert AnswerRequest("free?", retrieval("free?", [ONE, two])).passages == (ONE, two)
