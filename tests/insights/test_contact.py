from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from insights.contact import Contact, ContactKind, Ending, ReplyKind
from tests.insights.said import MONDAY, contact, reply, turn


@dataclass(frozen=True)
class Case:
    what: str
    found: Contact
    ending: Ending | None


ASKED = turn("How do I cancel?")
CASES = [
    Case("answered", contact(ASKED, replies=(reply(),)), Ending.ASSUMED),
    Case("liked", contact(ASKED, replies=(reply(rating="up"),)), Ending.CONFIRMED),
    Case("disliked", contact(ASKED, replies=(reply(rating="down"),)), Ending.ABANDONED),
    Case("disliked, then liked", contact(
        ASKED, turn("I mean the sim", name="msg_2"),
        replies=(reply(rating="down"), reply(to="msg_2", minutes=3, rating="up")),
    ), Ending.CONFIRMED),
    Case("resolved", contact(ASKED, replies=(reply(),), resolved=True), Ending.CONFIRMED),
    Case("asked back", contact(ASKED, replies=(reply(ReplyKind.CLARIFY),)), Ending.ABANDONED),
    Case("never answered", contact(ASKED), Ending.ABANDONED),
    Case("wrote again", contact(
        ASKED, turn("Hello?", at=MONDAY + timedelta(hours=1), name="msg_2"), replies=(reply(),)
    ), Ending.ABANDONED),
    Case("handed over", contact(
        ASKED, replies=(reply(ReplyKind.HANDOVER),), handed_over=True
    ), Ending.HANDED_OVER),
    Case("resolved by a person", contact(ASKED, agents=("Done.",), resolved=True), Ending.HANDED_OVER),
    Case("greeted", contact(turn("Hi"), replies=(reply(ReplyKind.SMALL_TALK),)), None),
    Case("a ticket", contact(ASKED, kind=ContactKind.TICKET), None),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_how_a_contact_ended(case: Case) -> None:
    assert case.found.ending is case.ending


def test_waits_are_counted_from_the_first_word_and_from_the_handover() -> None:
    found = contact(ASKED, replies=(reply(ReplyKind.HANDOVER, minutes=0.5),), agents=("On my way.",))
    assert found.first_response == timedelta(seconds=30)
    assert found.person_came_at == MONDAY + timedelta(minutes=11)
    assert contact(ASKED).first_response is None


def test_a_signal_is_heard_where_it_is_surest_and_only_if_sure_enough() -> None:
    found = contact(
        turn("Maybe I leave", signals={"churn_risk": (0.6, ((0, 5),))}),
        turn("I leave", name="msg_2", signals={"churn_risk": (0.9, ((0, 7),))}),
    )
    heard = found.heard("churn_risk", 0.7)
    assert heard is not None
    assert heard[0].id == "msg_2"
    assert found.heard("churn_risk", 0.95) is None
    assert found.heard("upsell", 0.1) is None
