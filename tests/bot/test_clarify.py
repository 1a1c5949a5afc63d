from __future__ import annotations

from bot.answer import AnswerKind
from bot.clarify import clarify, topics
from knowledge_base.document import Passage, PassageKind
from tests.bot.passages import passage, retrieval

QUESTION = "how do I reset it"


def articles(*titles: str) -> list[Passage]:
    return [
        passage("Hold the button.", title=title, number=number)
        for number, title in enumerate(titles, start=1)
    ]


def test_it_asks_one_question_between_the_topics_found() -> None:
    answer = clarify(
        QUESTION, retrieval(QUESTION, articles("Reset a Hub 2", "Reset a Hub 3")), answerability=0.4
    )
    assert answer is not None
    assert answer.kind is AnswerKind.CLARIFY
    assert answer.options == ("Reset a Hub 2", "Reset a Hub 3")
    assert answer.text.endswith("Is it about “Reset a Hub 2” or “Reset a Hub 3”?")
    assert answer.text.count("?") == 1
    assert answer.answerability == 0.4
    assert answer.citations == ()


def test_articles_that_are_named_like_the_question_go_before_others() -> None:
    found = retrieval(QUESTION, articles("Billing", "Reset a Hub 2", "Reset a Hub 3"))
    assert topics(QUESTION, found.passages) == ("Reset a Hub 2", "Reset a Hub 3")


def test_others_follow_where_one_is_named() -> None:
    found = retrieval(QUESTION, articles("Billing", "Reset a Hub 2", "Moving"))
    assert topics(QUESTION, found.passages) == ("Reset a Hub 2", "Billing", "Moving")


def test_there_are_four_options_at_most() -> None:
    found = retrieval(QUESTION, articles(*(f"Reset number {number}" for number in range(9))))
    assert len(topics(QUESTION, found.passages)) == 4


def test_within_one_article_its_headings_are_the_topics() -> None:
    parts = [
        passage("Hold it.", title="Hubs", number=number, document="hubs.md", headings=(heading, "Steps"))
        for number, heading in enumerate(["Hub 2", "Hub 3", "Hub 3"], start=1)
    ]
    assert topics(QUESTION, retrieval(QUESTION, parts).passages) == ("Hub 2", "Hub 3")


def test_one_topic_leaves_nothing_to_ask() -> None:
    assert clarify(QUESTION, retrieval(QUESTION, articles("Reset a Hub 2"))) is None
    assert clarify(QUESTION, retrieval(QUESTION, [])) is None


def test_a_question_answer_pair_does_not_put_a_question_in_the_question() -> None:
    pairs = [
        passage("Yes.", title=title, number=number, kind=PassageKind.QUESTION_ANSWER)
        for number, title in enumerate(["Can I reset it?", "Do I reset it often?"], start=1)
    ]
    answer = clarify(QUESTION, retrieval(QUESTION, pairs))
    assert answer is not None
    assert answer.options == ("Can I reset it", "Do I reset it often")
