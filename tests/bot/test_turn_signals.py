"""A conversation's turn and its signals: stored together, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import insert, select

from bot.assistant import Assistant
from bot.conversations import ConversationStore
from bot.turn_signals import TurnSignals
from kit.clock import ManualClock
from kit.ids import ConversationId, WorkspaceId
from signals.behaviour import read_behaviour
from signals.customer import KnownCustomer
from signals.intake import SignalIntake
from signals.routing import read_rules
from signals.scoring import read_scoring
from signals.signal import Signal
from signals.store import SignalFilter, SignalStore
from store.encryption import Cipher
from store.engine import Database
from store.tables import contacts, customers
from tests.bot.conftest import ScriptedPipeline, add_cited_document
from tests.bot.labelled import ScriptedLabeller
from tests.signals.making import ANN
from tests.signals.people import KnownPeople, Tray
from tests.triage.triaged import triaged
from triage.labels import Signal as Said

pytestmark = pytest.mark.anyio
LEAVING = triaged(signals={Said.CHURN_RISK: 0.9})
STORE = SignalStore(Cipher(bytes(32)))


class Desk:
    """An assistant whose conversations are Ann's once she is ``known``."""

    def __init__(self, database: Database, pipeline: ScriptedPipeline, clock: ManualClock) -> None:
        self.people, self.tray = KnownPeople({ANN: KnownCustomer(ANN)}), Tray()
        self.labeller = ScriptedLabeller({"I leave": LEAVING, "one": LEAVING, "two\nI leave": LEAVING})
        self.database, self.pipeline = database, pipeline
        intake = SignalIntake(
            STORE,
            self.people,
            rules=read_rules(),
            scoring=read_scoring(),
            behaviour=read_behaviour(),
            outbox=self.tray,
        )
        self.assistant = Assistant(
            database=database,
            conversations=ConversationStore(Cipher(bytes(32))),
            pipeline=pipeline,
            clock=clock,
            labeller=self.labeller,
            reader=TurnSignals(intake, self.people, base_url="https://care.example/"),
        )

    async def open(self, workspace: WorkspaceId, *, known: bool = True) -> ConversationId:
        conversation = await self.assistant.open(workspace)
        if known:
            self.people.conversations[conversation.id] = ANN
        return conversation.id

    async def stored(self, workspace: WorkspaceId) -> list[Signal]:
        await self.assistant.stop()
        async with self.database.read() as connection:
            return await STORE.page(connection, workspace, matching=SignalFilter())


@pytest.fixture
async def desk(
    each_database: Database, pipeline: ScriptedPipeline, clock: ManualClock, workspace: WorkspaceId
) -> AsyncIterator[Desk]:
    await add_cited_document(each_database, clock)
    async with each_database.write() as connection:
        await connection.execute(
            insert(customers).values(
                id=ANN, workspace_id=workspace, profile=b"", do_not_sell=False, stage="retention",
                created_at=clock.now(), updated_at=clock.now(),
            )
        )  # fmt: skip
    found = Desk(each_database, pipeline, clock)
    yield found
    await found.assistant.stop()


async def test_a_turn_of_a_known_customer_is_a_signal_that_links_to_it(
    desk: Desk, workspace: WorkspaceId
) -> None:
    conversation = await desk.open(workspace)
    sent = await desk.assistant.send(workspace, conversation, "I leave")
    (found,) = await desk.stored(workspace)
    assert (found.customer_id, found.conversation_id) == (ANN, conversation)
    assert found.link == f"https://care.example/v1/conversations/{conversation}"
    assert [quote.message_id for quote in found.evidence] == [sent.message.id]
    assert desk.tray.taken == [found]
    (asked, _) = await desk.assistant.messages(workspace, conversation)
    assert asked.labels is not None


async def test_of_whom_nobody_knows_there_are_none(desk: Desk, workspace: WorkspaceId) -> None:
    conversation = await desk.open(workspace, known=False)
    await desk.assistant.send(workspace, conversation, "I leave")
    assert await desk.stored(workspace) == []
    (asked, _) = await desk.assistant.messages(workspace, conversation)
    assert asked.labels is not None


async def test_where_signals_cannot_be_stored_labels_are_not_and_the_answer_is(
    desk: Desk, workspace: WorkspaceId
) -> None:
    desk.tray.broken = True
    conversation = await desk.open(workspace)
    result = await desk.assistant.send(workspace, conversation, "I leave")
    assert result.reply is not None
    assert await desk.stored(workspace) == []
    assert [message.labels for message in await desk.assistant.messages(workspace, conversation)] == [
        None,
        None,
    ]


async def test_messages_answered_together_are_quoted_each_by_its_own(
    desk: Desk, workspace: WorkspaceId
) -> None:
    desk.pipeline.gate = asyncio.Event()
    conversation = await desk.open(workspace)
    sending = asyncio.create_task(desk.assistant.send(workspace, conversation, "one"))
    await desk.pipeline.asked.wait()
    second = await desk.assistant.accept(workspace, conversation, "two")
    third = await desk.assistant.accept(workspace, conversation, "I leave")
    desk.pipeline.gate.set()
    await sending
    (found,) = await desk.stored(workspace)
    assert found.occurrences == 2
    async with desk.database.read() as connection:
        assert await STORE.of_message(connection, workspace, third.id) == [found]
        assert await STORE.of_message(connection, workspace, second.id) == []


async def test_what_a_turn_is_about_is_counted_whoever_wrote_it(desk: Desk, workspace: WorkspaceId) -> None:
    conversation = await desk.open(workspace, known=False)
    await desk.assistant.send(workspace, conversation, "I leave")
    await desk.assistant.stop()
    async with desk.database.read() as connection:
        (row,) = (await connection.execute(select(contacts))).all()
    assert (row.conversation_id, row.intent) == (conversation, LEAVING.intent.name)


async def test_how_a_conversation_ends_is_known_of_its_customer(desk: Desk, workspace: WorkspaceId) -> None:
    conversation = await desk.open(workspace)
    await desk.assistant.send(workspace, conversation, "I leave")
    await desk.assistant.stop()
    await desk.assistant.resolve(workspace, conversation)
    assert [one.resolved for one in desk.people.happened[ANN]] == [True]
    await desk.assistant.resolve(workspace, conversation)
    await desk.assistant.send(workspace, conversation, "thanks for nothing")
    assert [one.resolved for one in desk.people.happened[ANN]] == [False]
