import asyncio
from collections.abc import AsyncIterator, Awaitable

import pytest
from sqlalchemy import select

from bot.answer import Answer, AnswerKind
from bot.assistant import Assistant
from bot.conversation import Author, ConversationEvent, EventKind, Owner, Rating, Status, TurnResult
from bot.errors import (
    AlreadyClaimed,
    EmptyMessage,
    MessageTooLong,
    UnknownConversation,
    UnknownMessage,
    WrongOwner,
)
from bot.intake import LONGEST_MESSAGE
from bot.turns import FAILED
from kit.clock import ManualClock
from kit.errors import Unavailable
from kit.ids import ConversationId, MessageId, WorkspaceId
from retrieval import HistoryTurn
from store.engine import Database
from store.tables import citations, conversation_events, feedback, messages
from tests.bot.conftest import CITATION, ScriptedPipeline, free_of_charge, make_assistant

pytestmark = pytest.mark.anyio

HANDOVER = Answer(kind=AnswerKind.HANDOVER, text="A colleague will help.", trace={"reason": "unanswerable"})


async def _collect(
    assistant: Assistant, workspace: WorkspaceId, conversation: ConversationId, *, after: int = 0
) -> list[ConversationEvent]:
    seen = []
    async for event in assistant.events(workspace, conversation, after=after):
        seen.append(event)
        if event.kind is EventKind.DONE:
            return seen
    raise AssertionError("the stream ended")


async def test_a_question_is_answered_with_its_citations(
    assistant: Assistant, workspace: WorkspaceId
) -> None:
    conversation = await assistant.open(workspace)
    result = await assistant.send(workspace, conversation.id, "What does moving cost?")
    assert result.reply is not None
    assert (result.reply.text, result.reply.kind, result.reply.sequence) == ("It is free.", "answer", 2)
    assert result.reply.reply_to == result.message.id
    stored = await assistant.messages(workspace, conversation.id)
    assert [message.author for message in stored] == [Author.CUSTOMER, Author.BOT]
    assert stored[1].citations[0].citation == CITATION
    assert stored[1].citations[0].support == pytest.approx(0.97)
    assert await assistant.message(workspace, stored[1].id) == stored[1]


async def test_the_history_is_handed_on_in_order(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    conversation = await assistant.open(workspace)
    await assistant.send(workspace, conversation.id, "I am moving.")
    await assistant.send(workspace, conversation.id, "What does it cost?")
    assert pipeline.questions[1].text == "What does it cost?"
    assert pipeline.questions[1].history == [
        HistoryTurn("I am moving."),
        HistoryTurn("It is free.", by_customer=False),
    ]
    assert pipeline.questions[1].language == "en"


async def test_personal_data_never_reaches_the_pipeline_and_comes_back_in_the_reply(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    pipeline.script["Write to [EMAIL_1] please"] = free_of_charge(text="We will write to [EMAIL_1].")
    conversation = await assistant.open(workspace)
    result = await assistant.send(workspace, conversation.id, "Write to jo@example.org please")
    assert result.reply is not None
    assert result.reply.text == "We will write to jo@example.org."
    await assistant.send(workspace, conversation.id, "Is jo@example.org right?")
    assert pipeline.questions[1].text == "Is [EMAIL_1] right?"
    assert pipeline.questions[1].history[0].text == "Write to [EMAIL_1] please"


async def test_message_text_is_encrypted_at_rest(
    assistant: Assistant, workspace: WorkspaceId, each_database: Database
) -> None:
    conversation = await assistant.open(workspace)
    await assistant.send(workspace, conversation.id, "a very private matter")
    async with each_database.read() as connection:
        stored = (await connection.execute(select(messages.c.text))).scalars().all()
    assert len(stored) == 2
    assert not any(b"private" in text for text in stored)


async def test_the_same_client_id_is_the_same_message(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    conversation = await assistant.open(workspace)
    first = await assistant.send(workspace, conversation.id, "Hello?", client_id="c1")
    again = await assistant.send(workspace, conversation.id, "Hello?", client_id="c1")
    assert again.message == first.message
    assert again.reply == first.reply
    assert len(pipeline.questions) == 1


async def test_messages_that_arrive_meanwhile_are_answered_together(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    pipeline.gate = asyncio.Event()
    conversation = await assistant.open(workspace)
    sending = [asyncio.create_task(assistant.send(workspace, conversation.id, "one"))]
    await pipeline.asked.wait()
    for text in ("two", "three"):
        sending.append(asyncio.create_task(assistant.send(workspace, conversation.id, text)))
        await _until_stored(assistant, workspace, conversation.id, len(sending))
    pipeline.gate.set()
    one, two, three = await asyncio.gather(*sending)
    assert [question.text for question in pipeline.questions] == ["one", "two\nthree"]
    assert one.reply is not None
    assert two.reply == three.reply
    sequences = [message.sequence for message in await assistant.messages(workspace, conversation.id)]
    assert sequences == list(range(1, len(sequences) + 1))


async def test_a_burst_window_waits_for_the_rest_of_the_thought(
    database: Database, pipeline: ScriptedPipeline, clock: ManualClock, workspace: WorkspaceId
) -> None:
    pipeline.script = {"hi\nhow do I move?": free_of_charge(sentences=())}
    assistant = make_assistant(database, pipeline, clock, burst_window=0.2)
    conversation = await assistant.open(workspace)
    results = await asyncio.gather(
        assistant.send(workspace, conversation.id, "hi"),
        _after(0.05, assistant.send(workspace, conversation.id, "how do I move?")),
    )
    assert [question.text for question in pipeline.questions] == ["hi\nhow do I move?"]
    assert results[0].reply == results[1].reply


async def _until_stored(
    assistant: Assistant, workspace: WorkspaceId, conversation: ConversationId, count: int
) -> None:
    async for event in assistant.events(workspace, conversation):
        if event.kind is EventKind.MESSAGE and event.payload["sequence"] == count:
            return


async def _after(seconds: float, what: Awaitable[TurnResult]) -> TurnResult:
    await asyncio.sleep(seconds)
    return await what


async def test_what_cannot_be_answered_waits_in_the_queue_with_a_briefing(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    pipeline.script["Where is my parcel?"] = HANDOVER
    conversation = await assistant.open(workspace)
    await assistant.send(workspace, conversation.id, "What does moving cost?")
    result = await assistant.send(workspace, conversation.id, "Where is my parcel?")
    assert (result.conversation.owner, result.conversation.queue) == (Owner.QUEUE, "support")
    briefing = await assistant.briefing(workspace, conversation.id)
    assert briefing.reason == "unanswerable"
    assert briefing.asked == ("What does moving cost?", "Where is my parcel?")
    assert briefing.tried == ("It is free.",)
    assert briefing.sources == ("Moving home",)
    assert "draft an article" in briefing.suggested_next_step


async def test_the_bot_is_silent_once_a_person_has_the_conversation(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    conversation = await assistant.open(workspace)
    await assistant.claim(workspace, conversation.id, agent="Ann")
    result = await assistant.send(workspace, conversation.id, "Anybody there?")
    assert result.reply is None
    assert pipeline.questions == []


async def test_a_takeover_during_a_turn_drops_the_bot_s_reply(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    pipeline.gate = asyncio.Event()
    conversation = await assistant.open(workspace)
    sending = asyncio.create_task(assistant.send(workspace, conversation.id, "Anybody there?"))
    await pipeline.asked.wait()
    await assistant.claim(workspace, conversation.id, agent="Ann")
    pipeline.gate.set()
    assert (await sending).reply is None
    assert [m.author for m in await assistant.messages(workspace, conversation.id)] == [Author.CUSTOMER]


async def test_a_released_conversation_is_answered_by_the_bot_which_saw_what_the_person_said(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    conversation = await assistant.open(workspace)
    await assistant.claim(workspace, conversation.id, agent="Ann")
    await assistant.send(workspace, conversation.id, "My line is dead.")
    await assistant.reply_as_agent(workspace, conversation.id, agent="Ann", text="I've reset it.")
    await assistant.send(workspace, conversation.id, "And what does moving cost?")
    await assistant.release(workspace, conversation.id, agent="Ann", to=Owner.BOT)
    await assistant.stop()
    stored = await assistant.messages(workspace, conversation.id)
    assert [message.author for message in stored][-1] is Author.BOT
    assert pipeline.questions[0].history == [
        HistoryTurn("My line is dead."),
        HistoryTurn("I've reset it.", by_customer=False),
    ]


async def test_what_is_erased_is_gone_from_every_table(
    assistant: Assistant, workspace: WorkspaceId, each_database: Database
) -> None:
    conversation, other = await assistant.open(workspace), await assistant.open(workspace)
    for one in (conversation, other):
        result = await assistant.send(workspace, one.id, "What does moving cost?")
        assert result.reply is not None
        await assistant.rate(workspace, one.id, result.reply.id, rating=Rating.UP, reason="Quick.")
    await assistant.erase(workspace, conversation.id)
    async with each_database.read() as connection:
        for table in (messages, feedback, conversation_events):
            left = await connection.execute(select(table.c.conversation_id).distinct())
            assert set(left.scalars()) == {other.id}
        assert len((await connection.execute(select(citations))).all()) == 1
    for method in (assistant.get, assistant.messages, assistant.erase):
        with pytest.raises(UnknownConversation):
            await method(workspace, conversation.id)


async def test_a_turn_of_what_is_erased_meanwhile_ends_without_a_word(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    pipeline.gate = asyncio.Event()
    conversation = await assistant.open(workspace)
    sending = asyncio.create_task(assistant.send(workspace, conversation.id, "What does moving cost?"))
    await pipeline.asked.wait()
    await assistant.accept(workspace, conversation.id, "Are you there?")
    await assistant.erase(workspace, conversation.id)
    pipeline.gate.set()
    with pytest.raises(UnknownConversation):
        await sending


async def test_two_people_claim_at_once_and_one_is_told_who_won(
    assistant: Assistant, workspace: WorkspaceId
) -> None:
    conversation = await assistant.open(workspace)
    claims = [assistant.claim(workspace, conversation.id, agent=name) for name in ("Ann", "Bob")]
    results = await asyncio.gather(*claims, return_exceptions=True)
    refused = [result for result in results if isinstance(result, AlreadyClaimed)]
    holder = (await assistant.get(workspace, conversation.id)).agent
    assert len(refused) == 1
    assert str(holder) in refused[0].detail


async def test_only_the_holder_may_speak_or_release(assistant: Assistant, workspace: WorkspaceId) -> None:
    conversation = await assistant.open(workspace)
    with pytest.raises(WrongOwner, match="the bot has it"):
        await assistant.reply_as_agent(workspace, conversation.id, agent="Ann", text="Hello")
    await assistant.claim(workspace, conversation.id, agent="Ann")
    with pytest.raises(WrongOwner, match="Ann has it"):
        await assistant.release(workspace, conversation.id, agent="Bob", to=Owner.BOT)


async def test_an_agent_s_message_sent_twice_is_stored_once(
    assistant: Assistant, workspace: WorkspaceId
) -> None:
    conversation = await assistant.open(workspace)
    await assistant.claim(workspace, conversation.id, agent="Ann")
    send = {"agent": "Ann", "text": "Hello", "client_id": "a1"}
    first = await assistant.reply_as_agent(workspace, conversation.id, **send)
    assert await assistant.reply_as_agent(workspace, conversation.id, **send) == first


async def test_a_resolved_conversation_opens_again_when_the_customer_writes(
    assistant: Assistant, workspace: WorkspaceId
) -> None:
    conversation = await assistant.open(workspace)
    await assistant.claim(workspace, conversation.id, agent="Ann")
    resolved = await assistant.resolve(workspace, conversation.id)
    assert (resolved.status, resolved.owner, resolved.agent) == (Status.RESOLVED, Owner.BOT, None)
    with pytest.raises(WrongOwner, match="resolved"):
        await assistant.hand_over(workspace, conversation.id, reason="customer_asked")
    result = await assistant.send(workspace, conversation.id, "One more thing")
    assert result.conversation.status is Status.OPEN
    assert result.reply is not None


async def test_a_stream_shows_the_message_tokens_reply_and_end(
    assistant: Assistant, workspace: WorkspaceId
) -> None:
    conversation = await assistant.open(workspace)
    watching = asyncio.create_task(_collect(assistant, workspace, conversation.id))
    await asyncio.sleep(0.05)
    await assistant.accept(workspace, conversation.id, "What does moving cost?")
    events = await asyncio.wait_for(watching, 5)
    kinds = [event.kind for event in events]
    assert kinds == [EventKind.MESSAGE, *[EventKind.TOKEN] * 3, EventKind.MESSAGE, EventKind.DONE]
    assert "".join(str(event.payload["text"]) for event in events[1:4]).strip() == "It is free."
    assert [event.payload["offset"] for event in events[1:4]] == [0, 3, 6]
    assert events[4].message is not None
    assert events[4].message.citations[0].citation == CITATION
    assert [event.id for event in events] == sorted(event.id for event in events)


async def test_a_stream_resumes_after_the_last_event_seen(
    assistant: Assistant, workspace: WorkspaceId
) -> None:
    conversation = await assistant.open(workspace)
    await assistant.send(workspace, conversation.id, "one")
    await assistant.send(workspace, conversation.id, "two")
    whole = [event async for event in _take(assistant, workspace, conversation.id, 4)]
    rest = [event async for event in _take(assistant, workspace, conversation.id, 2, after=whole[1].id)]
    assert rest == whole[2:]


async def _take(
    assistant: Assistant, workspace: WorkspaceId, conversation: ConversationId, count: int, *, after: int = 0
) -> AsyncIterator[ConversationEvent]:
    stream = assistant.events(workspace, conversation, after=after)
    for _ in range(count):
        yield await anext(stream)
    await stream.aclose()


async def test_a_broken_part_hands_over_instead_of_leaving_silence(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    pipeline.script = {"a": Unavailable("down", code="index_unavailable"), "b": RuntimeError("bug")}
    for text, reason in (("a", "index_unavailable"), ("b", "internal")):
        conversation = await assistant.open(workspace)
        result = await assistant.send(workspace, conversation.id, text)
        assert result.reply is not None
        assert result.reply.text == FAILED
        assert result.reply.trace["reason"] == reason
        assert result.conversation.owner is Owner.QUEUE


async def test_what_was_stored_and_not_answered_is_answered_after_a_restart(
    each_database: Database,
    assistant: Assistant,
    workspace: WorkspaceId,
    pipeline: ScriptedPipeline,
    clock: ManualClock,
) -> None:
    pipeline.gate = asyncio.Event()
    conversation = await assistant.open(workspace)
    accepted = await assistant.accept(workspace, conversation.id, "What does moving cost?")
    restarted = make_assistant(each_database, ScriptedPipeline(), clock)
    assert await restarted.recover() == 1
    reply = (await restarted.messages(workspace, conversation.id))[-1]
    assert reply.reply_to == accepted.id
    assert await restarted.recover() == 0
    pipeline.gate.set()


async def test_another_workspace_s_conversation_does_not_exist(
    assistant: Assistant, workspace: WorkspaceId, other_workspace: WorkspaceId
) -> None:
    conversation = await assistant.open(workspace)
    reply = (await assistant.send(workspace, conversation.id, "hello")).reply
    assert reply is not None
    steps = [
        assistant.get(other_workspace, conversation.id),
        assistant.messages(other_workspace, conversation.id),
        assistant.send(other_workspace, conversation.id, "hello"),
        assistant.claim(other_workspace, conversation.id, agent="Eve"),
        assistant.resolve(other_workspace, conversation.id),
        assistant.briefing(other_workspace, conversation.id),
        anext(assistant.events(other_workspace, conversation.id)),
    ]
    for step in steps:
        with pytest.raises(UnknownConversation):
            await step
    with pytest.raises(UnknownMessage):
        await assistant.message(other_workspace, reply.id)
    assert await assistant.list(other_workspace) == []


@pytest.mark.parametrize(
    ("text", "error"),
    [("", EmptyMessage), (" \n\t", EmptyMessage), ("x" * (LONGEST_MESSAGE + 1), MessageTooLong)],
)
async def test_unusable_texts_change_nothing(
    assistant: Assistant, workspace: WorkspaceId, text: str, error: type[Exception]
) -> None:
    conversation = await assistant.open(workspace)
    with pytest.raises(error):
        await assistant.send(workspace, conversation.id, text)
    assert await assistant.messages(workspace, conversation.id) == []


async def test_conversations_are_listed_newest_first_and_filtered(
    assistant: Assistant, workspace: WorkspaceId
) -> None:
    opened = [await assistant.open(workspace, visitor_id=f"v{number % 2}") for number in range(4)]
    await assistant.hand_over(workspace, opened[0].id, reason="customer_asked", queue="billing")
    newest = await assistant.list(workspace, limit=2)
    assert {conversation.id for conversation in newest} <= {conversation.id for conversation in opened}
    older = await assistant.list(workspace, before=newest[-1].id)
    assert len(newest) + len(older) == 4
    assert [c.id for c in await assistant.list(workspace, queue="billing")] == [opened[0].id]
    assert len(await assistant.list(workspace, visitor_id="v1")) == 2
    assert len(await assistant.list(workspace, owner=Owner.BOT, status=Status.OPEN)) == 3


async def test_a_later_rating_takes_the_place_of_an_earlier_one(
    assistant: Assistant, workspace: WorkspaceId, each_database: Database
) -> None:
    conversation = await assistant.open(workspace)
    reply = (await assistant.send(workspace, conversation.id, "hello")).reply
    assert reply is not None
    await assistant.rate(workspace, conversation.id, reply.id, rating=Rating.UP)
    await assistant.rate(workspace, conversation.id, reply.id, rating=Rating.DOWN, reason="wrong plan")
    async with each_database.read() as connection:
        rows = (await connection.execute(select(feedback))).all()
    assert [row.rating for row in rows] == ["down"]
    assert b"wrong" not in rows[0].reason
    with pytest.raises(UnknownMessage):
        await assistant.rate(workspace, conversation.id, MessageId("msg_x"), rating=Rating.UP)
    another = await assistant.open(workspace)
    with pytest.raises(UnknownMessage, match="in conversation"):
        await assistant.rate(workspace, another.id, reply.id, rating=Rating.UP)


async def test_asking_stores_nothing_and_redacts_all_the_same(
    assistant: Assistant, workspace: WorkspaceId, pipeline: ScriptedPipeline
) -> None:
    pipeline.script["Is [EMAIL_1] known?"] = free_of_charge(text="[EMAIL_1] is.")
    history = [HistoryTurn("I am jo@example.org")]
    answer = await assistant.ask(workspace, "Is jo@example.org known?", history=history)
    assert answer.text == "jo@example.org is."
    assert pipeline.questions[0].history[0].text == "I am [EMAIL_1]"
    assert await assistant.list(workspace) == []


async def test_asking_piece_by_piece_ends_with_the_whole(
    assistant: Assistant, workspace: WorkspaceId
) -> None:
    chunks = [chunk async for chunk in assistant.ask_stream(workspace, "What does it cost?")]
    assert "".join(chunk.text for chunk in chunks).strip() == "It is free."
    assert chunks[-1].answer is not None
    assert all(chunk.answer is None for chunk in chunks[:-1])
