"""Signals in both databases: one open of a customer and kind, whatever is heard and however often."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from kit.ids import SignalId, WorkspaceId
from signals.errors import UnknownSignal
from signals.signal import Quote, Signal, SignalKind, SignalState, Team
from signals.store import SignalFilter, SignalStore, new_signal_id
from store.encryption import Cipher
from store.engine import Database
from store.tables import conversations, signal_outcomes, signal_sightings, signals
from tests.signals.making import ANN, BOB, NOW, signal

pytestmark = pytest.mark.anyio
STORE = SignalStore(Cipher(bytes(32)))


async def hear(database: Database, heard: Signal, origin: str = "msg_1") -> Signal | None:
    """What is stored after ``heard``; none where it was heard in ``origin`` before."""
    async with database.write() as connection:
        if not await STORE.claim(
            connection,
            heard.workspace_id,
            heard.kind,
            origin,
            probability=heard.probability,
            at=heard.updated_at,
        ):
            return None
        return await STORE.put(connection, heard, origin=origin)


async def all_of(database: Database, workspace: WorkspaceId, **matching: object) -> list[Signal]:
    async with database.read() as connection:
        found = SignalFilter(**matching)  # type: ignore[arg-type]  # names are checked by dataclasses
        return await STORE.page(connection, workspace, matching=found)


async def test_a_signal_is_read_as_it_was_stored(database: Database, workspace: WorkspaceId) -> None:
    heard = signal(next_action="Call", owner="maya", score=71.5, targets=("salesforce",), why=("rule: x",))
    assert await hear(database, heard) == heard
    async with database.read() as connection:
        assert await STORE.get(connection, workspace, heard.id) == heard


async def test_quotes_are_encrypted_at_rest(database: Database) -> None:
    await hear(database, signal())
    async with database.read() as connection:
        stored = (await connection.execute(select(signals.c.evidence))).scalar_one()
    assert b"cancel" not in stored
    assert "cancel my line" in Cipher(bytes(32)).decrypt(stored)


async def test_hearing_again_keeps_the_surest_and_renews_it(each_database: Database) -> None:
    first = signal(probability=0.7)
    await hear(each_database, first)
    later = NOW + timedelta(days=3)
    surer = signal(
        probability=0.9,
        evidence=(Quote("goodbye", 3, 10, 1.0),),
        model="m2",
        created_at=later,
        updated_at=later,
        expires_at=later + timedelta(days=30),
    )
    stored = await hear(each_database, surer, "msg_2")
    assert stored == replace(surer, id=first.id, created_at=NOW, occurrences=2, revision=2)
    weaker = replace(surer, id=new_signal_id(), probability=0.6, evidence=(), model="m3")
    assert await hear(each_database, weaker, "msg_3") == replace(stored, occurrences=3, revision=3)


async def test_the_same_message_is_heard_once_for_each_kind(
    each_database: Database, workspace: WorkspaceId
) -> None:
    assert await hear(each_database, signal()) is not None
    assert await hear(each_database, signal(probability=0.99)) is None
    assert await hear(each_database, signal(SignalKind.COMPETITOR)) is not None
    (churn,) = await all_of(each_database, workspace, kind=SignalKind.CHURN_RISK)
    assert (churn.probability, churn.occurrences) == (0.8, 1)


async def test_a_message_that_was_settled_opens_nothing_again(
    database: Database, workspace: WorkspaceId
) -> None:
    heard = await hear(database, signal())
    assert heard is not None
    async with database.write() as connection:
        await STORE.set_state(connection, heard, SignalState.CLOSED, at=NOW)
    assert await hear(database, signal()) is None
    again = await hear(database, signal(), "msg_2")
    assert again is not None
    assert again.id != heard.id
    assert len(await all_of(database, workspace)) == 2


async def test_what_is_over_expires_and_is_not_heard_again_but_anew(
    each_database: Database, workspace: WorkspaceId
) -> None:
    await hear(each_database, signal())
    late = NOW + timedelta(days=31)
    new = await hear(
        each_database, signal(updated_at=late, created_at=late, expires_at=late + timedelta(days=30)), "msg_2"
    )
    assert new is not None
    assert new.occurrences == 1
    (old,) = await all_of(each_database, workspace, state=SignalState.EXPIRED)
    assert old.revision == 2
    async with each_database.write() as connection:
        assert await STORE.expire(connection, workspace, at=late) == 0
        assert await STORE.expire(connection, workspace, at=late + timedelta(days=30)) == 1
    assert await all_of(each_database, workspace, state=SignalState.OPEN) == []


async def test_the_database_itself_refuses_two_open_ones(each_database: Database) -> None:
    await hear(each_database, signal())
    with pytest.raises(IntegrityError):
        async with each_database.write() as connection:
            row = (await connection.execute(select(signals))).one()
            await connection.execute(insert(signals).values({**row._mapping, "id": "sig_2"}))


async def test_many_at_once_make_one_signal(each_database: Database, workspace: WorkspaceId) -> None:
    await asyncio.gather(*(hear(each_database, signal(), f"msg_{number}") for number in range(8)))
    (one,) = await all_of(each_database, workspace)
    assert (one.occurrences, one.revision) == (8, 8)


async def test_a_transaction_that_fails_leaves_nothing(database: Database, workspace: WorkspaceId) -> None:
    with pytest.raises(RuntimeError, match="later"):
        async with database.write() as connection:
            heard = signal()
            await STORE.claim(
                connection, workspace, heard.kind, "msg_1", probability=heard.probability, at=NOW
            )
            await STORE.put(connection, heard, origin="msg_1")
            raise RuntimeError("later in the turn")
    assert await all_of(database, workspace) == []
    assert await hear(database, signal()) is not None


async def test_lists_filter_and_go_page_by_page(each_database: Database, workspace: WorkspaceId) -> None:
    await hear(each_database, signal(), "m1")
    await hear(each_database, signal(customer_id=BOB, probability=0.6, team=Team.SALES, owner="joe"), "m2")
    await hear(each_database, signal(SignalKind.UPSELL, 0.95, created_at=NOW + timedelta(days=1)), "m3")
    for matching, expected in (
        ({"kind": SignalKind.CHURN_RISK}, 2),
        ({"customer": BOB}, 1),
        ({"team": Team.SALES}, 1),
        ({"owner": "joe"}, 1),
        ({"at_least": 0.8}, 2),
        ({"since": NOW + timedelta(hours=1)}, 1),
        ({"state": SignalState.CLOSED}, 0),
    ):
        assert len(await all_of(each_database, workspace, **matching)) == expected, matching
    everything = [found.id for found in await all_of(each_database, workspace)]
    assert everything == sorted(everything, reverse=True)
    async with each_database.read() as connection:
        first = await STORE.page(connection, workspace, matching=SignalFilter(), limit=2)
        rest = await STORE.page(connection, workspace, matching=SignalFilter(), before=first[-1].id)
        assert [found.id for found in (*first, *rest)] == everything
        assert [found.kind for found in await STORE.of_message(connection, workspace, "m3")] == ["upsell"]
        assert set(await STORE.open_kinds(connection, workspace, ANN, at=NOW)) == {
            SignalKind.CHURN_RISK,
            SignalKind.UPSELL,
        }


async def test_nothing_is_seen_from_another_workspace(
    database: Database, workspace: WorkspaceId, other_workspace: WorkspaceId
) -> None:
    mine = await hear(database, signal())
    theirs = await hear(database, signal(workspace_id=other_workspace))
    assert mine is not None
    assert theirs is not None
    assert [found.id for found in await all_of(database, other_workspace)] == [theirs.id]
    async with database.write() as connection:
        for wrong in (mine.id, SignalId("sig_none")):
            with pytest.raises(UnknownSignal):
                await STORE.get(connection, other_workspace, wrong)
        assert await STORE.of_message(connection, other_workspace, "msg_1") == [theirs]
        assert await STORE.erase(connection, other_workspace, ANN) == 1
        assert await STORE.expire(connection, other_workspace, at=NOW + timedelta(days=99)) == 0
    assert [found.state for found in await all_of(database, workspace)] == [SignalState.OPEN]


async def test_with_the_customer_everything_goes(each_database: Database, workspace: WorkspaceId) -> None:
    heard = await hear(each_database, signal())
    assert heard is not None
    async with each_database.write() as connection:
        await connection.execute(
            insert(signal_outcomes).values(
                workspace_id=workspace,
                signal_id=heard.id,
                outcome="won",
                source="api",
                at=NOW,
                recorded_at=NOW,
            )
        )
        assert await STORE.erase(connection, workspace, ANN) == 1
        for table in (signals, signal_sightings, signal_outcomes):
            assert (await connection.execute(select(func.count()).select_from(table))).scalar() == 0


async def test_with_the_conversation_that_it_quotes_it_goes(
    each_database: Database, workspace: WorkspaceId
) -> None:
    async with each_database.write() as connection:
        await connection.execute(
            insert(conversations).values(
                id="conv_1", workspace_id=workspace, channel="api", owner="bot", status="open",
                next_sequence=1, answered_sequence=0, created_at=NOW, updated_at=NOW,
            )
        )  # fmt: skip
    await hear(each_database, signal(conversation_id="conv_1"))
    async with each_database.write() as connection:
        await connection.execute(conversations.delete())
    assert await all_of(each_database, workspace) == []
