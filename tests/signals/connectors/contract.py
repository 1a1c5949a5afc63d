"""What holds of every connector, whatever it talks to.

A vendor's tests derive a class ``TestContract(ConnectorContract)`` and give ``rig``.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from urllib.parse import urlsplit

import pytest

from bench.contract.faults import Fault, Faults
from bench.contract.server import ContractServer
from bench.contract.vendor import Vendor
from kit.clock import Clock, ManualClock
from kit.ids import SignalId
from signals.connectors.connector import Connector, DeliveryFailed, Dispatch, Receipt
from signals.connectors.settings import HttpSettings
from signals.connectors.waiting import ManualWaiting, Waiting
from signals.signal import SignalKind
from tests.signals.connectors.dispatches import dispatch

ONCE = HttpSettings(attempts=1, timeout=10, per_second=10_000, burst=1000)
FEW = HttpSettings(attempts=3, timeout=10, per_second=10_000, burst=1000)
KINDS = (SignalKind.CHURN_RISK, SignalKind.UPSELL, SignalKind.PURCHASE_INTENT)
MOST_CALLS = 20  # that one delivery may need


class Rig(ABC):
    """A vendor's server, the connector for it, and eyes to see what the vendor holds."""

    vendor: Vendor

    @abstractmethod
    def connect(self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting) -> Connector:
        """The connector, told where the server is."""

    @abstractmethod
    def connect_wrongly(self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting) -> Connector:
        """The same with credentials that the vendor does not take."""

    @abstractmethod
    def records(self) -> Mapping[str, list[str]]:
        """Our ids of what the vendor holds, by kind, one entry a record: a duplicate shows twice."""

    @abstractmethod
    def told(self, signal: SignalId) -> str:
        """What the vendor last took of the signal, as text in which its next action can be found."""

    secrets: tuple[str, ...] = ()

    overwrites = True  # false for a target that takes events one by one, where each revision is an event


class ConnectorContract:
    @pytest.fixture
    def rig(self) -> Rig:
        raise NotImplementedError

    @pytest.fixture
    def server(self, rig: Rig) -> Iterator[ContractServer]:
        with ContractServer(rig.vendor) as server:
            yield server

    @pytest.fixture
    def waiting(self) -> ManualWaiting:
        return ManualWaiting()

    @pytest.fixture
    async def once(
        self, rig: Rig, server: ContractServer, clock: ManualClock, waiting: ManualWaiting
    ) -> AsyncIterator[Connector]:
        """The connector, which tries each call once."""
        connector = rig.connect(server.url, ONCE, clock, waiting)
        yield connector
        await connector.close()

    @pytest.fixture
    async def connector(
        self, rig: Rig, server: ContractServer, clock: ManualClock, waiting: ManualWaiting
    ) -> AsyncIterator[Connector]:
        connector = rig.connect(server.url, FEW, clock, waiting)
        yield connector
        await connector.close()

    async def test_a_delivery_reaches_the_target_once(self, rig: Rig, connector: Connector) -> None:
        for number, kind in enumerate(KINDS):
            receipt = await connector.deliver(dispatch(number, kind=kind))
            assert not receipt.repeated
        no_duplicates(rig)
        assert "Call today" in rig.told(SignalId("sig_0"))

    async def test_the_same_again_changes_nothing(self, rig: Rig, connector: Connector) -> None:
        for number, kind in enumerate(KINDS):
            first = await connector.deliver(dispatch(number, kind=kind))
            before = rig.records()
            again = await connector.deliver(dispatch(number, kind=kind))
            assert dict(again.records) == dict(first.records)
            assert rig.records() == before

    @pytest.mark.parametrize("fault", list(Fault))
    async def test_any_fault_at_any_call_leaves_one_of_each(
        self, rig: Rig, once: Connector, fault: Fault
    ) -> None:
        """One fault at the first call, then one at the second, and so on, until none is left to hit."""
        for position in range(MOST_CALLS):
            told = dispatch(position, customer=position, kind=SignalKind.UPSELL)
            rig.vendor.faults.script = [*[None] * position, fault]
            await deliver_patiently(once, told)
            no_duplicates(rig)
            assert "Call today" in rig.told(told.signal.id)
            if rig.vendor.faults.script:
                break
        assert position > 0
        assert rig.vendor.faults.happened[fault] == position

    async def test_faults_at_random_leave_one_of_each(self, rig: Rig, connector: Connector) -> None:
        rig.vendor.faults = Faults.evenly(0.3, seed=7)
        told = [dispatch(n, customer=n % 5, kind=KINDS[n % 3]) for n in range(24)]
        await asyncio.gather(*(in_order(connector, told[customer::5]) for customer in range(5)))
        no_duplicates(rig)
        assert all("Call today" in rig.told(one.signal.id) for one in told)
        assert sum(rig.vendor.faults.happened.values()) > 5

    async def test_signals_of_one_customer_at_once_make_one_contact(
        self, rig: Rig, connector: Connector
    ) -> None:
        await asyncio.gather(*(deliver_patiently(connector, dispatch(number)) for number in range(5)))
        no_duplicates(rig)

    async def test_news_overwrites_and_old_news_does_not(self, rig: Rig, connector: Connector) -> None:
        if not rig.overwrites:
            pytest.skip("this target keeps every revision as an event of its own")
        for kind in KINDS:
            await connector.deliver(dispatch(1, kind=kind))
            await connector.deliver(dispatch(1, kind=kind, revision=3))
            assert "version 3" in rig.told(SignalId("sig_1"))
            late = await connector.deliver(dispatch(1, kind=kind, revision=2))
            assert late.repeated
            assert "version 3" in rig.told(SignalId("sig_1"))
            no_duplicates(rig)

    async def test_a_preview_is_what_a_first_delivery_writes(self, rig: Rig, connector: Connector) -> None:
        for number, kind in enumerate(KINDS):
            told = dispatch(number, customer=number, kind=kind)
            rig.vendor.seen.clear()
            shown = connector.preview(told)
            assert not rig.vendor.seen
            assert not [word for word in rig.secrets if word in json.dumps([one.body for one in shown])]
            await connector.deliver(told)
            sent = {(one.method, one.path) for one in rig.vendor.seen}
            assert {(one.method, urlsplit(one.url).path) for one in shown} <= sent

    async def test_health_says_yes_and_writes_nothing(self, rig: Rig, connector: Connector) -> None:
        health = await connector.health()
        assert health.ok, health.detail
        assert not any(rig.records().values())

    async def test_health_says_what_is_wrong(
        self, rig: Rig, server: ContractServer, clock: ManualClock, waiting: ManualWaiting
    ) -> None:
        connector = rig.connect_wrongly(server.url, ONCE, clock, waiting)
        health = await connector.health()
        await connector.close()
        assert not health.ok
        assert health.detail

    async def test_health_of_nobody_is_no(self, rig: Rig, clock: ManualClock, waiting: ManualWaiting) -> None:
        connector = rig.connect("http://127.0.0.1:9", ONCE, clock, waiting)  # discard: nothing listens there
        health = await connector.health()
        await connector.close()
        assert not health.ok

    async def test_errors_tell_no_secret_and_no_person(
        self, rig: Rig, server: ContractServer, clock: ManualClock, waiting: ManualWaiting
    ) -> None:
        connector = rig.connect_wrongly(server.url, ONCE, clock, waiting)
        with pytest.raises(DeliveryFailed) as caught:
            await connector.deliver(dispatch())
        await connector.close()
        assert not [word for word in (*rig.secrets, "ada.1@") if word in str(caught.value)]

    async def test_the_targets_wish_to_wait_reaches_the_queue(self, rig: Rig, once: Connector) -> None:
        rig.vendor.faults = Faults(retry_after=900, script=[Fault.RATE_LIMITED])
        with pytest.raises(DeliveryFailed) as caught:
            await once.deliver(dispatch())
        assert caught.value.retry_after == 900


def no_duplicates(rig: Rig) -> None:
    for kind, ids in rig.records().items():
        assert len(ids) == len(set(ids)), f"{kind} twice: {sorted(ids)}"


async def deliver_patiently(connector: Connector, told: Dispatch, *, times: int = 60) -> Receipt:
    """What the queue does: again and again, until it is taken."""
    for _ in range(times):
        try:
            return await connector.deliver(told)
        except DeliveryFailed:
            continue
    raise AssertionError(f"not delivered in {times} tries")


async def in_order(connector: Connector, all_told: list[Dispatch]) -> None:
    for told in all_told:
        await deliver_patiently(connector, told)
