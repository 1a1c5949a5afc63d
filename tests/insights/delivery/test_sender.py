"""Digests that are due: sent by one server, once, made up for, tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from insights.delivery.edition import Edition
from insights.delivery.ledger import SendState
from insights.delivery.sender import Sender
from insights.errors import DigestNotDelivered, NowhereToSend
from insights.plan import Plan
from insights.week import Week
from insights.week_time import WeekTime
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from store.encryption import Cipher
from store.engine import Database
from tests.insights.shop import LONDON, insight_parts
from triage.text_hash import TextHash
from triage.tickets import NewTicket, TicketStore

pytestmark = pytest.mark.anyio
CIPHER = Cipher(bytes(32))
MONDAY = datetime(2026, 1, 12, 7, tzinfo=UTC)


@dataclass
class Desk:
    """Keeps what it is handed; fails as long as ``closed``."""

    name: str = "desk"
    closed: bool = False
    got: list[Edition] = field(default_factory=list)

    async def deliver(self, edition: Edition) -> None:
        if self.closed:
            raise DigestNotDelivered("The desk is closed.")
        self.got.append(edition)


def _sender(database: Database, clock: ManualClock, channels: Sequence[Desk]) -> Sender:
    plan = Plan(LONDON, WeekTime.parse("mon 07:00"), channels)
    return insight_parts(database, CIPHER, clock, plans={DEFAULT_WORKSPACE: plan}).sender


@pytest.fixture
async def written(each_database: Database, clock: ManualClock) -> Database:
    """A ticket on Thursday; it is a minute to seven on Monday."""
    store = TicketStore(CIPHER, TextHash(b"k" * 32))
    async with each_database.write() as connection:
        ticket = NewTicket("test", "1", "My lamp is broken")
        await store.create_or_get(
            connection, DEFAULT_WORKSPACE, ticket, at=datetime(2026, 1, 8, 9, tzinfo=UTC)
        )
    clock.time = MONDAY - timedelta(minutes=1)
    return each_database


async def test_a_digest_goes_out_once_when_it_is_due(written: Database, clock: ManualClock) -> None:
    desk, second = Desk(), Desk("second")
    sender = _sender(written, clock, [desk, second])
    assert await sender.send_due() == 0
    clock.time = MONDAY
    assert await sender.send_due() == 2
    clock.advance(timedelta(days=6))
    assert await sender.send_due() == 0
    assert [edition.digest.week.name for edition in (*desk.got, *second.got)] == ["2026-W02"] * 2
    assert desk.got[0].digest.contacts == 1
    clock.advance(timedelta(days=1))
    assert await sender.send_due() == 2
    assert desk.got[-1].digest.week.name == "2026-W03"


async def test_of_several_servers_one_sends(written: Database, clock: ManualClock) -> None:
    clock.time, desk = MONDAY, Desk()
    databases = [Database(written.url) for _ in range(3)]
    found = await asyncio.gather(*(_sender(one, clock, [desk]).send_due() for one in databases))
    assert sorted(found) == [0, 0, 1]
    assert len(desk.got) == 1
    for one in databases:
        await one.close()


async def test_what_was_missed_is_made_up_for(written: Database, clock: ManualClock) -> None:
    clock.time, desk = MONDAY + timedelta(days=3, hours=5), Desk()
    assert await _sender(written, clock, [desk]).send_due() == 1
    assert desk.got[0].digest.week.name == "2026-W02"


async def test_a_week_before_anybody_wrote_is_left_out(written: Database, clock: ManualClock) -> None:
    desk = Desk()
    clock.time = MONDAY - timedelta(days=7)
    assert await _sender(written, clock, [desk]).send_due() == 0
    assert desk.got == []


async def test_who_does_not_take_it_gets_it_later_and_nobody_else_twice(
    written: Database, clock: ManualClock
) -> None:
    clock.time, closed, open_ = MONDAY, Desk("closed", closed=True), Desk("open")
    sender = _sender(written, clock, [closed, open_])
    assert await sender.send_due() == 1
    known = await sender.ledger.of(DEFAULT_WORKSPACE, "2026-W02")
    assert (known["closed"].state, known["closed"].error) == (SendState.FAILED, "The desk is closed.")
    closed.closed = False
    assert await sender.send_due() == 0
    clock.advance(timedelta(minutes=15))
    assert await sender.send_due() == 1
    assert (len(closed.got), len(open_.got)) == (1, 1)


async def test_by_request_it_goes_to_whoever_does_not_have_it_or_to_all(
    written: Database, clock: ManualClock
) -> None:
    clock.time, desk = MONDAY, Desk()
    sender, week = _sender(written, clock, [desk]), Week(2026, 2, LONDON)
    for anew, count in ((False, 1), (False, 1), (True, 2)):
        (sending,) = await sender.send(DEFAULT_WORKSPACE, week, anew=anew)
        assert sending.state is SendState.DELIVERED
        assert len(desk.got) == count
    with pytest.raises(NowhereToSend):
        await sender.send(WorkspaceId("other"), week)


async def test_a_digest_that_cannot_be_made_holds_nobody_up(
    written: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.time, desk = MONDAY, Desk()
    sender = _sender(written, clock, [desk])

    async def broken(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(type(sender.digester), "digest", broken)
        with pytest.raises(RuntimeError):
            await sender.send_due()
    known = await sender.ledger.of(DEFAULT_WORKSPACE, "2026-W02")
    assert known["desk"].state is SendState.FAILED
    clock.advance(timedelta(minutes=15))
    assert await sender.send_due() == 1
