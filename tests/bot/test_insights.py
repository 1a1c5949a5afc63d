"""What triage makes of a conversation as a whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from bot.conversation import (
    AUTOMATIC,
    MESSAGE,
    Author,
    BriefedEntity,
    BriefedLabel,
    Conversation,
    Message,
    Owner,
    Status,
)
from bot.insights import insights
from bot.sentiment import Direction
from kit.ids import DEFAULT_WORKSPACE, ConversationId, MessageId
from tests.bot.labelled import feeling, labels_of
from tests.triage.triaged import label, triaged
from triage.entities import Entity
from triage.labels import Certainty, Priority, Sentiment, Signal, Triage, Urgency

NOW = datetime(2026, 3, 4, tzinfo=UTC)
CONVERSATION = Conversation(
    ConversationId("conv_1"), DEFAULT_WORKSPACE, "api", Owner.QUEUE, Status.OPEN, NOW, NOW
)


def said(*turns: Triage | None, kind: str = MESSAGE, why: tuple[str, ...] = ()) -> list[Message]:
    """The customer's messages with these labels, each but the last answered by the bot."""
    return [
        Message(
            id=MessageId(f"msg_{number}"),
            conversation_id=CONVERSATION.id,
            sequence=2 * number + 1,
            author=Author.CUSTOMER,
            text="",
            kind=kind,
            created_at=NOW,
            labels=None if turn is None else labels_of(turn, why=why),
        )
        for number, turn in enumerate(turns)
    ]


def test_without_labels_there_are_no_insights() -> None:
    assert insights(CONVERSATION, []) is None
    assert insights(CONVERSATION, said(None, None)) is None
    assert insights(CONVERSATION, said(triaged(), kind=AUTOMATIC)) is None


def test_intents_are_the_likely_ones_newest_first_each_once() -> None:
    found = insights(
        CONVERSATION,
        said(
            triaged("faults.no_internet"),
            triaged("billing.refund_request", further=(label("contract.cancel", 0.7, text="cancel"),)),
            triaged("billing.refund_request", probability=0.9),
            triaged("sales.upgrade", probability=0.4),
            triaged("sales.stock", certainty=Certainty.OUT_OF_SCOPE),
        ),
    )
    assert found is not None
    assert found.intents == (
        BriefedLabel("billing.refund_request", 0.9, ("refund",), 5),
        BriefedLabel("contract.cancel", 0.7, ("cancel",), 3),
        BriefedLabel("faults.no_internet", 0.8, ("refund",), 1),
    )


def test_signals_are_told_once_where_they_were_surest_with_the_words_for_them() -> None:
    found = insights(
        CONVERSATION,
        said(
            triaged(signals={Signal.CHURN_RISK: 0.6}),
            triaged(signals={Signal.CHURN_RISK: 0.9, Signal.COMPETITOR: 0.95}),
            triaged(signals={Signal.CHURN_RISK: 0.7}, urgency={Urgency.OUTAGE: 0.8}),
        ),
    )
    assert found is not None
    assert found.signals == (
        BriefedLabel("competitor", 0.95, ("<competitor>",), 3),
        BriefedLabel("churn_risk", 0.9, ("<churn_risk>",), 3),
    )
    assert found.urgency == (BriefedLabel("outage", 0.8, ("<outage>",), 5),)


def test_the_mood_is_the_last_one_and_where_it_has_been_going() -> None:
    moods = [(Sentiment.NEUTRAL, 0.0), (Sentiment.NEGATIVE, -0.5), (Sentiment.VERY_NEGATIVE, -0.9)]
    turns = [feeling(level, score, f"mood {score}") for level, score in moods]
    found = insights(CONVERSATION, said(*turns))
    assert found is not None
    assert (found.mood.last.name, found.mood.score) == ("very_negative", -0.9)
    assert found.mood.last.quotes == ("mood -0.9",)
    assert found.mood.trend is not None
    assert found.mood.trend.direction is Direction.FALLING
    few = insights(CONVERSATION, said(*turns[:2]))
    assert few is not None
    assert few.mood.trend is None


def test_things_are_named_once_by_their_value_the_last_one_first() -> None:
    found = insights(
        CONVERSATION,
        said(
            triaged(entities=(Entity("order", 0, 5, "12345", "12345"), Entity("money", 6, 8, "5€", "EUR 5"))),
            triaged(entities=(Entity("money", 0, 6, "5 Euro", "EUR 5"),)),
        ),
    )
    assert found is not None
    assert found.entities == (
        BriefedEntity("money", "5 Euro", "EUR 5", 3),
        BriefedEntity("order", "12345", "12345", 1),
    )


def test_the_priority_is_the_conversation_s_where_it_has_one() -> None:
    turns = said(triaged(priority=Priority.P4))
    waiting = insights(replace(CONVERSATION, priority=Priority.P1), turns)
    open_still = insights(CONVERSATION, turns)
    assert waiting is not None
    assert open_still is not None
    assert (waiting.priority, open_still.priority) == (Priority.P1, Priority.P4)


def test_the_steps_are_those_of_the_turn_that_named_the_queue() -> None:
    turns = [
        *said(triaged(), why=("triage: queue billing",)),
        *said(triaged(certainty=Certainty.NOT_SURE), why=("triage: priority P3",)),
    ]
    found = insights(CONVERSATION, turns)
    assert found is not None
    assert found.why == ("triage: queue billing",)
