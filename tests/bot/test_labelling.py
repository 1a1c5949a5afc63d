"""Triage of what customers write: where it is kept, what it changes, and that no turn hangs on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import delete, select

from bot.answer import Answer, AnswerKind
from bot.assistant import Assistant
from bot.conversation import AUTOMATIC, Author, EventKind, Message, Owner, Status
from bot.labels import Labels
from kit.clock import ManualClock
from kit.errors import Unavailable
from kit.ids import ConversationId, WorkspaceId
from store.encryption import Cipher
from store.engine import Database
from store.tables import conversations, messages
from tests.bot.conftest import ScriptedPipeline, add_cited_document, free_of_charge, make_assistant
from tests.bot.labelled import ScriptedLabeller
from tests.triage.triaged import triaged
from triage.labels import Certainty, Priority, Signal

pytestmark = pytest.mark.anyio

BILL = "You charged me twice!"
HANDOVER = Answer(AnswerKind.HANDOVER, "A colleague will help.", trace={"reason": "unanswerable"})
WISH = Answer(AnswerKind.HANDOVER, "Of course.", trace={"reason": "customer_asked"})
SURE = triaged(priority=Priority.P2, signals={Signal.CHURN_RISK: 0.8})
ABSENT = {"Auto-Submitted": "auto-replied"}


@pytest.fixture
def labeller() -> ScriptedLabeller:
    return ScriptedLabeller({BILL: SURE})


@pytest.fixture
async def assistant(
    each_database: Database, pipeline: ScriptedPipeline, clock: ManualClock, labeller: ScriptedLabeller
) -> AsyncIterator[Assistant]:
    await add_cited_document(each_database, clock)
    assistant = make_assistant(each_database, pipeline, clock, labeller=labeller)
    yield assistant
    await assistant.stop()


async def _stored(
    assistant: Assistant, workspace: WorkspaceId, conversation: ConversationId
) -> list[Message]:
    await assistant.stop()  # nothing is under way any more
    return list(await assistant.messages(workspace, conversation))


def _labels(message: Message) -> Labels:
    assert message.labels is not None
    return message.labels


async def test_labels_are_kept_with_the_customer_s_message_and_told(
    assistant: Assistant, workspace: WorkspaceId
) -> None:
    conversation = await assistant.open(workspace)
    await assistant.send(workspace, conversation.id, BILL)
    asked, reply = await _stored(assistant, workspace, conversation.id)
    assert _labels(asked).triage == SURE
    assert _labels(asked).messages == (asked.id,)
    assert reply.labels is None
    stream = assistant.events(workspace, conversation.id)
    events = [await anext(stream) for _ in range(3)]
    await stream.aclose()
    (told,) = [event for event in events if event.kind is EventKind.LABELS]
    assert told.payload == {"message_id": asked.id, "sequence": 1}
    assert told.message == asked


async def test_labels_are_encrypted_at_rest_and_go_with_the_conversation(
    assistant: Assistant, workspace: WorkspaceId, each_database: Database
) -> None:
    conversation = await assistant.open(workspace)
    await assistant.send(workspace, conversation.id, BILL)
    await assistant.stop()
    async with each_database.write() as connection:
        found = (await connection.execute(select(messages.c.labels))).scalars().all()
        (stored,) = [one for one in found if one is not None]
        assert b"churn" not in stored
        assert "churn_risk" in Cipher(bytes(32)).decrypt(stored)
        await connection.execute(delete(conversations).where(conversations.c.id == conversation.id))
        assert (await connection.execute(select(messages.c.labels))).all() == []


async def test_messages_answered_together_are_one_turn(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline, labeller: ScriptedLabeller
) -> None:
    pipeline.gate = asyncio.Event()
    conversation = await assistant.open(workspace)
    sending = [asyncio.create_task(assistant.send(workspace, conversation.id, "one"))]
    await pipeline.asked.wait()
    await assistant.accept(workspace, conversation.id, "two")
    await assistant.accept(workspace, conversation.id, "three")
    pipeline.gate.set()
    await asyncio.gather(*sending)
    stored = await _stored(assistant, workspace, conversation.id)
    one, two, three = (message for message in stored if message.author is Author.CUSTOMER)
    assert [message.text for message in labeller.asked] == ["one", "two\nthree"]
    assert _labels(one).messages == (one.id,)
    assert two.labels is None
    assert _labels(three).messages == (two.id, three.id)


@pytest.mark.parametrize("error", [Unavailable("encoder down"), RuntimeError("bug")])
async def test_a_turn_goes_on_where_triage_fails(
    assistant: Assistant, workspace: WorkspaceId, labeller: ScriptedLabeller, error: Exception
) -> None:
    labeller.script["hello"] = error
    conversation = await assistant.open(workspace)
    result = await assistant.send(workspace, conversation.id, "hello")
    assert result.reply is not None
    assert result.reply.kind == AnswerKind.ANSWER
    assert [m.labels for m in await _stored(assistant, workspace, conversation.id)] == [None, None]


async def test_an_answer_does_not_wait_for_triage_and_a_handover_only_a_moment(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline, labeller: ScriptedLabeller
) -> None:
    pipeline.script[BILL] = HANDOVER
    labeller.gate = asyncio.Event()
    conversation = await assistant.open(workspace)
    answered = await asyncio.wait_for(assistant.send(workspace, conversation.id, "How much?"), 5)
    assert answered.reply is not None
    assert answered.message.labels is None
    handed = await asyncio.wait_for(assistant.send(workspace, conversation.id, BILL), 5)
    assert (handed.conversation.queue, handed.conversation.priority) == ("support", None)
    labeller.gate.set()
    stored = await _stored(assistant, workspace, conversation.id)
    assert [message.labels is not None for message in stored] == [True, False, True, False]


async def test_a_handover_goes_where_triage_is_sure(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    pipeline.script = {BILL: HANDOVER, "Hm?": HANDOVER}
    sure, unsure = [await assistant.open(workspace) for _ in range(2)]
    result = await assistant.send(workspace, sure.id, BILL)
    assert (result.conversation.queue, result.conversation.priority) == ("billing", Priority.P2)
    other = (await assistant.send(workspace, unsure.id, "Hm?")).conversation
    assert (other.queue, other.priority) == ("support", Priority.P3)
    assert (await assistant.get(workspace, sure.id)).priority is Priority.P2


async def test_a_wish_for_a_person_goes_to_the_queue_of_what_was_said_before(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    pipeline.script["A person, please"] = WISH
    conversation = await assistant.open(workspace)
    await assistant.send(workspace, conversation.id, BILL)
    result = await assistant.send(workspace, conversation.id, "A person, please")
    assert (result.conversation.queue, result.conversation.priority) == ("billing", Priority.P2)


async def test_a_conversation_that_is_handed_over_by_hand_follows_triage_unless_a_queue_is_named(
    assistant: Assistant, workspace: WorkspaceId
) -> None:
    by_triage, named = [await assistant.open(workspace) for _ in range(2)]
    for conversation in (by_triage, named):
        await assistant.send(workspace, conversation.id, BILL)
    await assistant.stop()
    waiting = await assistant.hand_over(workspace, by_triage.id, reason="asked")
    assert (waiting.queue, waiting.priority) == ("billing", Priority.P2)
    waiting = await assistant.hand_over(workspace, named.id, reason="asked", queue="vip")
    assert waiting.queue == "vip"


async def test_it_waits_in_its_own_queue_again_and_its_priority_ends_with_the_matter(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    pipeline.script[BILL] = HANDOVER
    conversation = await assistant.open(workspace)
    await assistant.send(workspace, conversation.id, BILL)
    claimed = await assistant.claim(workspace, conversation.id, agent="Ann")
    assert claimed.priority is Priority.P2
    back = await assistant.release(workspace, conversation.id, agent="Ann", to=Owner.QUEUE)
    assert (back.queue, back.priority) == ("billing", Priority.P2)
    assert (await assistant.resolve(workspace, conversation.id)).priority is None


async def test_what_is_written_to_a_person_is_triaged_too(
    assistant: Assistant, workspace: WorkspaceId
) -> None:
    conversation = await assistant.open(workspace)
    await assistant.claim(workspace, conversation.id, agent="Ann")
    await assistant.send(workspace, conversation.id, BILL)
    (message,) = await _stored(assistant, workspace, conversation.id)
    assert _labels(message).triage == SURE


async def test_a_takeover_during_a_turn_keeps_the_labels(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    pipeline.gate = asyncio.Event()
    conversation = await assistant.open(workspace)
    sending = asyncio.create_task(assistant.send(workspace, conversation.id, BILL))
    await pipeline.asked.wait()
    await assistant.claim(workspace, conversation.id, agent="Ann")
    pipeline.gate.set()
    assert (await sending).reply is None
    (message,) = await _stored(assistant, workspace, conversation.id)
    assert _labels(message).triage == SURE


async def test_a_machine_s_mail_is_kept_and_marked_and_gets_no_answer(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline, labeller: ScriptedLabeller
) -> None:
    conversation = await assistant.open(workspace, channel="email")
    result = await assistant.send(
        workspace, conversation.id, "I am away until Monday.", headers=ABSENT, client_id="m1"
    )
    again = await assistant.send(
        workspace, conversation.id, "I am away until Monday.", headers=ABSENT, client_id="m1"
    )
    assert (result.message.kind, result.reply) == (AUTOMATIC, None)
    assert again.message.id == result.message.id
    assert result.conversation.owner is Owner.BOT
    assert pipeline.questions == []
    assert await assistant.recover() == 0
    asked = await assistant.send(workspace, conversation.id, "What does it cost?")
    assert asked.reply is not None
    assert [question.text for question in pipeline.questions] == ["What does it cost?"]
    assert pipeline.questions[0].history == []
    machine, *_ = await _stored(assistant, workspace, conversation.id)
    assert machine.labels is not None
    assert labeller.asked[0].headers == ABSENT


async def test_a_machine_s_mail_opens_nothing_that_was_resolved(
    assistant: Assistant, workspace: WorkspaceId
) -> None:
    conversation = await assistant.open(workspace, channel="email")
    await assistant.resolve(workspace, conversation.id)
    result = await assistant.send(workspace, conversation.id, "Away.", headers=ABSENT)
    assert result.conversation.status is Status.RESOLVED


@pytest.mark.parametrize(
    "headers",
    [{}, {"Auto-Submitted": "no"}, {"List-Id": "<team.example.org>", "Precedence": "list"}],
    ids=["none", "by a person", "through a mailing list"],
)
async def test_what_a_person_may_have_sent_is_answered(
    assistant: Assistant, workspace: WorkspaceId, headers: dict[str, str]
) -> None:
    conversation = await assistant.open(workspace, channel="email")
    result = await assistant.send(workspace, conversation.id, "I am out of office.", headers=headers)
    assert result.message.kind == "message"
    assert result.reply is not None


async def test_a_question_outside_of_conversations_is_labelled_for_the_pipeline_and_not_stored(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    pipeline.script[BILL] = free_of_charge()
    await assistant.ask(workspace, BILL)
    labels = await pipeline.questions[0].labels.soon()
    assert labels is not None
    assert labels.triage == SURE
    assert await assistant.list(workspace) == []


async def test_the_briefing_says_what_triage_makes_of_the_conversation(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline, labeller: ScriptedLabeller
) -> None:
    labeller.script["hi"] = replace(SURE, certainty=Certainty.OUT_OF_SCOPE)
    pipeline.script[BILL] = HANDOVER
    conversation = await assistant.open(workspace)
    await assistant.send(workspace, conversation.id, BILL)
    await assistant.stop()
    insights = (await assistant.briefing(workspace, conversation.id)).insights
    assert insights is not None
    assert insights.priority is Priority.P2
    assert [(label.name, label.quotes) for label in insights.intents] == [
        ("billing.refund_request", ("refund",))
    ]


async def test_without_triage_everything_is_as_before(
    each_database: Database, pipeline: ScriptedPipeline, clock: ManualClock, workspace: WorkspaceId
) -> None:
    pipeline.script[BILL] = HANDOVER
    assistant = make_assistant(each_database, pipeline, clock)
    conversation = await assistant.open(workspace)
    result = await assistant.send(workspace, conversation.id, BILL)
    assert (result.conversation.queue, result.conversation.priority) == ("support", None)
    assert (await assistant.briefing(workspace, conversation.id)).insights is None
    assert [message.labels for message in await _stored(assistant, workspace, conversation.id)] == [None] * 2
