"""Segment's calls: what they say, how large they are, and that a repeated one is the same one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.contract.faults import Fault
from bench.contract.segment import WRITE_KEY
from bench.contract.segment import Segment as SegmentServer
from bench.contract.server import ContractServer
from kit.clock import Clock, ManualClock
from kit.ids import SignalId
from signals.connectors.connector import Connector, DeliveryRefused
from signals.connectors.mapping import FieldMapping, FieldRule, shipped_mapping
from signals.connectors.segment import OBJECTS, Segment, SegmentSettings
from signals.connectors.segment.messages import (
    MOST_BATCH_BYTES,
    MOST_MESSAGES,
    batches,
    encoded,
    messages,
)
from signals.connectors.settings import HttpSettings
from signals.connectors.waiting import ManualWaiting, Waiting
from signals.signal import SignalKind
from tests.signals.connectors.contract import FEW, ONCE, ConnectorContract, Rig
from tests.signals.connectors.dispatches import AT, dispatch

MAPPING = shipped_mapping("segment", objects=OBJECTS)


def _settings(url: str, **changes: object) -> SegmentSettings:
    return SegmentSettings.model_validate({"write_key": WRITE_KEY, "base_url": url, "http": ONCE} | changes)


class SegmentRig(Rig):
    secrets = (WRITE_KEY,)
    overwrites = False

    def __init__(self) -> None:
        self.vendor: SegmentServer = SegmentServer()

    def connect(self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting) -> Connector:
        return Segment(_settings(url, http=http), mapping=MAPPING, clock=clock, waiting=waiting)

    def connect_wrongly(self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting) -> Connector:
        settings = _settings(url, http=http, write_key="another-key")
        return Segment(settings, mapping=MAPPING, clock=clock, waiting=waiting)

    def records(self) -> Mapping[str, list[str]]:
        kept = list(self.vendor.messages.values())
        return {
            kind: [message["messageId"] for message in kept if message["type"] == kind]
            for kind in ("identify", "track")
        }

    def told(self, signal: SignalId) -> str:
        kept = self.vendor.messages.values()
        return str([one for one in kept if one.get("properties", {}).get("signalId") == signal][-1])


class TestContract(ConnectorContract):
    @pytest.fixture
    def rig(self) -> Rig:
        return SegmentRig()


@pytest.fixture
def vendor() -> SegmentServer:
    return SegmentServer()


@pytest.fixture
def url(vendor: SegmentServer) -> Iterator[str]:
    with ContractServer(vendor) as server:
        yield server.url


def _connector(url: str, *, mapping: FieldMapping = MAPPING, **changes: object) -> Segment:
    settings = _settings(url, **changes)
    return Segment(settings, mapping=mapping, clock=ManualClock(AT), waiting=ManualWaiting())


@pytest.fixture
async def connector(url: str) -> AsyncIterator[Segment]:
    connector = _connector(url, group_attribute="company_id")
    yield connector
    await connector.close()


async def test_a_signal_is_told_as_who_and_what(connector: Segment, vendor: SegmentServer) -> None:
    receipt = await connector.deliver(dispatch())

    assert receipt.records == {"identify": "dis_1_1.identify", "track": "dis_1_1"}
    identify, track = vendor.messages["dis_1_1.identify"], vendor.messages["dis_1_1"]
    assert identify["traits"]["email"] == "ada.1@example.com"
    assert (identify["userId"], track["userId"]) == ("cus_1", "cus_1")
    assert track["event"] == "Churn Risk Detected"
    assert (track["properties"]["kind"], track["properties"]["probability"]) == ("churn_risk", 0.87)
    assert track["timestamp"] == "2026-01-01T12:01:00.000Z"
    assert vendor.seen[0].json()["sentAt"] == "2026-01-01T12:00:00.000Z"


async def test_a_company_with_an_id_is_told_as_a_group(connector: Segment, vendor: SegmentServer) -> None:
    told = dispatch()
    contact = replace(told.contact, attributes={"company_id": 77})
    await connector.deliver(replace(told, contact=contact))
    group = vendor.messages["dis_1_1.group"]
    assert (group["groupId"], group["traits"]) == ("77", {"name": "Analytical Engines"})


async def test_events_have_the_names_that_the_operator_gives(url: str, vendor: SegmentServer) -> None:
    connector = _connector(url, events={SignalKind.CHURN_RISK: "Wants To Leave"})
    await connector.deliver(dispatch())
    await connector.close()
    assert vendor.messages["dis_1_1"]["event"] == "Wants To Leave"


async def test_a_call_without_an_answer_is_made_again_and_kept_once(url: str, vendor: SegmentServer) -> None:
    connector = _connector(url, http=FEW)
    vendor.faults.script = [Fault.TIMEOUT_AFTER_SUCCESS, Fault.CUT]
    await connector.deliver(dispatch())
    await connector.close()
    assert (vendor.arrivals, len(vendor.messages)) == (6, 2)


async def test_a_message_that_is_too_large_is_refused_before_it_is_sent(
    url: str, vendor: SegmentServer
) -> None:
    mapping = FieldMapping({"track": {"much": FieldRule(constant="x" * 33_000)}, "identify": {}})
    connector = _connector(url, mapping=mapping)
    with pytest.raises(DeliveryRefused, match="track message is larger than 32 kB"):
        await connector.deliver(dispatch())
    await connector.close()
    assert vendor.seen == []


async def test_a_batch_that_is_refused_says_why(url: str, vendor: SegmentServer) -> None:
    connector = _connector(url, events={SignalKind.CHURN_RISK: "x"})
    told = dispatch()
    with pytest.raises(DeliveryRefused):
        await connector.deliver(replace(told, contact=replace(told.contact, id="")))  # type: ignore[arg-type]  # on purpose
    await connector.close()
    assert vendor.messages == {}


async def test_a_backfill_takes_few_calls_within_the_limits(url: str, vendor: SegmentServer) -> None:
    much = {"much": FieldRule(constant="x" * 20_000)}
    mapping = FieldMapping({"identify": {"email": FieldRule(("contact.email",))}, "track": much})
    connector = _connector(url, mapping=mapping)
    sent = await connector.deliver_many([dispatch(number) for number in range(60)])
    await connector.close()
    assert (sent, len(vendor.messages), len(vendor.seen)) == (120, 120, 3)
    assert max(len(seen.body) for seen in vendor.seen) <= MOST_BATCH_BYTES


@given(st.lists(st.integers(1, 30_000), max_size=60))
def test_batches_keep_order_and_limits(sizes: list[int]) -> None:
    made: list[dict[str, Any]] = [{"n": n, "much": "x" * size} for n, size in enumerate(sizes)]
    packed = list(batches(made))
    assert [message for batch in packed for message in batch] == made
    assert all(len(encoded({"batch": batch, "sentAt": "…" * 30})) <= MOST_BATCH_BYTES for batch in packed)


def test_a_batch_has_a_most_of_messages() -> None:
    assert [len(batch) for batch in batches([{}] * (MOST_MESSAGES + 1))] == [MOST_MESSAGES, 1]


def test_a_long_key_has_a_short_id_that_is_always_the_same() -> None:
    told = replace(dispatch(), key="k" * 300)
    first, again = (messages(told, _settings("https://cdp.example.com"), MAPPING) for _ in range(2))
    ids = [message["messageId"] for message in first]
    assert ids == [message["messageId"] for message in again]
    assert len(set(ids)) == 2
    assert max(map(len, ids)) <= 100


async def test_the_single_calls_of_the_specification_are_taken_too(url: str, vendor: SegmentServer) -> None:
    call = {"userId": "cus_1", "messageId": "m1", "timestamp": "2026-01-01T12:00:00Z"}
    async with httpx.AsyncClient(base_url=url, auth=(WRITE_KEY, "")) as client:
        good = [
            await client.post("/v1/identify", json={**call, "traits": {}}),
            await client.post("/v1/track", json={**call, "messageId": "m2", "event": "Seen"}),
            await client.post("/v1/group", json={**call, "messageId": "m3", "groupId": "g"}),
        ]
        bad = await client.post("/v1/track", json=call)
    assert [answer.status_code for answer in (*good, bad)] == [200, 200, 200, 400]
    assert list(vendor.messages) == ["m1", "m2", "m3"]
