from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import select

from kit.errors import Unavailable
from kit.ids import CustomerId
from signals.connectors.answer import CredentialsRefused
from signals.connectors.connector import DeliveryFailed, DeliveryRefused, TargetResting
from signals.delivery.delivery import DeliveryState, Lane
from signals.delivery.errors import NotReplayable, UnknownDelivery
from signals.delivery.recipients import Recipient
from signals.delivery.retry import RetryPolicy
from signals.delivery.target import SameTargets, Target
from signals.signal import SignalKind
from store.tables import deliveries
from tests.signals.delivery.office import Office, SlowConnector

QUEUED, SENDING = DeliveryState.QUEUED, DeliveryState.SENDING
DELIVERED, DEAD, STOPPED = DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.STOPPED
KINDS = (SignalKind.CHURN_RISK, SignalKind.UPSELL, SignalKind.RENEWAL)


async def test_what_is_due_is_delivered_with_a_receipt(each_office: Office) -> None:
    customers = [await each_office.customer(f"person{n}") for n in range(30)]
    heard = [await each_office.hear(customer) for customer in customers]
    assert await each_office.drain() == 30
    assert {one.signal.id for one in each_office.crm.told} == {signal.id for signal in heard}
    (first, *_) = await each_office.all()
    assert first.state is DELIVERED
    assert first.receipt == {"task": f"task of {first.key}"}
    assert await each_office.drain() == 0


async def test_the_contact_is_as_it_is_known_now(office: Office) -> None:
    await office.hear(await office.customer("ada"))
    await office.drain()
    assert office.crm.told[0].contact.email == "ada@example.com"


async def test_of_one_customer_nothing_goes_before_the_earlier_ended(each_office: Office) -> None:
    office = each_office
    ada, bob = await office.customer("ada"), await office.customer("bob")
    heard = [await office.hear(ada, kind=kind) for kind in KINDS]
    office.crm.faults = [DeliveryFailed("Busy.")]
    await office.drain()
    assert office.crm.told == []
    other = await office.hear(bob)
    await office.drain()
    assert [one.signal.id for one in office.crm.told] == [other.id]
    office.later(seconds=10)
    await office.drain()
    assert [one.signal.id for one in office.crm.told[1:]] == [signal.id for signal in heard]


async def test_a_refusal_is_a_dead_letter_and_the_next_goes_on(office: Office) -> None:
    ada = await office.customer()
    await office.hear(ada)
    second = await office.hear(ada, kind=SignalKind.UPSELL)
    office.crm.faults = [DeliveryRefused("There is no such field.")]
    await office.drain()
    dead, _ = await office.all()
    assert (dead.state, dead.error_code, dead.error) == (DEAD, "delivery_refused", "There is no such field.")
    assert [one.signal.id for one in office.crm.told] == [second.id]


async def test_a_target_that_asks_for_time_gets_it(office: Office) -> None:
    await office.hear(await office.customer())
    office.crm.faults = [DeliveryFailed("Busy.", retry_after=120)]
    await office.drain()
    (waiting,) = await office.all()
    assert waiting.next_attempt_at == office.clock.now() + timedelta(seconds=120 + 2.5)
    office.later(seconds=120)
    assert await office.drain() == 0
    office.later(seconds=3)
    assert await office.drain() == 1
    assert await office.ends() == [DELIVERED]


async def test_what_fails_too_often_is_a_dead_letter_that_can_be_replayed(
    office: Office,
) -> None:
    office.courier._retry = RetryPolicy(attempts=3, age=timedelta(hours=3))
    await office.hear(await office.customer())
    office.crm.faults = [DeliveryFailed("Busy.")] * 3
    for _ in range(3):
        await office.drain()
        office.later(hours=2)
    (dead,) = await office.all()
    assert (dead.state, dead.attempts) == (DEAD, 3)
    async with office.database.write() as connection:
        assert await office.store.replay_all(connection, office.workspace, "crm", at=office.clock.now()) == 1
    await office.drain()
    assert await office.ends() == [DELIVERED]


async def test_a_target_that_is_away_for_a_night_makes_no_dead_letters(office: Office) -> None:
    """However many attempts that are: what is queued for it reaches it when it is back."""
    heard = [await office.hear(await office.customer(f"person{n}")) for n in range(3)]
    office.crm.faults = [DeliveryFailed("No answer.")] * 200
    for _ in range(60):
        await office.drain()
        office.later(minutes=15)
    assert await office.ends() == [QUEUED] * 3
    assert min(one.attempts for one in await office.all()) > 15
    office.crm.faults = []
    office.later(hours=1)
    await office.drain()
    assert {one.signal.id for one in office.crm.told} == {signal.id for signal in heard}


async def test_a_week_in_which_nobody_tried_is_no_reason_to_give_up(office: Office) -> None:
    await office.hear(await office.customer())
    office.later(days=30)
    office.crm.faults = [DeliveryFailed("Busy.")]
    await office.drain()
    assert await office.ends() == [QUEUED]


async def test_a_target_that_rests_costs_no_attempt_and_is_asked_by_nobody_else(office: Office) -> None:
    heard = [await office.hear(await office.customer(f"person{n}")) for n in range(20)]
    drain = office.new_drain()
    for _ in range(3):
        office.crm.faults = [TargetResting("Not now.", retry_after=3600)]
        calls = office.crm.calls
        await drain.run(office.lane, "run")
        assert office.crm.calls - calls <= office.targets.of(office.workspace)["crm"].concurrency
        assert drain.rests(office.lane)
        office.later(hours=2)
    assert not drain.rests(office.lane)
    left = [one for one in await office.all() if one.state is QUEUED]
    assert {one.attempts for one in left} <= {0}
    await drain.run(office.lane, "run")
    assert await office.ends() == [DELIVERED] * 20
    assert {one.signal.id for one in office.crm.told} == {signal.id for signal in heard}


async def test_an_own_database_that_is_away_costs_no_attempt(office: Office) -> None:
    await office.hear(await office.customer())
    recipients = office.courier._recipients

    class Away:
        async def of(self, *_: object) -> Mapping[CustomerId, Recipient]:
            raise Unavailable("The database does not answer.")

    office.courier._recipients = Away()
    await office.drain()
    office.courier._recipients = recipients
    (waiting,) = await office.all()
    assert (waiting.state, waiting.attempts, waiting.error_code) == (QUEUED, 0, "unavailable")
    assert office.crm.calls == 0


async def test_consents_of_a_batch_are_each_customers_own(each_office: Office) -> None:
    office = each_office
    people = [await office.customer(f"person{n}", consents=n % 3 > 0) for n in range(12)]
    for person in people:
        await office.hear(person)
    await office.drain()
    assert {one.contact.id for one in office.crm.told} == {p for n, p in enumerate(people) if n % 3}
    told = {one.contact.id: one.contact.email for one in office.crm.told}
    assert all(told[p] == f"person{n}@example.com" for n, p in enumerate(people) if n % 3)


async def test_only_what_ended_badly_is_replayed(office: Office) -> None:
    await office.hear(await office.customer())
    await office.drain()
    (done,) = await office.all()
    async with office.database.write() as connection:
        with pytest.raises(NotReplayable):
            await office.store.replay(connection, office.workspace, done.id, at=office.clock.now())
        with pytest.raises(UnknownDelivery):
            await office.store.replay(connection, "other", done.id, at=office.clock.now())  # type: ignore[arg-type]  # no such row there


async def test_a_connector_that_breaks_harms_no_other_delivery(office: Office) -> None:
    await office.hear(await office.customer("ada"))
    await office.hear(await office.customer("bob"))
    office.crm.faults = [KeyError("field")]
    await office.drain()
    assert sorted(await office.ends()) == [DELIVERED, QUEUED]


async def test_a_paused_connector_is_told_nothing_until_it_is_resumed(each_office: Office) -> None:
    office = each_office
    await office.hear(await office.customer())
    async with office.database.write() as connection:
        await office.states.pause(connection, office.lane, by="key_1", at=office.clock.now())
    async with office.database.read() as connection:
        assert not await office.store.is_due(connection, office.lane, at=office.clock.now())
    assert await office.drain() == 0
    async with office.database.write() as connection:
        await office.states.resume(connection, office.lane)
    async with office.database.read() as connection:
        assert await office.store.is_due(connection, office.lane, at=office.clock.now())
    assert await office.drain() == 1


async def test_who_died_between_answer_and_commit_tells_nobody_twice(each_office: Office) -> None:
    """The target has taken it, the process dies; the same claim begins again, with the same key."""
    office = each_office
    ada = await office.customer()
    await office.hear(ada)
    await office.hear(ada, kind=SignalKind.UPSELL)
    now = office.clock.now()
    async with office.database.write() as connection:
        (taken,) = await office.store.claim(
            connection, office.lane, "drain 1", limit=10, at=now, until=now + timedelta(minutes=10)
        )
    target = office.targets.of(office.workspace)["crm"]
    (attempt,) = await office.courier.attempts([taken], target)
    from_target = await attempt
    assert from_target.state is DELIVERED  # and never written
    assert await office.drain(claim="drain 2") == 0  # the later one waits
    assert await office.drain(claim="drain 1") == 2
    assert office.crm.calls == 3
    assert len(office.crm.told) == 2
    assert await office.ends() == [DELIVERED, DELIVERED]


async def test_a_machine_that_never_comes_back_is_taken_over_from(office: Office) -> None:
    await office.hear(await office.customer())
    now = office.clock.now()
    async with office.database.write() as connection:
        await office.store.claim(
            connection, office.lane, "lost", limit=10, at=now, until=now + timedelta(minutes=10)
        )
        assert await office.store.take_over(connection, office.lane, at=now) == 0
        later = now + timedelta(minutes=10)
        assert await office.store.take_over(connection, office.lane, at=later) == 1
    assert await office.drain() == 1


async def test_a_lease_is_renewed_as_long_as_a_target_takes(office: Office) -> None:
    """Nobody takes over what is under way, however long that lasts."""
    await office.hear(await office.customer())
    slow = SlowConnector()
    office.targets = SameTargets({"crm": Target(slow)})
    running = asyncio.create_task(office.new_drain().run(office.lane, "slow"))
    await slow.begun.wait()
    for _ in range(4):
        office.later(minutes=3)
        await _until_renewed(office)
        async with office.database.write() as connection:
            assert await office.store.take_over(connection, office.lane, at=office.clock.now()) == 0
    slow.may_end.set()
    assert await running == 1
    assert await office.ends() == [DELIVERED]


async def _until_renewed(office: Office) -> None:
    query = select(deliveries.c.claimed_until)
    for _ in range(500):
        async with office.database.read() as connection:
            until = await connection.scalar(query)
        if until is not None and until > office.clock.now() + timedelta(minutes=3):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the lease was not renewed")


async def test_what_is_cut_off_is_queued_again_and_told_once(office: Office) -> None:
    await office.hear(await office.customer())
    slow = SlowConnector()
    office.targets = SameTargets({"crm": Target(slow)})
    drain = office.new_drain()
    running = asyncio.create_task(drain.run(office.lane, "slow"))
    await slow.begun.wait()
    drain.stop()
    drain.cut()
    assert await running == 0
    assert [(one.state, one.attempts) for one in await office.all()] == [(QUEUED, 0)]
    office.targets = SameTargets({"crm": Target(office.crm)})
    assert await office.drain() == 1
    assert len(office.crm.told) == 1


async def test_a_drain_that_is_stopped_gives_back_what_it_did_not_begin(office: Office) -> None:
    for n in range(20):
        await office.hear(await office.customer(f"person{n}"))
    now = office.clock.now()
    async with office.database.write() as connection:
        await office.store.claim(
            connection, office.lane, "drain 1", limit=20, at=now, until=now + timedelta(minutes=10)
        )
    drain = office.new_drain()
    drain.stop()
    assert await drain.run(office.lane, "drain 1") == 0
    assert await office.ends() == [QUEUED] * 20


async def test_workspaces_are_told_of_their_own_alone(office: Office) -> None:
    await office.hear(await office.customer())
    assert await office.drain(Lane("other", "crm")) == 0  # type: ignore[arg-type]  # a plain id
    assert office.crm.told == []


async def test_the_erased_are_not_told_of(office: Office) -> None:
    ada, bob = await office.customer("ada"), await office.customer("bob")
    await office.hear(ada)
    await office.hear(bob)
    async with office.database.write() as connection:
        assert await office.store.erase(connection, office.workspace, ada) == 1
    await office.drain()
    assert [one.contact.id for one in office.crm.told] == [bob]


async def test_credentials_that_are_not_taken_cost_no_attempt_however_long_it_lasts(office: Office) -> None:
    await office.hear(await office.customer())
    office.crm.faults = [CredentialsRefused("The token is over.") for _ in range(60)]
    for _ in range(60):
        await office.drain()
        office.later(hours=6)
    (waiting,) = await office.all()
    assert (waiting.state, waiting.attempts, waiting.error_code) == (QUEUED, 0, "credentials_refused")
    assert office.crm.calls == 60
    await office.drain()
    assert await office.ends() == [DELIVERED]


async def test_a_target_that_does_not_let_in_is_left_alone_for_a_minute(office: Office) -> None:
    await office.hear(await office.customer())
    await office.hear(await office.customer("bob"))
    office.crm.faults = [CredentialsRefused("The token is over.") for _ in range(9)]
    await office.drain()
    calls = office.crm.calls
    assert all(
        one.next_attempt_at >= office.clock.now() + timedelta(seconds=60) for one in await office.all()
    )
    office.later(seconds=59)
    await office.drain()
    assert office.crm.calls == calls
