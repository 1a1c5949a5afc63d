"""Answers that would say what the brand does not approve: quoted, written by a model, and handed over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
import structlog

from bot.answer import Answer, AnswerKind, AnswerRequest
from bot.answerability import Calibration, RiskPoint
from bot.caution import Caution
from bot.claim_review import ClaimReview, objections_of
from bot.extractive import ExtractiveAnswerer, compose
from bot.generative import GenerativeAnswerer
from bot.pipeline import AnswerPipeline, Policy
from bot.small_talk import Phrasebook
from bot.turns import Question
from bot.understanding import Understander
from inference.fakes import ScriptedChatModel
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from knowledge_base.document import Passage
from retrieval import HistoryTurn, Retrieval
from retrieval.index import Filter
from signals.brand.brands import Brands
from signals.brand.claim_checker import ClaimChecker, FindingKind
from signals.brand.claims import read_claims
from tests.bot.passages import SameWords, passage, retrieval
from tests.bot.test_generative import line
from tests.bot.test_pipeline import certain

pytestmark = pytest.mark.anyio

MAY, NOVEMBER = (datetime(2026, month, 15, tzinfo=UTC) for month in (5, 11))
ASKED = "How much does Fibre 300 cost a month?"
RIGHT = passage("Fibre 300 costs £34 a month.", title="Prices")
STALE = passage("Fibre 300 costs £31 a month. It has no set-up fee.", title="Old prices", number=2)


def review(at: datetime = MAY) -> ClaimReview:
    return ClaimReview(Brands(common=ClaimChecker(read_claims())), ManualClock(at))


def asked(*passages: Passage, question: str = ASKED, at: datetime = MAY) -> AnswerRequest:
    check = review(at).of(DEFAULT_WORKSPACE)
    return AnswerRequest(question, retrieval(question, passages), answerability=0.9, check=check)


def test_an_article_that_says_what_is_approved_is_quoted() -> None:
    answer = compose(asked(RIGHT))
    assert (answer.kind, answer.text) == (AnswerKind.ANSWER, "Fibre 300 costs £34 a month.")
    assert objections_of(answer.trace) == []


def test_an_answer_that_is_for_nothing_but_the_wrong_price_is_withheld() -> None:
    answer = compose(asked(STALE))
    assert (answer.kind, answer.text, answer.sentences) == (AnswerKind.HANDOVER, "", ())
    assert answer.trace["reason"] == "contradiction"
    (found,) = objections_of(answer.trace)
    assert (found["said"], found["became"], found["title"]) == ("£31", "withheld", "Old prices")
    places = (found["start"], found["end"])
    assert places == (0, len("Fibre 300 costs £31 a month."))


def test_a_sentence_that_only_completes_the_answer_is_left_out_with_what_leans_on_it() -> None:
    text = (
        "You can change your plan in the app at any time. Fibre 300 costs £31 a month. It has no set-up fee."
    )
    question = "Can I change my plan in the app at any time?"
    unchecked = compose(AnswerRequest(question, retrieval(question, [passage(text)]), answerability=0.9))
    assert "£31" in unchecked.text
    answer = compose(asked(passage(text), question=question))
    assert answer.text == "You can change your plan in the app at any time."
    assert [found["became"] for found in objections_of(answer.trace)] == ["left_out"]


def test_an_article_that_still_advertises_an_old_campaign_is_not_quoted() -> None:
    old = passage("With the summer sale you get Fibre 300 without a set-up fee until 31 August.")
    question = "Is there a summer sale on Fibre 300?"
    assert compose(asked(old, question=question, at=NOVEMBER)).kind is AnswerKind.HANDOVER
    july = datetime(2026, 7, 1, tzinfo=UTC)
    assert compose(asked(old, question=question, at=july)).text == old.text


def test_words_that_the_brand_does_not_use_are_quoted_all_the_same() -> None:
    promise = passage("Delivery on the next day is guaranteed.")
    answer = compose(asked(promise, question="Is delivery on the next day guaranteed?"))
    assert answer.text == promise.text


def test_a_row_of_a_table_is_read_with_what_stands_above_it() -> None:
    table = passage("| Plan | Price per month |\n|---|---|\n| Fibre 100 | £29 |\n| Fibre 300 | £31 |")
    answer = compose(asked(table, question="Fibre 300 price per month"))
    assert answer.kind is AnswerKind.HANDOVER


def writer(*replies: str) -> GenerativeAnswerer:
    return GenerativeAnswerer(
        ScriptedChatModel(replies=list(replies)),
        fallback=ExtractiveAnswerer(),
        company="Brightwater Broadband",
        nonce=lambda: "0123abcd",
    )


async def test_a_model_that_makes_an_old_offer_is_refused_and_articles_are_quoted() -> None:
    both = passage("Fibre 300 costs £34 a month. Order it in the summer sale now.")
    written = line("Fibre 300 costs £34 a month.", 1) + "\n" + line("Order it in the summer sale now.", 1)
    answer = await writer(written).answer(asked(both, at=NOVEMBER))
    assert answer.answerer == "extractive"
    assert answer.text == "Fibre 300 costs £34 a month."
    assert answer.trace["fallback"] == "contradiction"


async def test_one_sentence_that_is_not_approved_refuses_the_whole_draft() -> None:
    written = line("Fibre 300 costs £34 a month.", 1) + "\n" + line("Fibre 300 costs £31 a month.", 2)
    answer = await writer(written).answer(asked(RIGHT, STALE))
    assert answer.answerer == "extractive"
    assert answer.trace["fallback"] == "contradiction"
    refused = objections_of(answer.trace)[0]
    assert (refused["said"], refused["became"], refused["document_id"]) == ("£31", "refused", None)


async def test_a_model_that_promises_is_refused() -> None:
    promise = passage("Fibre 300 costs £34 a month. Delivery is guaranteed.")
    answer = await writer(line("Delivery is guaranteed.", 1)).answer(asked(promise))
    assert [found["kind"] for found in objections_of(answer.trace)] == [FindingKind.TONE]


async def test_an_answer_in_another_language_is_read_in_both() -> None:
    written = line("Fibre 300 kostet 31 £ im Monat.", 1, source="Fibre 300 costs £31 a month.")
    request = asked(STALE)
    answer = await writer(written).answer(
        AnswerRequest(ASKED, request.retrieval, language="de", check=request.check)
    )
    assert answer.kind is AnswerKind.HANDOVER
    assert [found["became"] for found in objections_of(answer.trace)] == ["refused", "withheld"]


async def test_a_stream_ends_with_the_answer_that_counts() -> None:
    written = line("Fibre 300 costs £34 a month.", 1) + "\n" + line("Fibre 300 costs £31 a month.", 2) + "\n"
    shown, last = "", None
    async for chunk in writer(written).stream(asked(RIGHT, STALE)):
        shown += chunk.text
        last = chunk.answer or last
    assert last is not None
    assert last.trace["fallback"] == "contradiction"
    assert "£31" not in shown


def test_what_was_found_is_counted_and_logged_without_any_message() -> None:
    looked = review()
    answer = compose(asked(STALE))
    with structlog.testing.capture_logs() as logs:
        looked.note(DEFAULT_WORKSPACE, answer)
        looked.note(DEFAULT_WORKSPACE, Answer(AnswerKind.ANSWER, "Fine."))
    assert {str(kind): (str(became), n) for (kind, became), n in looked.counts.items()} == {
        "wrong_number": ("withheld", 1)
    }
    (entry,) = logs
    assert (entry["event"], entry["said"], entry["title"]) == ("claim_contradicted", "£31", "Old prices")


class OneArticle:
    """Finds the same article for everything."""

    def __init__(self, found: Passage) -> None:
        self.found = found

    async def search(
        self,
        workspace: WorkspaceId,  # noqa: ARG002 (the port's signature)
        question: str,
        *,
        history: Sequence[HistoryTurn] = (),  # noqa: ARG002
        limit: int = 10,  # noqa: ARG002
        where: Filter | None = None,  # noqa: ARG002
    ) -> Retrieval:
        return retrieval(question, [self.found])


def pipeline(found: Passage, claims: ClaimReview | None) -> AnswerPipeline:
    phrases = Phrasebook.load()
    return AnswerPipeline(
        retriever=OneArticle(found),
        calibration=Calibration(certain(3.0), certain(-3.0), [RiskPoint(0.5, 1.0, 0.0, 50)], 0.25),
        words=SameWords(),
        answerer=ExtractiveAnswerer(),
        understander=Understander(phrases=phrases),
        phrases=phrases,
        policy=Policy(max_wrong_answer_rate=0.1),
        caution=Caution.load(),
        claims=claims,
    )


async def test_a_turn_whose_answer_is_withheld_is_handed_over_and_says_why_to_agents_only() -> None:
    looked = review()
    streamed: list[str] = []
    answer = await pipeline(STALE, looked).answer(Question(DEFAULT_WORKSPACE, ASKED), on_text=streamed.append)
    assert (answer.kind, answer.trace["reason"]) == (AnswerKind.HANDOVER, "contradiction")
    assert answer.text == "".join(streamed)
    assert "£31" not in answer.text
    assert "colleagues" in answer.text
    assert [found["said"] for found in objections_of(answer.trace)] == ["£31"]
    assert sum(looked.counts.values()) == 1


async def test_without_claims_of_the_workspace_the_same_article_is_quoted() -> None:
    own = ClaimReview(Brands(own={WorkspaceId("other"): ClaimChecker(read_claims())}), ManualClock(MAY))
    for claims in (None, own):
        answer = await pipeline(STALE, claims).answer(Question(DEFAULT_WORKSPACE, ASKED))
        assert "£31" in answer.text
