"""Marketo: leads and activities, once, however the instance behaves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr, ValidationError

from bench.contract.faults import Fault, Faults
from bench.contract.marketo import (
    ACTIVITY_TYPE,
    CLIENT_ID,
    CLIENT_SECRET,
    LIST,
    PROGRAM,
    PROGRAM_STATUS,
)
from bench.contract.marketo import (
    Marketo as MarketoServer,
)
from bench.contract.server import ContractServer
from kit.clock import Clock, ManualClock
from kit.ids import SignalId
from signals.connectors.answer import CredentialsRefused
from signals.connectors.connector import (
    Connector,
    DeliveryFailed,
    DeliveryRefused,
    InboundOutcome,
    OutcomeKind,
)
from signals.connectors.mapping import FieldMapping, FieldRule, shipped_mapping
from signals.connectors.marketo import OBJECTS, Marketo, MarketoSettings
from signals.connectors.settings import HttpSettings
from signals.connectors.waiting import ManualWaiting, Waiting
from tests.signals.connectors.contract import ONCE, ConnectorContract, Rig
from tests.signals.connectors.dispatches import AT, contact, dispatch

MAPPING = shipped_mapping("marketo", objects=OBJECTS)


def _settings(url: str, **changes: object) -> MarketoSettings:
    values: dict[str, object] = {
        "base_url": url,
        "client_id": CLIENT_ID,
        "client_secret": SecretStr(CLIENT_SECRET),
        "activity_type_id": ACTIVITY_TYPE,
        "list_id": LIST,
        "program_id": PROGRAM,
        "program_status": PROGRAM_STATUS,
        "http": ONCE,
    }
    return MarketoSettings.model_validate(values | changes)


class MarketoRig(Rig):
    secrets = (CLIENT_SECRET,)

    def __init__(self) -> None:
        self.vendor: MarketoServer = MarketoServer()

    def connect(self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting) -> Connector:
        http = http.model_copy(update={"longest_wait": 25.0})  # the connector's own default
        settings = _settings(url, http=http, settle_seconds=0)
        return Marketo(settings, mapping=MAPPING, clock=clock, waiting=waiting)

    def connect_wrongly(self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting) -> Connector:
        settings = _settings(url, http=http, client_secret="not this one")
        return Marketo(settings, mapping=MAPPING, clock=clock, waiting=waiting)

    def records(self) -> Mapping[str, list[str]]:
        return {
            "lead": [lead["careloopId"] for lead in self.vendor.leads.values()],
            "activity": [activity["primaryAttributeValue"] for activity in self.vendor.activities],
        }

    def told(self, signal: SignalId) -> str:
        texts = [str(activity["attributes"]) for activity in self.vendor.activities]
        return [text for text in texts if f"'{signal}'" in text][-1]


class TestContract(ConnectorContract):
    @pytest.fixture
    def rig(self) -> Rig:
        return MarketoRig()

    async def test_the_targets_wish_to_wait_reaches_the_queue(self, rig: Rig, once: Connector) -> None:
        """Marketo names no time: 606 is about the last 20 seconds."""
        rig.vendor.faults = Faults(script=[None, Fault.RATE_LIMITED])
        with pytest.raises(DeliveryFailed, match="606") as caught:
            await once.deliver(dispatch())
        assert caught.value.retry_after == 20


@pytest.fixture
def vendor() -> MarketoServer:
    return MarketoServer()


@pytest.fixture
def url(vendor: MarketoServer) -> Iterator[str]:
    with ContractServer(vendor) as server:
        yield server.url


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT)


def _connector(
    url: str, clock: ManualClock, *, mapping: FieldMapping = MAPPING, **changes: object
) -> Marketo:
    return Marketo(_settings(url, **changes), mapping=mapping, clock=clock, waiting=ManualWaiting())


@pytest.fixture
async def connector(url: str, clock: ManualClock) -> AsyncIterator[Marketo]:
    connector = _connector(url, clock)
    yield connector
    await connector.close()


async def test_a_signal_becomes_a_lead_an_activity_and_memberships(
    connector: Marketo, vendor: MarketoServer
) -> None:
    receipt = await connector.deliver(dispatch())

    lead = vendor.leads[1]
    assert (lead["email"], lead["careloopId"]) == ("ada.1@example.com", "cus_1")
    assert lead["careloopSignalId"] == "sig_1"
    assert vendor.activities[0]["primaryAttributeValue"] == "dis_1_1"
    attributes = {entry["name"]: entry["value"] for entry in vendor.activities[0]["attributes"]}
    assert (attributes["kind"], attributes["revision"]) == ("churn_risk", "1")
    assert "I will leave" in attributes["quote"]
    assert (vendor.listed, vendor.members) == ({1}, {1: PROGRAM_STATUS})
    records = {"lead": "1", "activity": "activity-1", "list": str(LIST), "program": str(PROGRAM)}
    assert receipt.records == records


async def test_who_unsubscribed_at_marketo_is_put_on_no_list_and_in_no_program(
    connector: Marketo, vendor: MarketoServer
) -> None:
    vendor.leads[1] = {"id": 1, "email": "ada.1@example.com", "unsubscribed": True}
    receipt = await connector.deliver(dispatch())
    assert receipt.records == {"lead": "1", "activity": "activity-1"}
    assert (vendor.listed, vendor.members) == (set(), {})
    vendor.leads[1]["unsubscribed"] = False
    again = await connector.deliver(dispatch(revision=2))
    assert (again.records["list"], vendor.listed) == (str(LIST), {1})


async def test_an_activity_is_found_however_long_the_log(connector: Marketo, vendor: MarketoServer) -> None:
    vendor.page = 2
    for number in range(1, 6):
        await connector.deliver(dispatch(number))
    again = await connector.deliver(dispatch(5))
    assert (again.repeated, again.records["activity"]) == (True, "activity-5")
    assert len(vendor.activities) == 5


async def test_an_older_signal_is_told_but_does_not_overwrite_the_lead(
    connector: Marketo, vendor: MarketoServer
) -> None:
    await connector.deliver(dispatch(1, revision=2))
    older = dispatch(2, revision=1)
    await connector.deliver(replace(older, contact=replace(contact(), email="old@example.com")))

    assert vendor.leads[1]["email"] == "ada.1@example.com"
    assert vendor.leads[1]["careloopSignalId"] == "sig_1"
    assert [entry["primaryAttributeValue"] for entry in vendor.activities] == ["dis_1_2", "dis_2_1"]


async def test_an_older_signal_leaves_its_mark_too_and_waits_for_the_log(
    connector: Marketo, vendor: MarketoServer
) -> None:
    await connector.deliver(dispatch(1, revision=2))
    vendor.faults.script = [*_LOST_ACTIVITY, Fault.RESET]
    for wait in (None, 60):
        with pytest.raises(DeliveryFailed) as failed:
            await connector.deliver(dispatch(2, revision=1))
        assert failed.value.retry_after == wait


# The token is there, and so is the lead: lead, log's token, log and upsert are good.
_LOST_ACTIVITY: tuple[Fault | None, ...] = (None, None, None, None)


async def test_a_retry_waits_while_the_log_may_still_lag(
    connector: Marketo, vendor: MarketoServer, clock: ManualClock
) -> None:
    await connector.deliver(dispatch(1))
    vendor.faults.script = [*_LOST_ACTIVITY, Fault.TIMEOUT_AFTER_SUCCESS]
    with pytest.raises(DeliveryFailed):
        await connector.deliver(dispatch(2))
    lagging = vendor.activities.pop()  # taken, but not in the log yet

    with pytest.raises(DeliveryFailed) as failed:
        await connector.deliver(dispatch(2))
    assert failed.value.retry_after == 60
    vendor.activities.append(lagging)
    clock.advance(timedelta(seconds=60))
    assert (await connector.deliver(dispatch(2))).repeated
    assert len(vendor.activities) == 2


async def test_an_activity_that_was_lost_is_sent_anew_once_the_log_has_settled(
    connector: Marketo, vendor: MarketoServer, clock: ManualClock
) -> None:
    await connector.deliver(dispatch(1))
    vendor.faults.script = [*_LOST_ACTIVITY, Fault.RESET]
    with pytest.raises(DeliveryFailed):
        await connector.deliver(dispatch(2))
    clock.advance(timedelta(seconds=60))

    assert not (await connector.deliver(dispatch(2))).repeated
    assert len(vendor.activities) == 2


async def test_a_token_that_has_ended_is_renewed_once_within_an_answer_of_200(
    connector: Marketo, vendor: MarketoServer
) -> None:
    await connector.deliver(dispatch(1))
    vendor.tokens.clear()
    await connector.deliver(dispatch(2))
    assert sum(seen.path == "/identity/oauth/token" for seen in vendor.seen) == 2


async def test_a_token_is_fetched_anew_before_it_ends(
    connector: Marketo, vendor: MarketoServer, clock: ManualClock
) -> None:
    await connector.deliver(dispatch(1))
    clock.advance(timedelta(seconds=vendor.lifetime - 10))
    await connector.deliver(dispatch(2))
    assert sum(seen.path == "/identity/oauth/token" for seen in vendor.seen) == 2


async def test_a_field_that_marketo_does_not_have_is_refused_with_its_name(
    url: str, vendor: MarketoServer, clock: ManualClock
) -> None:
    mapping = FieldMapping({"lead": {"nosuch": FieldRule(("contact.email",))}, "activity": {}})
    connector = _connector(url, clock, mapping=mapping)
    with pytest.raises(DeliveryRefused, match=r"1006 Field 'nosuch' not found"):
        await connector.deliver(dispatch())
    assert (vendor.leads, vendor.activities) == ({}, [])
    await connector.close()


async def test_a_field_that_is_sent_once_is_left_to_those_who_change_it(
    url: str, vendor: MarketoServer, clock: ManualClock
) -> None:
    mapping = FieldMapping({"lead": {"company": FieldRule(constant="New", once=True)}, "activity": {}})
    connector = _connector(url, clock, mapping=mapping)
    await connector.deliver(dispatch(1))
    vendor.set_field(1, AT, company="Known")
    await connector.deliver(dispatch(2))
    await connector.close()
    assert vendor.leads[1]["company"] == "Known"


async def test_an_attribute_that_the_activity_does_not_have_is_refused_with_its_name(
    url: str, vendor: MarketoServer, clock: ManualClock
) -> None:
    mapping = FieldMapping({"lead": {}, "activity": {"mood": FieldRule(constant="bad")}})
    connector = _connector(url, clock, mapping=mapping)
    with pytest.raises(DeliveryRefused, match=r"1006 Field 'mood' not found"):
        await connector.deliver(dispatch())
    await connector.close()


async def test_a_value_that_marketo_does_not_like_is_not_repeated(connector: Marketo) -> None:
    told = dispatch()
    wrong = replace(told, contact=replace(told.contact, email="ada byron@example.com"))
    with pytest.raises(DeliveryRefused, match="1003 Invalid value") as refused:
        await connector.deliver(wrong)
    assert "byron@example.com" not in refused.value.detail


async def test_two_leads_of_one_customer_are_refused(connector: Marketo, vendor: MarketoServer) -> None:
    vendor.leads = {n: {"id": n, "careloopId": "cus_1"} for n in (1, 2)}
    with pytest.raises(DeliveryRefused, match="merge"):
        await connector.deliver(dispatch())


async def test_a_lead_of_the_same_address_becomes_the_customers(
    connector: Marketo, vendor: MarketoServer
) -> None:
    vendor.leads = {1: {"id": 1, "email": "ada.1@example.com", "firstName": "Augusta"}}
    first, again = await connector.deliver(dispatch()), await connector.deliver(dispatch())
    assert (first.records["lead"], again.repeated) == ("1", True)
    assert vendor.leads.keys() == {1}
    assert (vendor.leads[1]["careloopId"], vendor.leads[1]["careloopSignalId"]) == ("cus_1", "sig_1")


@pytest.mark.parametrize("owners", [("cus_9",), (None, None), ("cus_8", "cus_9")], ids=str)
async def test_no_second_lead_is_made_of_an_address_that_may_be_anothers(
    connector: Marketo, vendor: MarketoServer, owners: tuple[str | None, ...]
) -> None:
    vendor.leads = {
        number: {"id": number, "email": "ada.1@example.com", "careloopId": owner}
        for number, owner in enumerate(owners, start=1)
    }
    with pytest.raises(DeliveryRefused, match="this customer's address"):
        await connector.deliver(dispatch())
    assert len(vendor.leads) == len(owners)
    assert not vendor.activities


async def test_where_the_operator_says_so_an_address_is_not_looked_for(
    url: str, vendor: MarketoServer, clock: ManualClock
) -> None:
    vendor.leads = {1: {"id": 1, "email": "ada.1@example.com"}}
    connector = Marketo(_settings(url, match_by_email=False), clock=clock, waiting=ManualWaiting())
    assert (await connector.deliver(dispatch())).records["lead"] == "2"
    await connector.close()


async def test_wrong_credentials_leave_it_queued(url: str, clock: ManualClock) -> None:
    connector = _connector(url, clock, client_secret="wrong-secret")
    with pytest.raises(CredentialsRefused, match="invalid_client"):
        await connector.deliver(dispatch())
    await connector.close()


async def test_outcomes_come_page_by_page_with_what_sales_entered(
    connector: Marketo, vendor: MarketoServer
) -> None:
    vendor.page = 1
    await connector.deliver(dispatch())
    vendor.set_field(
        1, AT, careloopOutcome="Won", careloopOutcomeAmount="1200", careloopOutcomeReason="called"
    )
    vendor.set_field(1, AT, company="Other")
    vendor.set_field(1, AT, careloopOutcome="who knows")

    page = await connector.poll(None)
    [outcome] = page.outcomes
    assert (outcome.signal_id, outcome.outcome, outcome.amount) == ("sig_1", OutcomeKind.WON, 1200.0)
    assert (outcome.reason, outcome.external_id, outcome.at) == ("called", "change-1", AT)
    later: list[InboundOutcome] = []
    while page.more:
        page = await connector.poll(page.cursor)
        later += page.outcomes
    assert later == []
    vendor.set_field(1, AT, careloopOutcome="lost")
    assert [found.outcome for found in (await connector.poll(page.cursor)).outcomes] == [OutcomeKind.LOST]


async def test_health_names_what_the_instance_lacks(
    url: str, vendor: MarketoServer, clock: ManualClock
) -> None:
    bad, field = (
        _connector(url, clock, activity_type_id=7),
        _connector(url, clock, fields={"signal": "other"}),
    )
    assert (await bad.health()).detail == "There is no custom activity 7."
    assert (await field.health()).detail == "Leads have no field other."
    assert {seen.method for seen in vendor.seen} == {"GET"}
    await bad.close()
    await field.close()


def test_a_program_needs_a_status() -> None:
    with pytest.raises(ValidationError, match="go together"):
        _settings("https://123-abc-456.example.com", program_status=None)
