from __future__ import annotations

from datetime import timedelta

import pytest

from insights.delivery.ledger import ATTEMPTS, DigestLedger, SendState
from insights.errors import DigestUnderWay
from kit.clock import ManualClock
from kit.ids import WorkspaceId
from store.engine import Database

pytestmark = pytest.mark.anyio
WEEK, HOOK = "2026-W01", "webhook"


@pytest.fixture
def ledger(each_database: Database, clock: ManualClock) -> DigestLedger:
    return DigestLedger(each_database, clock=clock)


async def test_what_was_delivered_is_not_sent_again_but_by_request(
    ledger: DigestLedger, workspace: WorkspaceId, clock: ManualClock
) -> None:
    claimed = await ledger.claim(workspace, WEEK, HOOK)
    assert claimed is not None
    done = await ledger.delivered(claimed)
    assert (done.state, done.delivered_at, done.attempts) == (SendState.DELIVERED, clock.now(), 1)
    assert await ledger.of(workspace, WEEK) == {HOOK: done}
    clock.advance(timedelta(days=30))
    assert await ledger.claim(workspace, WEEK, HOOK) is None
    again = await ledger.claim(workspace, WEEK, HOOK, anew=True)
    assert again is not None
    assert again.attempts == 2


async def test_of_two_who_ask_one_sends_until_it_is_dead(
    ledger: DigestLedger, each_database: Database, workspace: WorkspaceId, clock: ManualClock
) -> None:
    other = DigestLedger(Database(each_database.url), clock=clock)
    assert await ledger.claim(workspace, WEEK, HOOK) is not None
    assert await other.claim(workspace, WEEK, HOOK) is None
    with pytest.raises(DigestUnderWay):
        await other.claim(workspace, WEEK, HOOK, anew=True)
    clock.advance(timedelta(minutes=31))
    assert await other.claim(workspace, WEEK, HOOK) is not None
    await other._database.close()


async def test_what_failed_waits_longer_each_time_and_is_given_up(
    ledger: DigestLedger, workspace: WorkspaceId, clock: ManualClock
) -> None:
    pauses = []
    for _ in range(ATTEMPTS):
        claimed = await ledger.claim(workspace, WEEK, HOOK)
        assert claimed is not None
        failed = await ledger.failed(claimed, "The mail server does not answer.")
        assert await ledger.claim(workspace, WEEK, HOOK) is None
        if failed.next_attempt_at is not None:
            pauses.append(failed.next_attempt_at - clock.now())
            clock.time = failed.next_attempt_at
    assert (failed.state, failed.next_attempt_at) == (SendState.FAILED, None)
    assert failed.error == "The mail server does not answer."
    assert pauses == [timedelta(minutes=15 * 2**k) for k in range(ATTEMPTS - 1)]
    clock.advance(timedelta(days=60))
    assert await ledger.claim(workspace, WEEK, HOOK) is None
    assert await ledger.claim(workspace, WEEK, HOOK, anew=True) is not None


async def test_weeks_channels_and_workspaces_are_apart(
    ledger: DigestLedger, workspace: WorkspaceId, other_workspace: WorkspaceId
) -> None:
    for space, week, channel in (
        (workspace, WEEK, HOOK),
        (other_workspace, WEEK, HOOK),
        (workspace, "2026-W02", HOOK),
        (workspace, WEEK, "folder"),
    ):
        assert await ledger.claim(space, week, channel) is not None
    assert set(await ledger.of(workspace, WEEK)) == {HOOK, "folder"}
    assert set(await ledger.of(other_workspace, WEEK)) == {HOOK}
