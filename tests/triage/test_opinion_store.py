"""Opinions in the database, of each kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from kit.clock import ManualClock
from kit.ids import WorkspaceId
from store.encryption import Cipher
from store.engine import Database
from store.tables import second_opinions
from triage.corrections import CorrectionSource, LabelKind, TicketId
from triage.opinion_store import OpinionStore, StoredOpinion
from triage.second_opinion import SecondOpinion
from triage.text_hash import TextHash
from triage.tickets import NewTicket, TicketStore

pytestmark = pytest.mark.anyio

KEY = bytes(range(32))
STORE = OpinionStore(Cipher(KEY))
TICKETS = TicketStore(Cipher(KEY), TextHash(KEY))
OPINION = SecondOpinion(
    classifier="refund",
    candidates=("refund", "delivery"),
    label="delivery",
    agrees=False,
    reason="Asks where the lamp is.",
    model="small",
    prompt="second_opinion@0123456789ab",
    input_tokens=310,
    output_tokens=21,
    seconds=0.5,
)
FAILED = replace(
    OPINION, label=None, agrees=None, input_tokens=None, output_tokens=None, failure="model_timeout"
)


async def ticket(database: Database, workspace: WorkspaceId, clock: ManualClock, name: str = "1") -> TicketId:
    async with database.write() as connection:
        new = NewTicket("desk", name, "Where is the lamp?")
        return (await TICKETS.create_or_get(connection, workspace, new, at=clock.now()))[0].id


async def test_an_opinion_stands_beside_its_ticket_and_goes_with_it(
    each_database: Database, workspace: WorkspaceId, other_workspace: WorkspaceId, clock: ManualClock
) -> None:
    first, second = [await ticket(each_database, workspace, clock, name) for name in "12"]
    async with each_database.write() as connection:
        assert await STORE.add(connection, workspace, first, OPINION, at=clock.now())
        assert await STORE.add(connection, workspace, second, FAILED, at=clock.now())
        assert not await STORE.add(connection, workspace, first, FAILED, at=clock.now())
        assert not await STORE.add(connection, other_workspace, first, OPINION, at=clock.now())
    async with each_database.write() as connection:
        assert await STORE.of_tickets(connection, workspace, [first, second]) == {
            first: StoredOpinion(OPINION, clock.now()),
            second: StoredOpinion(FAILED, clock.now()),
        }
        assert await STORE.of_tickets(connection, other_workspace, [first]) == {}
        assert not any(b"lamp" in row.reason for row in await connection.execute(select(second_opinions)))
        await TICKETS.erase(connection, workspace, first)
        assert list(await STORE.of_tickets(connection, workspace, [first, second])) == [second]
        assert not await STORE.add(connection, workspace, first, OPINION, at=clock.now())


async def test_opinions_are_read_with_what_people_said(
    each_database: Database, workspace: WorkspaceId, other_workspace: WorkspaceId, clock: ManualClock
) -> None:
    first = await ticket(each_database, workspace, clock)
    async with each_database.write() as connection:
        await STORE.add(connection, workspace, first, OPINION, at=clock.now())
    async with each_database.write() as connection:
        assert await STORE.settled(connection, workspace) == [(replace(OPINION, reason=""), None)]
        await TICKETS.correct(
            connection,
            workspace,
            first,
            kind=LabelKind.INTENT,
            became="delivery",
            who="ada",
            source=CorrectionSource.API,
            at=clock.now(),
        )
    async with each_database.read() as connection:
        found = await STORE.settled(connection, workspace, since=clock.now())
        assert found == [(replace(OPINION, reason=""), "delivery")]
        later = clock.now() + timedelta(seconds=1)
        assert await STORE.settled(connection, workspace, since=later) == []
        assert await STORE.settled(connection, other_workspace) == []


async def test_a_report_reads_page_by_page(
    each_database: Database,
    workspace: WorkspaceId,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("triage.opinion_store._PAGE", 2)
    for number in range(5):
        made = await ticket(each_database, workspace, clock, str(number))
        async with each_database.write() as connection:
            await STORE.add(connection, workspace, made, replace(OPINION, seconds=number), at=clock.now())
    async with each_database.read() as connection:
        found = await STORE.settled(connection, workspace)
    assert sorted(opinion.seconds for opinion, _ in found) == [0, 1, 2, 3, 4]
