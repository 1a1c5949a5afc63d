"""Mailchimp: members, tags, events and journeys, once, and nobody subscribed against their will."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import mailchimp_marketing
import pytest
from mailchimp_marketing.api_client import ApiClientError
from pydantic import SecretStr, ValidationError

from bench.contract.faults import Fault
from bench.contract.mailchimp import API_KEY, AUDIENCE, JOURNEY, STEP, subscriber_hash
from bench.contract.mailchimp import Mailchimp as MailchimpServer
from bench.contract.server import ContractServer
from kit.clock import Clock, ManualClock
from kit.ids import SignalId
from signals.connectors.connector import Connector, DeliveryFailed, DeliveryRefused, Dispatch
from signals.connectors.mailchimp import OBJECTS, Mailchimp, MailchimpBackfill, MailchimpSettings
from signals.connectors.mailchimp.api import client
from signals.connectors.mapping import shipped_mapping
from signals.connectors.settings import HttpSettings
from signals.connectors.waiting import ManualWaiting, Waiting
from signals.signal import SignalKind
from tests.signals.connectors.contract import ONCE, ConnectorContract, Rig
from tests.signals.connectors.dispatches import AT, dispatch, without_email

MAPPING = shipped_mapping("mailchimp", objects=OBJECTS)
ADA = subscriber_hash("ada.1@example.com")
JOURNEYS = {SignalKind.UPSELL: {"journey_id": JOURNEY, "step_id": STEP}}


def _settings(url: str, **changes: object) -> MailchimpSettings:
    values: dict[str, object] = {
        "api_key": API_KEY,
        "audience_id": AUDIENCE,
        "base_url": url,
        "journeys": JOURNEYS,
        "http": ONCE,
    }
    return MailchimpSettings.model_validate(values | changes)


class MailchimpRig(Rig):
    secrets = (API_KEY,)
    overwrites = False

    def __init__(self) -> None:
        self.vendor: MailchimpServer = MailchimpServer()

    def connect(self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting) -> Connector:
        settings = _settings(url, http=http, settle_seconds=0)
        return Mailchimp(settings, mapping=MAPPING, clock=clock, waiting=waiting)

    def connect_wrongly(self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting) -> Connector:
        settings = _settings(url, http=http, api_key=SecretStr("not-the-key-us21"))
        return Mailchimp(settings, mapping=MAPPING, clock=clock, waiting=waiting)

    def records(self) -> Mapping[str, list[str]]:
        told = [event for event in self._events() if event["name"] != "careloop_journey"]
        tried = [event for event in self._events() if event["properties"].get("state") == "tried"]
        turned_down = [event for event in self._events() if event["properties"].get("state") == "not_taken"]
        assert len(self.vendor.triggered) <= len(tried) - len(turned_down)
        return {
            "member": [member["email_address"] for member in self.vendor.members.values()],
            "event": [event["properties"]["dispatch"] for event in told],
        }

    def told(self, signal: SignalId) -> str:
        return str([e for e in self._events() if e["properties"].get("signal") == signal][-1])

    def _events(self) -> list[dict[str, Any]]:
        return [event for events in self.vendor.events.values() for event in events]


class TestContract(ConnectorContract):
    @pytest.fixture
    def rig(self) -> Rig:
        return MailchimpRig()


@pytest.fixture
def vendor() -> MailchimpServer:
    return MailchimpServer()


@pytest.fixture
def url(vendor: MailchimpServer) -> Iterator[str]:
    with ContractServer(vendor) as server:
        yield server.url


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT)


def _connector(url: str, clock: Clock, **changes: object) -> Mailchimp:
    return Mailchimp(_settings(url, **changes), mapping=MAPPING, clock=clock, waiting=ManualWaiting())


@pytest.fixture
async def connector(url: str, clock: ManualClock) -> AsyncIterator[Mailchimp]:
    connector = _connector(url, clock)
    yield connector
    await connector.close()


def _agreeing(told: Dispatch) -> Dispatch:
    contact = replace(told.contact, attributes={**told.contact.attributes, "email_marketing": True})
    return replace(told, contact=contact)


async def test_a_signal_becomes_a_member_a_tag_and_an_event(
    connector: Mailchimp, vendor: MailchimpServer
) -> None:
    receipt = await connector.deliver(dispatch())

    assert vendor.members[ADA]["merge_fields"]["FNAME"] == "Ada"
    assert vendor.tags[ADA] == {"careloop-churn_risk"}
    [event] = vendor.events[ADA]
    assert (event["name"], event["properties"]["dispatch"]) == ("careloop_churn_risk", "dis_1_1")
    assert event["occurred_at"] == "2026-01-01T12:01:00.000Z"
    assert receipt.records == {"member": ADA, "event": "dis_1_1"}
    assert vendor.triggered == []


@pytest.mark.parametrize(
    ("setting", "agrees", "status"),
    [
        ("subscribed", True, "subscribed"),
        ("pending", True, "pending"),
        ("subscribed", False, "transactional"),
        ("transactional", True, "transactional"),
    ],
)
async def test_who_is_new_is_subscribed_only_where_they_agree(
    url: str, vendor: MailchimpServer, setting: str, agrees: bool, status: str
) -> None:
    connector = _connector(url, ManualClock(AT), new_members=setting)
    await connector.deliver(_agreeing(dispatch()) if agrees else dispatch())
    await connector.close()
    assert vendor.members[ADA]["status"] == status


@pytest.mark.parametrize("status", ["unsubscribed", "cleaned", "archived"])
async def test_who_is_to_be_left_alone_is(connector: Mailchimp, vendor: MailchimpServer, status: str) -> None:
    vendor.subscribe("ada.1@example.com", status)
    with pytest.raises(DeliveryRefused, match="left alone"):
        await connector.deliver(_agreeing(dispatch()))
    assert vendor.members[ADA]["status"] == status
    assert {seen.method for seen in vendor.seen} == {"GET"}


async def test_who_unsubscribes_in_the_middle_of_a_delivery_stays_so(
    url: str, vendor: MailchimpServer, clock: ManualClock
) -> None:
    connector = _connector(url, clock, new_members="subscribed")
    vendor.subscribe("ada.1@example.com", "subscribed")
    vendor.faults.script = [None, None, Fault.RESET]  # looked at; then the member is to be written
    with pytest.raises(DeliveryFailed):
        await connector.deliver(_agreeing(dispatch()))
    vendor.subscribe("ada.1@example.com", "unsubscribed")
    with pytest.raises(DeliveryRefused):
        await connector.deliver(_agreeing(dispatch()))
    await connector.close()
    assert not any("status" in seen.json() for seen in vendor.seen if seen.method == "PUT")
    assert vendor.members[ADA]["status"] == "unsubscribed"


async def test_without_an_address_it_is_refused(connector: Mailchimp) -> None:
    with pytest.raises(DeliveryRefused, match="no e-mail address"):
        await connector.deliver(without_email(dispatch()))


async def test_older_news_does_not_overwrite_newer(connector: Mailchimp, vendor: MailchimpServer) -> None:
    await connector.deliver(dispatch(1, revision=2))
    older = dispatch(2, revision=1)
    await connector.deliver(replace(older, contact=replace(older.contact, first_name="Old")))
    assert vendor.members[ADA]["merge_fields"]["FNAME"] == "Ada"
    assert len(vendor.events[ADA]) == 2


async def test_a_journey_begins_once_for_the_kinds_that_have_one(
    connector: Mailchimp, vendor: MailchimpServer
) -> None:
    told = dispatch(kind=SignalKind.UPSELL)
    receipt = await connector.deliver(told)
    assert await connector.deliver(told) == replace(receipt, repeated=True)
    assert receipt.records["journey"] == f"{JOURNEY}/{STEP}"
    assert vendor.triggered == ["ada.1@example.com"]


async def test_a_journey_that_may_have_begun_is_not_begun_again(
    connector: Mailchimp, vendor: MailchimpServer
) -> None:
    told = dispatch(kind=SignalKind.UPSELL)
    # looked for the member; wrote member, tag, event, note; the trigger is taken without an answer
    vendor.faults.script = [None, None, None, None, None, Fault.TIMEOUT_AFTER_SUCCESS]
    with pytest.raises(DeliveryFailed):
        await connector.deliver(told)
    await connector.deliver(told)
    assert vendor.triggered == ["ada.1@example.com"]


async def test_a_journey_that_was_turned_down_for_now_is_begun_later(
    connector: Mailchimp, vendor: MailchimpServer
) -> None:
    told = dispatch(kind=SignalKind.UPSELL)
    vendor.faults.script = [None, None, None, None, None, Fault.RATE_LIMITED]
    vendor.faults.retry_after = 9
    with pytest.raises(DeliveryFailed) as failed:
        await connector.deliver(told)
    assert failed.value.retry_after == 9
    await connector.deliver(told)
    assert vendor.triggered == ["ada.1@example.com"]


async def test_a_journey_that_is_not_there_is_refused(
    url: str, vendor: MailchimpServer, clock: ManualClock
) -> None:
    connector = _connector(url, clock, journeys={SignalKind.CHURN_RISK: {"journey_id": 1, "step_id": 1}})
    with pytest.raises(DeliveryRefused, match="does not exist"):
        await connector.deliver(dispatch())
    await connector.close()


async def test_a_retry_waits_while_an_event_may_still_show_up(
    connector: Mailchimp, vendor: MailchimpServer, clock: ManualClock
) -> None:
    vendor.faults.script = [None, None, None, Fault.RESET]  # the event is lost
    with pytest.raises(DeliveryFailed):
        await connector.deliver(dispatch())
    with pytest.raises(DeliveryFailed) as failed:
        await connector.deliver(dispatch())
    assert failed.value.retry_after == 30
    clock.advance(timedelta(seconds=30))
    await connector.deliver(dispatch())
    assert len(vendor.events[ADA]) == 1


async def test_an_event_is_found_behind_a_thousand_others(
    connector: Mailchimp, vendor: MailchimpServer
) -> None:
    await connector.deliver(dispatch())
    vendor.events[ADA] += [{"name": "visited", "properties": {}} for _ in range(1500)]
    assert (await connector.deliver(dispatch())).repeated


async def test_health_names_a_merge_field_that_is_missing(url: str, clock: ManualClock) -> None:
    field, audience = _connector(url, clock, mark_field="NOSUCH"), _connector(url, clock, audience_id="other")
    assert (await field.health()).detail == "The audience has no merge field NOSUCH."
    assert "list could not be found" in (await audience.health()).detail
    with pytest.raises(DeliveryRefused, match="no such audience"):
        await audience.deliver(dispatch())
    await field.close()
    await audience.close()


async def test_a_backfill_writes_members_in_one_batch(
    url: str, vendor: MailchimpServer, clock: ManualClock
) -> None:
    vendor.subscribe("ada.2@example.com", "unsubscribed")
    settings = _settings(url)
    http = client(settings, clock=clock, waiting=ManualWaiting())
    backfill = MailchimpBackfill(http, settings, mapping=MAPPING, clock=clock)
    told = [dispatch(number, customer=number) for number in range(4)]
    started = await backfill.start([*told, without_email(dispatch(9))])
    report = await backfill.report(started.id)
    with pytest.raises(DeliveryRefused):
        await backfill.start([without_email(dispatch(9))])
    await http.close()

    assert (started.finished, report.finished, report.total, report.errored) == (False, True, 4, 0)
    statuses = {member["email_address"]: member["status"] for member in vendor.members.values()}
    assert statuses["ada.1@example.com"] == "transactional"
    assert statuses["ada.2@example.com"] == "unsubscribed"
    assert vendor.events == {}


@pytest.fixture
def official(url: str) -> Any:
    """Mailchimp's own client, told where our server is."""
    official = mailchimp_marketing.Client({"api_key": API_KEY, "server": "us21"})
    for api in vars(official).values():
        if hasattr(api, "api_client"):
            api.api_client.host, api.api_client.server = f"{url}/3.0", ""
    return official


async def test_mailchimps_own_client_sees_what_we_wrote(
    official: Any, connector: Mailchimp, vendor: MailchimpServer
) -> None:
    await connector.deliver(dispatch(kind=SignalKind.UPSELL))

    assert official.ping.get() == {"health_status": "Everything's Chimpy!"}
    member = official.lists.get_list_member(AUDIENCE, ADA)
    assert (member["email_address"], member["status"]) == ("ada.1@example.com", "transactional")
    events = official.lists.get_list_member_events(AUDIENCE, ADA)["events"]
    assert [event["name"] for event in events] == ["careloop_journey", "careloop_upsell"]
    with pytest.raises(ApiClientError) as unknown:
        official.lists.get_list_member(AUDIENCE, "0" * 32)
    assert (unknown.value.status_code, "could not be found" in unknown.value.text) == (404, True)


def test_mailchimps_own_client_makes_the_same_calls(official: Any, vendor: MailchimpServer) -> None:
    body = {"email_address": "ada.1@example.com", "status_if_new": "subscribed"}
    official.lists.set_list_member(AUDIENCE, ADA, body, skip_merge_validation=True)
    official.lists.update_list_member_tags(AUDIENCE, ADA, {"tags": [{"name": "vip", "status": "active"}]})
    official.lists.create_list_member_event(AUDIENCE, ADA, {"name": "seen", "properties": {"a": "b"}})
    official.customerJourneys.trigger(JOURNEY, STEP, {"email_address": "ada.1@example.com"})
    batch = official.batches.start({"operations": []})
    assert official.batches.status(batch["id"])["status"] == "finished"
    assert (vendor.tags, vendor.triggered) == ({ADA: {"vip"}}, ["ada.1@example.com"])
    assert vendor.events[ADA][0]["name"] == "seen"


@pytest.mark.parametrize("wrong", [{"api_key": "no-data-centre-here"}, {"webhook_secret": "short"}])
def test_settings_that_cannot_be_right_are_refused(wrong: dict[str, object]) -> None:
    good: dict[str, object] = {"api_key": API_KEY, "audience_id": AUDIENCE}
    assert MailchimpSettings.model_validate(good).url == "https://us21.api.mailchimp.com/3.0"
    with pytest.raises(ValidationError):
        MailchimpSettings.model_validate(good | wrong)
