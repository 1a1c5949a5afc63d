from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr, ValidationError

from bench.contract.faults import Fault
from bench.contract.salesforce_records import EXTERNAL_ID
from bench.contract.server import ContractServer
from kit.clock import ManualClock
from kit.errors import InvalidInput, Misconfigured
from kit.ids import SignalId
from signals.connectors.answer import CredentialsRefused
from signals.connectors.connector import DeliveryFailed, DeliveryRefused, InboundOutcome, OutcomeKind
from signals.connectors.mapping import read_mapping
from signals.connectors.salesforce import Salesforce, SalesforceBulk, SalesforceSettings
from signals.connectors.salesforce.connector import OBJECTS
from signals.connectors.salesforce.soql import quoted
from signals.connectors.waiting import ManualWaiting
from signals.signal import SignalKind
from tests.signals.connectors.contract import FEW, ConnectorContract, Rig
from tests.signals.connectors.dispatches import dispatch, without_email
from tests.signals.connectors.salesforce_rig import SalesforceRig, new_key


@pytest.fixture(scope="module")
def keys() -> tuple[str, str]:
    return new_key()


@pytest.fixture
def rig(keys: tuple[str, str], clock: ManualClock) -> SalesforceRig:
    return SalesforceRig(keys, clock)


class TestContract(ConnectorContract):
    @pytest.fixture
    def rig(self, keys: tuple[str, str], clock: ManualClock) -> Rig:
        return SalesforceRig(keys, clock)


@pytest.fixture
def server(rig: SalesforceRig) -> Iterator[ContractServer]:
    with ContractServer(rig.vendor) as server:
        yield server


@pytest.fixture
def waiting() -> ManualWaiting:
    return ManualWaiting()


Connect = Callable[..., Salesforce]


@pytest.fixture
async def connect(
    rig: SalesforceRig, server: ContractServer, clock: ManualClock, waiting: ManualWaiting
) -> AsyncIterator[Connect]:
    opened: list[Salesforce] = []

    def make(**more: object) -> Salesforce:
        opened.append(rig.connect(server.url, FEW, clock, waiting, **more))
        return opened[-1]

    yield make
    for connector in opened:
        await connector.close()


UPSELL = SignalKind.UPSELL


async def test_a_purchase_opens_an_opportunity_of_the_contact(connect: Connect, rig: SalesforceRig) -> None:
    receipt = await connect().deliver(dispatch(kind=UPSELL))
    org = rig.vendor.org.records
    (deal,), (task,), (person,) = (list(org[kind].values()) for kind in ("Opportunity", "Task", "Contact"))
    assert dict(receipt.records) == {"contact": person["Id"], "opportunity": deal["Id"], "task": task["Id"]}
    assert (deal["ContactId"], task["WhoId"], task["WhatId"]) == (person["Id"], person["Id"], deal["Id"])
    assert (deal["Name"], deal["StageName"]) == ("Upsell: Analytical Engines Byron", "Prospecting")
    assert task["Description"].startswith("Call today, version 1\n“I will leave for a competitor”")


async def test_what_is_no_purchase_or_not_qualified_opens_none(connect: Connect, rig: SalesforceRig) -> None:
    weak = dispatch(kind=UPSELL)
    await connect().deliver(replace(weak, signal=replace(weak.signal, score=59.0)))
    unscored = dispatch(2, kind=UPSELL)
    await connect().deliver(replace(unscored, signal=replace(unscored.signal, score=None)))
    await connect().deliver(dispatch(3))
    assert not rig.vendor.org.records["Opportunity"]


async def test_news_does_not_undo_what_sales_did(connect: Connect, rig: SalesforceRig) -> None:
    connector = connect()
    receipt = await connector.deliver(dispatch(kind=UPSELL))
    org = rig.vendor.org
    org.update("Opportunity", receipt.records["opportunity"], {"StageName": "Negotiation"})
    org.update("Task", receipt.records["task"], {"Status": "Completed"})
    org.update("Contact", receipt.records["contact"], {"LastName": "Lovelace"})
    await connector.deliver(dispatch(kind=UPSELL, revision=2))
    assert org.records["Opportunity"][receipt.records["opportunity"]]["StageName"] == "Negotiation"
    assert org.records["Opportunity"][receipt.records["opportunity"]]["NextStep"] == "Call today, version 2"
    assert org.records["Task"][receipt.records["task"]]["Status"] == "Completed"
    assert org.records["Contact"][receipt.records["contact"]]["LastName"] == "Lovelace"


async def test_a_contact_of_that_address_is_adopted(connect: Connect, rig: SalesforceRig) -> None:
    held = rig.vendor.org.create("Contact", {"LastName": "Lovelace", "Email": "ada.1@example.com"})
    receipt = await connect().deliver(dispatch())
    assert receipt.records["contact"] == held["Id"]
    assert (held[EXTERNAL_ID], held["LastName"]) == ("cus_1", "Lovelace")


async def test_what_a_duplicate_rule_finds_is_adopted(connect: Connect, rig: SalesforceRig) -> None:
    held = rig.vendor.org.create("Contact", {"LastName": "Lovelace", "Email": "ada.1@example.com"})
    receipt = await connect(match_by_email=False).deliver(dispatch(kind=UPSELL))
    assert receipt.records["contact"] == held["Id"]
    assert held[EXTERNAL_ID] == "cus_1"
    assert len(rig.vendor.org.records["Opportunity"]) == 1


async def test_another_customers_contact_is_left_alone(connect: Connect, rig: SalesforceRig) -> None:
    values = {"LastName": "Lovelace", "Email": "ada.1@example.com", EXTERNAL_ID: "cus_9"}
    held = dict(rig.vendor.org.create("Contact", values))
    with pytest.raises(DeliveryRefused, match="another customer's Contact"):
        await connect().deliver(dispatch())
    assert list(rig.vendor.org.records["Contact"].values()) == [held]
    assert not rig.vendor.org.records["Task"]


async def test_a_linked_id_that_is_none_of_salesforces_is_not_asked_for(
    connect: Connect, rig: SalesforceRig
) -> None:
    told = dispatch()
    for wrong in ("003", "003-unknown", "003ABCDEFGHIJKL1"):
        linked = replace(told, contact=replace(told.contact, crm_ids={"salesforce": wrong}))
        assert (await connect().deliver(linked)).records["contact"]
    assert len(rig.vendor.org.records["Contact"]) == 1


async def test_two_contacts_of_one_address_are_told_apart_by_the_linked_id(
    connect: Connect, rig: SalesforceRig
) -> None:
    rig.vendor.org.duplicate_rule = False
    values = {"LastName": "Lovelace", "Email": "ada.1@example.com"}
    _, second = (rig.vendor.org.create("Contact", values) for _ in range(2))
    told = dispatch()
    linked = replace(told, contact=replace(told.contact, crm_ids={"salesforce": second["Id"]}))
    connector = connect()
    connector.name = "crm"  # ids are linked by kind of connector, not by its name
    assert (await connector.deliver(linked)).records["contact"] == second["Id"]


async def test_a_customer_without_address_is_known_by_our_id(connect: Connect, rig: SalesforceRig) -> None:
    await connect().deliver(without_email(dispatch()))
    await connect().deliver(without_email(dispatch(2)))
    assert rig.records()["Contact"] == ["cus_1"]


async def test_leads_get_tasks_and_no_opportunity(connect: Connect, rig: SalesforceRig) -> None:
    receipt = await connect(person="Lead").deliver(dispatch(kind=UPSELL))
    assert set(receipt.records) == {"lead", "task"}
    assert rig.records() == {"Lead": ["cus_1"], "Task": ["sig_1"], "Contact": [], "Opportunity": []}


async def test_a_converted_lead_is_told_through_its_contact(connect: Connect, rig: SalesforceRig) -> None:
    connector = connect(person="Lead")
    receipt = await connector.deliver(dispatch())
    contact = rig.vendor.org.create("Contact", {"LastName": "Lovelace"})
    lead = rig.vendor.org.records["Lead"][receipt.records["lead"]]
    lead |= {"IsConverted": True, "ConvertedContactId": contact["Id"]}
    told = await connector.deliver(dispatch(2))
    assert rig.vendor.org.records["Task"][told.records["task"]]["WhoId"] == contact["Id"]


async def test_an_unknown_field_is_named_and_nothing_is_written(connect: Connect, rig: SalesforceRig) -> None:
    rig.vendor.org.removed_fields.add("NextStep")
    connector = connect()
    health = await connector.health()
    assert not health.ok
    assert "Opportunity.NextStep" in health.detail
    with pytest.raises(DeliveryRefused, match=r"opportunity: INVALID_FIELD: No such column 'NextStep'"):
        await connector.deliver(dispatch(kind=UPSELL))
    assert not any(rig.records().values())


async def test_a_text_too_long_is_refused_by_the_name_of_its_field(
    rig: SalesforceRig, server: ContractServer, clock: ManualClock, waiting: ManualWaiting
) -> None:
    text = f"Task:\n  Subject: {{constant: {'x' * 300}}}\nContact:\n  LastName: contact.last_name\n"
    mapping = read_mapping(text, source="own.yaml", objects=OBJECTS)
    connector = Salesforce(rig.settings(server.url, FEW), clock=clock, waiting=waiting, mapping=mapping)
    with pytest.raises(DeliveryRefused, match=r"STRING_TOO_LONG \(Subject\)"):
        await connector.deliver(dispatch())
    await connector.close()
    assert not any(rig.records().values())


async def test_one_token_serves_until_it_is_refused(connect: Connect, rig: SalesforceRig) -> None:
    connector = connect()
    await connector.deliver(dispatch())
    rig.vendor.tokens.clear()
    await connector.deliver(dispatch(2))
    assert len([one for one in rig.vendor.seen if one.path.endswith("/token")]) == 2


async def test_a_key_that_is_none_is_the_operators_to_mend(connect: Connect) -> None:
    connector = connect(private_key="no key")
    with pytest.raises(Misconfigured, match="RSA key in PEM"):
        await connector.deliver(dispatch())
    assert not (await connector.health()).ok


async def test_a_stranger_gets_no_token(connect: Connect) -> None:
    with pytest.raises(CredentialsRefused, match="hasn't approved this consumer"):
        await connect(consumer_key="stranger").deliver(dispatch())


def test_settings_do_not_show_the_key_and_refuse_plain_http() -> None:
    said = {"consumer_key": "c", "username": "u", "private_key": SecretStr("k3y")}
    assert "k3y" not in repr(SalesforceSettings.model_validate(said))
    with pytest.raises(ValidationError, match="https"):
        SalesforceSettings.model_validate({**said, "login_url": "http://login.example.com"})


def test_quotes_in_a_value_end_no_text() -> None:
    assert quoted("O'Neill\\") == "'O\\'Neill\\\\'"


async def _all(connector: Salesforce, cursor: str | None = None) -> tuple[list[InboundOutcome], str | None]:
    found: list[InboundOutcome] = []
    more = True
    while more:
        page = await connector.poll(cursor)
        found += page.outcomes
        cursor, more = page.cursor, page.more
    return found, cursor


async def test_what_sales_says_comes_back(connect: Connect, rig: SalesforceRig) -> None:
    connector = connect(currency="EUR", stage_outcomes={"Closed - Not a lead": "noise"})
    deals = [(await connector.deliver(dispatch(n, kind=UPSELL))).records["opportunity"] for n in range(5)]
    tasks = [(await connector.deliver(dispatch(n))).records["task"] for n in range(5, 8)]
    found, cursor = await _all(connector)
    assert found == []
    org = rig.vendor.org
    org.update("Opportunity", deals[0], {"StageName": "Closed Won", "Amount": 480.0})
    org.update("Opportunity", deals[1], {"StageName": "Closed Lost", "Amount": 99.0})
    org.update("Opportunity", deals[2], {"StageName": "Closed - Not a lead"})
    org.update("Opportunity", deals[3], {"StageName": "Negotiation"})
    org.update("Task", tasks[0], {"Status": "In Progress"})
    org.update("Task", tasks[1], {"Status": "Completed", "Careloop_Outcome__c": "Too late"})
    found, _ = await _all(connector, cursor)
    assert {one.signal_id: (one.outcome, one.amount, one.currency, one.reason) for one in found} == {
        "sig_0": (OutcomeKind.WON, 480.0, "EUR", "Closed Won"),
        "sig_1": (OutcomeKind.LOST, None, None, "Closed Lost"),
        "sig_2": (OutcomeKind.NOISE, None, None, "Closed - Not a lead"),
        "sig_3": (OutcomeKind.IN_PROGRESS, None, None, "Negotiation"),
        "sig_5": (OutcomeKind.IN_PROGRESS, None, None, "In Progress"),
        "sig_6": (OutcomeKind.TOO_LATE, None, None, "Completed"),
    }


async def test_old_news_is_not_told_again_for_ever(connect: Connect, rig: SalesforceRig) -> None:
    connector = connect()
    deal = (await connector.deliver(dispatch(kind=UPSELL))).records["opportunity"]
    rig.vendor.org.update("Opportunity", deal, {"StageName": "Closed Won"})
    (first,), cursor = await _all(connector)
    (again,), cursor = await _all(connector, cursor)  # within the overlap: the same news under the same id
    assert again.external_id == first.external_id
    rig.vendor.org.now += timedelta(minutes=3)
    await connector.deliver(dispatch(2, kind=UPSELL))
    _, cursor = await _all(connector, cursor)
    assert (await _all(connector, cursor))[0] == []


async def test_pages_are_followed_and_a_lost_locator_begins_again(
    connect: Connect, rig: SalesforceRig
) -> None:
    rig.vendor.page = 2
    connector = connect()
    for number in range(5):
        deal = (await connector.deliver(dispatch(number, kind=UPSELL))).records["opportunity"]
        rig.vendor.org.update("Opportunity", deal, {"StageName": "Closed Won"})
    page = await connector.poll(None)
    assert (len(page.outcomes), page.more) == (2, True)
    rest, _ = await _all(connector, page.cursor)
    assert {one.signal_id for one in (*page.outcomes, *rest)} == {f"sig_{n}" for n in range(5)}
    rig.vendor.forget_pages()
    again, _ = await _all(connector, page.cursor)
    assert {one.signal_id for one in again} == {f"sig_{n}" for n in range(5)}


@pytest.mark.parametrize(
    "cursor", ["", "x", "[]", '{"since": {"Account": "2026-01-01"}}', '{"since": {"Task": "1"}}']
)
async def test_a_foreign_cursor_is_refused(connect: Connect, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="no cursor"):
        await connect().poll(cursor)


@pytest.fixture
def bulk(
    connect: Connect, rig: SalesforceRig, server: ContractServer, waiting: ManualWaiting
) -> SalesforceBulk:
    connector = connect()
    return connector.bulk(waiting)


async def test_a_backfill_is_there_once_however_often_it_is_sent(
    bulk: SalesforceBulk, rig: SalesforceRig
) -> None:
    told = [dispatch(n, customer=n % 20) for n in range(250)]
    report = await bulk.backfill(told)
    assert (len(report.taken), report.known, report.refused) == (250, (), {})
    again = await bulk.backfill([*told, dispatch(999, customer=3)])
    assert (again.taken, len(again.known)) == (("sig_999",), 250)
    records = rig.records()
    assert (len(records["Contact"]), len(records["Task"]), records["Opportunity"]) == (20, 251, [])
    task = next(r for r in rig.vendor.org.records["Task"].values() if r[EXTERNAL_ID] == "sig_999")
    assert rig.vendor.org.records["Contact"][task["WhoId"]][EXTERNAL_ID] == "cus_3"
    assert "version 1\n“I will leave" in task["Description"]


async def test_a_backfill_tells_which_signals_were_refused_and_why(
    bulk: SalesforceBulk, rig: SalesforceRig
) -> None:
    rig.vendor.org.create("Contact", {"LastName": "Other", "Email": "ada.2@example.com"})
    report = await bulk.backfill([dispatch(1, customer=1), dispatch(2, customer=2)])
    assert report.taken == ("sig_1",)
    assert "DUPLICATES_DETECTED" in report.refused[SignalId("sig_2")]


async def test_news_that_came_before_the_backfill_stays(
    connect: Connect, bulk: SalesforceBulk, rig: SalesforceRig
) -> None:
    await connect().deliver(dispatch(1, revision=3))
    report = await bulk.backfill([dispatch(1, revision=2)])
    assert report.known == ("sig_1",)
    assert "version 3" in rig.told(SignalId("sig_1"))


async def test_a_backfill_that_was_cut_is_sent_again(bulk: SalesforceBulk, rig: SalesforceRig) -> None:
    told = [dispatch(n, customer=n) for n in range(3)]
    for position in range(16):
        rig.vendor.faults.script = [*[None] * position, Fault.TIMEOUT_AFTER_SUCCESS]
        for _ in range(3):
            with contextlib.suppress(DeliveryFailed):
                report = await bulk.backfill(told)
                break
        assert not report.refused
    assert sorted(rig.records()["Task"]) == ["sig_0", "sig_1", "sig_2"]


async def test_a_job_that_fails_is_refused_and_one_that_never_ends_is_given_up(
    bulk: SalesforceBulk, rig: SalesforceRig, waiting: ManualWaiting
) -> None:
    rig.vendor.jobs.ends_as = "Failed"
    with pytest.raises(DeliveryRefused, match="job of Contact ended: Failed"):
        await bulk.backfill([dispatch()])
    rig.vendor.jobs.ends_as = "InProgress"
    with pytest.raises(DeliveryFailed, match="more than 1800 s"):
        await bulk.backfill([dispatch()])
    assert 1800 < waiting.time < 1900
