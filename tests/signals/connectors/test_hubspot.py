from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from bench.contract.hubspot import HubSpotVendor
from bench.contract.server import ContractServer
from kit.clock import Clock, ManualClock
from kit.errors import InvalidInput
from kit.ids import SignalId
from signals.connectors.answer import CredentialsRefused
from signals.connectors.connector import DeliveryFailed, DeliveryRefused, InboundOutcome, OutcomeKind
from signals.connectors.cursor import Round
from signals.connectors.hubspot import HubSpot, HubSpotSettings
from signals.connectors.hubspot.objects import ASSOCIATION
from signals.connectors.settings import HttpSettings
from signals.connectors.waiting import ManualWaiting, Waiting
from signals.signal import SignalKind
from tests.signals.connectors.contract import FEW, ConnectorContract, Rig
from tests.signals.connectors.dispatches import dispatch

TOKEN = "pat-eu1-secret"
UPSELL = SignalKind.UPSELL


class HubSpotRig(Rig):
    secrets = (TOKEN,)

    def __init__(self, *, vendor: HubSpotVendor | None = None, **more: object) -> None:
        self.vendor: HubSpotVendor = vendor or HubSpotVendor(token=TOKEN)
        self.more = more

    def connect(
        self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting, **more: object
    ) -> HubSpot:
        said = {"token": TOKEN, "client_secret": "app-secret", "base_url": url, "http": http}
        settings = HubSpotSettings.model_validate({**said, **self.more, **more})
        return HubSpot(settings, clock=clock, waiting=waiting)

    def connect_wrongly(self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting) -> HubSpot:
        return self.connect(url, http, clock, waiting, token="pat-wrong")

    def records(self) -> Mapping[str, list[str]]:
        return {
            kind: [str(item.properties.get("careloop_id")) for item in items.values()]
            for kind, items in self.vendor.items.items()
        }

    def told(self, signal: SignalId) -> str:
        held = [*self.vendor.items["tasks"].values(), *self.vendor.items["notes"].values()]
        ours = [item.properties for item in held if item.properties["careloop_id"] == signal]
        return "".join(str(one.get("hs_task_body") or one.get("hs_note_body")) for one in ours)


@pytest.fixture
def rig() -> HubSpotRig:
    return HubSpotRig()


class TestContract(ConnectorContract):
    @pytest.fixture(
        params=[{}, {"record": "note", "lists": {"upsell": "17"}}], ids=["tasks", "notes-and-list"]
    )
    def rig(self, request: pytest.FixtureRequest) -> Rig:
        return HubSpotRig(**request.param)


@pytest.fixture
def server(rig: HubSpotRig) -> Iterator[ContractServer]:
    with ContractServer(rig.vendor) as server:
        yield server


@pytest.fixture
def waiting() -> ManualWaiting:
    return ManualWaiting()


Connect = Callable[..., HubSpot]


@pytest.fixture
async def connect(
    rig: HubSpotRig, server: ContractServer, clock: ManualClock, waiting: ManualWaiting
) -> AsyncIterator[Connect]:
    opened: list[HubSpot] = []

    def make(**more: object) -> HubSpot:
        opened.append(rig.connect(server.url, FEW, clock, waiting, **more))
        return opened[-1]

    yield make
    for connector in opened:
        await connector.close()


async def test_a_purchase_opens_a_deal_of_the_contact(connect: Connect, rig: HubSpotRig) -> None:
    receipt = await connect().deliver(dispatch(kind=UPSELL))
    ids = receipt.records
    deal, task = rig.vendor.items["deals"][ids["deal"]], rig.vendor.items["tasks"][ids["task"]]
    assert deal.links == {ASSOCIATION["deals", "contacts"]: ids["contact"]}
    assert task.links == {
        ASSOCIATION["tasks", "contacts"]: ids["contact"],
        ASSOCIATION["tasks", "deals"]: ids["deal"],
    }
    assert deal.properties["dealname"] == "Upsell: Analytical Engines Byron"
    assert str(task.properties["hs_task_body"]).startswith("Call today, version 1\n“I will leave for")


async def test_what_is_not_qualified_opens_no_deal(connect: Connect, rig: HubSpotRig) -> None:
    weak = dispatch(kind=UPSELL)
    await connect().deliver(replace(weak, signal=replace(weak.signal, score=59.0)))
    assert not rig.vendor.items["deals"]


async def test_a_contact_joins_the_list_of_its_signal_once(connect: Connect, rig: HubSpotRig) -> None:
    connector = connect(lists={"upsell": "17"})
    receipt = await connector.deliver(dispatch(1, kind=UPSELL))
    await connector.deliver(dispatch(2, kind=UPSELL))
    await connector.deliver(dispatch(3))
    assert rig.vendor.members == {"17": {receipt.records["contact"]}}


async def test_news_does_not_undo_what_sales_did(connect: Connect, rig: HubSpotRig) -> None:
    connector = connect()
    ids = (await connector.deliver(dispatch(kind=UPSELL))).records
    rig.vendor.change("deals", ids["deal"], dealstage="contractsent")
    rig.vendor.change("tasks", ids["task"], hs_task_status="COMPLETED")
    rig.vendor.change("contacts", ids["contact"], lastname="Lovelace")
    await connector.deliver(dispatch(kind=UPSELL, revision=2))
    items = rig.vendor.items
    assert items["deals"][ids["deal"]].properties["dealstage"] == "contractsent"
    assert items["deals"][ids["deal"]].properties["hs_next_step"] == "Call today, version 2"
    assert items["tasks"][ids["task"]].properties["hs_task_status"] == "COMPLETED"
    assert items["contacts"][ids["contact"]].properties["lastname"] == "Lovelace"


async def test_a_contact_of_that_address_is_adopted(connect: Connect, rig: HubSpotRig) -> None:
    held = rig.vendor.add("contacts", email="ada.1@example.com", lastname="Lovelace")
    receipt = await connect().deliver(dispatch())
    assert receipt.records["contact"] == held.id
    assert (held.properties["careloop_id"], held.properties["lastname"]) == ("cus_1", "Lovelace")


class Between(HubSpotVendor):
    """A person of that address is entered just after the connector has looked for one."""

    async def _batch_read(self, request: Request) -> Response:
        answer = await super()._batch_read(request)
        if (await request.json()).get("idProperty") == "email":
            self.add("contacts", email="ada.1@example.com", lastname="Lovelace")
        return answer


class Meanwhile(HubSpotVendor):
    """Another worker makes the same task a moment earlier."""

    raced = False

    async def _create(self, request: Request) -> Response:
        if request.path_params["kind"] == "tasks" and not self.raced:
            self.raced = True
            await super()._create(request)
        return await super()._create(request)


@pytest.mark.parametrize("rig", [HubSpotRig(vendor=Between())])
async def test_a_contact_made_in_between_is_adopted(connect: Connect, rig: HubSpotRig) -> None:
    receipt = await connect().deliver(dispatch())
    (held,) = rig.vendor.items["contacts"].values()
    assert receipt.records["contact"] == held.id
    assert (held.properties["careloop_id"], held.properties["lastname"]) == ("cus_1", "Lovelace")


@pytest.mark.parametrize("rig", [HubSpotRig(vendor=Meanwhile())])
async def test_a_task_made_meanwhile_is_found_by_the_next_try(connect: Connect, rig: HubSpotRig) -> None:
    connector = connect()
    with pytest.raises(DeliveryFailed, match="made meanwhile"):
        await connector.deliver(dispatch())
    assert (await connector.deliver(dispatch())).repeated
    assert rig.records()["tasks"] == ["sig_1"]


async def test_another_customers_contact_is_left_alone(connect: Connect, rig: HubSpotRig) -> None:
    held = rig.vendor.add("contacts", email="ada.1@example.com", careloop_id="cus_9")
    with pytest.raises(DeliveryRefused, match="another customer's contact"):
        await connect().deliver(dispatch())
    assert held.properties["careloop_id"] == "cus_9"
    assert not rig.vendor.items["tasks"]


async def test_the_linked_contact_is_taken(connect: Connect, rig: HubSpotRig) -> None:
    held = rig.vendor.add("contacts", lastname="Lovelace")
    told = dispatch()
    linked = replace(told, contact=replace(told.contact, crm_ids={"hubspot": held.id}))
    assert (await connect().deliver(linked)).records["contact"] == held.id
    assert held.properties["careloop_id"] == "cus_1"


async def test_an_unknown_property_is_named(connect: Connect, rig: HubSpotRig) -> None:
    rig.vendor.removed.add("hs_next_step")
    connector = connect()
    health = await connector.health()
    assert not health.ok
    assert "deal.hs_next_step" in health.detail
    with pytest.raises(DeliveryRefused, match=r"Property values were not valid \(properties: hs_next_step\)"):
        await connector.deliver(dispatch(kind=UPSELL))
    assert not rig.vendor.items["tasks"]


@pytest.mark.parametrize("rig", [HubSpotRig(vendor=Between())])
async def test_errors_within_a_batch_are_errors(connect: Connect, rig: HubSpotRig) -> None:
    rig.vendor.multi_status = True
    rig.vendor.removed.add("phone")
    told = dispatch()
    unaddressed = replace(told, contact=replace(told.contact, email=None))
    with pytest.raises(DeliveryRefused, match=r"properties: phone"):
        await connect().deliver(unaddressed)
    assert not rig.vendor.items["contacts"]
    rig.vendor.removed.clear()
    receipt = await connect().deliver(told)  # in the way, by a conflict within the batch: adopted
    assert list(rig.vendor.items["contacts"]) == [receipt.records["contact"]]


async def test_a_wrong_token_keeps_the_delivery(connect: Connect) -> None:
    with pytest.raises(CredentialsRefused, match="INVALID_AUTHENTICATION"):
        await connect(token="pat-wrong").deliver(dispatch())


def test_settings_do_not_show_secrets() -> None:
    settings = HubSpotSettings(token=SecretStr(TOKEN), client_secret=SecretStr("app-secret"))
    assert TOKEN not in repr(settings)
    assert "app-secret" not in repr(settings)


async def _all(connector: HubSpot, cursor: str | None = None) -> tuple[list[InboundOutcome], str | None]:
    found: list[InboundOutcome] = []
    more = True
    while more:
        page = await connector.poll(cursor)
        found += page.outcomes
        cursor, more = page.cursor, page.more
    return found, cursor


async def test_what_sales_says_comes_back(connect: Connect, rig: HubSpotRig) -> None:
    connector = connect(stage_outcomes={"notalead": "noise"})
    deals = [(await connector.deliver(dispatch(n, kind=UPSELL))).records["deal"] for n in range(5)]
    tasks = [(await connector.deliver(dispatch(n))).records["task"] for n in range(5, 8)]
    found, cursor = await _all(connector)
    assert found == []
    change = rig.vendor.change
    change("deals", deals[0], dealstage="closedwon", amount="480", deal_currency_code="EUR")
    change("deals", deals[1], dealstage="closedlost", amount="99", closed_lost_reason="Too expensive")
    change("deals", deals[2], dealstage="notalead")
    change("deals", deals[3], dealstage="contractsent")
    change("tasks", tasks[0], hs_task_status="IN_PROGRESS")
    change("tasks", tasks[1], hs_task_status="COMPLETED", careloop_outcome="too_late")
    found, cursor = await _all(connector, cursor)
    assert {one.signal_id: (one.outcome, one.amount, one.currency, one.reason) for one in found} == {
        "sig_0": (OutcomeKind.WON, 480.0, "EUR", "closedwon"),
        "sig_1": (OutcomeKind.LOST, None, None, "Too expensive"),
        "sig_2": (OutcomeKind.NOISE, None, None, "notalead"),
        "sig_3": (OutcomeKind.IN_PROGRESS, None, None, "contractsent"),
        "sig_5": (OutcomeKind.IN_PROGRESS, None, None, "IN_PROGRESS"),
        "sig_6": (OutcomeKind.TOO_LATE, None, None, "COMPLETED"),
    }
    again, cursor = await _all(connector, cursor)
    assert {one.external_id for one in again} <= {one.external_id for one in found}
    rig.vendor.now += timedelta(minutes=3)
    await connector.deliver(dispatch(9, kind=UPSELL))
    await connector.deliver(dispatch(10))
    _, cursor = await _all(connector, cursor)
    assert (await _all(connector, cursor))[0] == []


async def test_pages_are_followed(connect: Connect, rig: HubSpotRig) -> None:
    for number in range(230):
        rig.vendor.add("deals", dealname="x", careloop_id=f"sig_{number}", dealstage="closedwon")
    connector = connect()
    page = await connector.poll(None)
    assert (len(page.outcomes), page.more) == (100, True)
    rest, _ = await _all(connector, page.cursor)
    assert {one.signal_id for one in (*page.outcomes, *rest)} == {f"sig_{n}" for n in range(230)}


async def test_more_records_of_one_moment_than_a_search_gives_are_all_read(
    connect: Connect, rig: HubSpotRig
) -> None:
    deals = [
        rig.vendor.add("deals", dealname="x", careloop_id=f"sig_{number}", dealstage="closedwon")
        for number in range(10_250)
    ]
    for deal in deals:
        deal.changed = rig.vendor.now
    until = deals[0].json()["properties"]["hs_lastmodifieddate"]
    started = Round({}, "deals", page=deals[9_799].id, latest=until)
    found, _ = await _all(connect(), started.text())
    assert {one.signal_id for one in found} == {f"sig_{n}" for n in range(9800, 10_250)}


async def test_no_record_is_skipped_where_others_change_between_pages(
    connect: Connect, rig: HubSpotRig
) -> None:
    deals = [
        rig.vendor.add("deals", dealname="x", careloop_id=f"sig_{number}", dealstage="closedwon")
        for number in range(150)
    ]
    connector = connect()
    page = await connector.poll(None)
    rig.vendor.now += timedelta(minutes=3)
    for deal in deals[:20]:
        rig.vendor.change("deals", deal.id, dealstage="closedlost")
    rest, cursor = await _all(connector, page.cursor)
    assert {one.signal_id for one in (*page.outcomes, *rest)} == {f"sig_{n}" for n in range(150)}
    changed, _ = await _all(connector, cursor)
    assert {one.signal_id for one in changed if one.outcome is OutcomeKind.LOST} == {
        f"sig_{n}" for n in range(20)
    }


@pytest.mark.parametrize("cursor", ["", "x", "[]", '{"since": {}, "kind": "Account"}'])
async def test_a_foreign_cursor_is_refused(connect: Connect, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="no cursor of the HubSpot"):
        await connect().poll(cursor)
