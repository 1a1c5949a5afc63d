from __future__ import annotations

import numpy as np
import pytest

from inference.fakes import HashEncoder
from insights.contact import Contact, ReplyKind
from insights.digest import Gap
from insights.gaps import gaps
from insights.quotes import Quoter
from kit.ids import DEFAULT_WORKSPACE, DocumentId, PassageId, VersionId
from knowledge_base.document import Passage, PassageKind
from retrieval import RankedPassage, Retrieval
from signals.policy import POLICIES
from tests.insights.said import contact, reply, turn

pytestmark = pytest.mark.anyio
THRESHOLDS = {kind: policy.threshold for kind, policy in POLICIES.items()}
NOT_KNOWN = reply(ReplyKind.HANDOVER, reason="unanswerable")


ANSWERED = (
    "Hi there! You can turn bridge mode on for your own router in the menu. Is that clear?\n"
    "Kind regards,\nMaya Quill"
)


class TwoArticles:
    """Finds two passages of one article, and one of another."""

    async def search(self, *_: object, limit: int = 10, **__: object) -> Retrieval:
        found = tuple(
            RankedPassage(_passage(number, document), 1.0 - number / 10, 0.5 - number / 10, 0.0)
            for number, document in enumerate(("Router", "Router", "Hub"))
        )
        return Retrieval(found[:limit], "", 0.0, np.zeros(3, dtype=np.float32))


def _passage(number: int, title: str) -> Passage:
    return Passage(
        PassageId(number), DocumentId(f"doc_{title}"), VersionId("ver_1"), "key", title, None, number, 0, 4,
        "text", PassageKind.PROSE,
    )  # fmt: skip


async def _gaps(*contacts: Contact) -> tuple[Gap, ...]:
    return await gaps(
        contacts,
        DEFAULT_WORKSPACE,
        encoder=HashEncoder(dimensions=256),
        retriever=TwoArticles(),
        quoter=Quoter("https://care.example"),
        thresholds=THRESHOLDS,
    )


async def test_like_questions_are_one_gap_with_its_articles_and_a_draft_of_what_people_answered() -> None:
    first = contact(
        turn("Can I turn bridge mode on for my own router?"),
        name="a",
        replies=(NOT_KNOWN,),
        agents=(ANSWERED,),
        personal={"Maya Quill": "name"},
    )
    second = contact(
        turn("How do I turn bridge mode on? Write to zed@leak.example"), name="b", replies=(NOT_KNOWN,)
    )
    (gap,) = await _gaps(first, second)
    assert (gap.count, gap.reasons) == (2, {"unanswered": 2})
    assert [one.title for one in gap.articles] == ["Router", "Hub"]
    assert gap.articles[0].similarity == 0.5
    points = [point for section in gap.outline for point in section.points]
    assert points == ["You can turn bridge mode on for your own router in the menu."]
    everything = repr(gap)
    assert "zed@leak" not in everything
    assert "Maya" not in everything


async def test_what_was_disliked_or_left_is_a_gap_too_and_what_was_liked_is_none() -> None:
    found = await _gaps(
        contact(turn("What does zeta cost"), name="a", replies=(reply(rating="down"),)),
        contact(turn("Which omega is it"), name="b", replies=(reply(ReplyKind.CLARIFY),)),
        contact(turn("Where is kappa"), name="c", replies=(reply(rating="up"),)),
        contact(
            turn("A person please"), name="d", replies=(reply(ReplyKind.HANDOVER, reason="customer_asked"),)
        ),
    )
    assert [one.reasons for one in found] == [{"disliked": 1}, {"left": 1}]


async def test_praise_and_farewells_ask_nothing() -> None:
    leaving = {"churn_risk": (0.99, ((0, 4),))}
    farewell = contact(turn("I am leaving you", signals=leaving), replies=(NOT_KNOWN,))
    assert await _gaps(farewell) == ()
    asked = contact(turn("I am leaving you, how do I?", signals=leaving), replies=(NOT_KNOWN,))
    assert len(await _gaps(asked)) == 1
