from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from customers import ConsentState, MergeReason, Purpose
from kit.clock import ManualClock
from signals.connectors.backfill import Backfilled
from signals.connectors.connector import Dispatch
from signals.delivery.backfill import Backfiller, BackfillImpossible, BackfillResult
from signals.delivery.recipients import BookRecipients
from signals.delivery.target import Target
from signals.signal import SignalKind, Team
from signals.store import SignalFilter, SignalStore
from tests.signals.delivery.office import CIPHER, MemoryConnector, Office

pytestmark = pytest.mark.anyio


@dataclass
class BulkConnector(MemoryConnector):
    """Takes many at once; what it has is known there."""

    many: list[Dispatch] = field(default_factory=list)

    async def backfill(self, dispatches: Sequence[Dispatch]) -> Backfilled:
        fresh = [one for one in dispatches if one.key not in {told.key for told in self.many}]
        self.many += fresh
        return Backfilled(len(fresh), len(dispatches) - len(fresh))


async def run(office: Office, target: Target, **more: bool) -> BackfillResult:
    filler = Backfiller(office.database, SignalStore(CIPHER), BookRecipients(office.book), office.clock)
    return await filler.run(office.workspace, "crm", target, matching=SignalFilter(), **more)


async def test_only_who_consents_is_told_of_and_once(each_office: Office) -> None:
    office, bulk = each_office, BulkConnector()
    ada, eve = await office.customer("ada"), await office.customer("eve")
    await office.says(eve, Purpose.SALES, ConsentState.WITHDRAWN)
    heard = await office.hear(ada, kind=SignalKind.UPSELL, team=Team.SALES)
    await office.hear(eve, kind=SignalKind.UPSELL, team=Team.SALES)
    await office.hear(ada, kind=SignalKind.RENEWAL, targets=("another",))
    tried = await run(office, Target(bulk), dry_run=True)
    assert (tried.taken, tried.withheld, bulk.many) == (1, 1, [])
    done = await run(office, Target(bulk))
    assert (done.taken, done.known, done.withheld) == (1, 0, 1)
    assert [(one.signal.id, one.contact.email) for one in bulk.many] == [(heard.id, "ada@example.com")]
    again = await run(office, Target(bulk))
    assert (again.taken, again.known) == (0, 1)


async def test_the_purpose_of_the_tool_has_to_be_consented_to_as_well(office: Office) -> None:
    bulk, ada = BulkConnector(), await office.customer()
    await office.says(ada, Purpose.MARKETING, ConsentState.WITHDRAWN)
    await office.hear(ada)
    done = await run(office, Target(bulk, purpose=Purpose.MARKETING))
    assert (done.taken, done.withheld, bulk.many) == (0, 1, [])


async def test_of_merged_customers_one_signal_of_a_kind_is_told(office: Office, clock: ManualClock) -> None:
    bulk, ada = BulkConnector(), await office.customer()
    clock.advance(timedelta(minutes=1))
    bob = await office.customer("bob")
    heard = [await office.hear(one) for one in (ada, bob)]
    async with office.database.write() as connection:
        await office.book.merges.merge(
            connection, office.workspace, (ada, bob), reason=MergeReason.REQUEST, now=clock.now()
        )
    done = await run(office, Target(bulk))
    assert (done.taken, done.withheld, [one.signal.id for one in bulk.many]) == (1, 1, [heard[0].id])


async def test_a_connector_that_tells_one_at_a_time_says_so(office: Office) -> None:
    with pytest.raises(BackfillImpossible, match="crm has no way"):
        await run(office, Target(office.crm))
