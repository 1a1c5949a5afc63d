"""The contract server stands up to a client that was not written for it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce as Client
from simple_salesforce.api import SFType
from simple_salesforce.bulk2 import SFBulk2Type
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
)

from bench.contract.server import ContractServer
from kit.clock import SystemClock
from tests.signals.connectors.salesforce_rig import SalesforceRig, new_key


class _Here(HTTPAdapter):
    """Sends every request, whatever its host, to the contract server."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(  # type: ignore[override]  # as requests calls it
        self, request: requests.PreparedRequest, **options: object
    ) -> requests.Response:
        parts = urlsplit(str(request.url))
        request.url = self._url + parts.path + (f"?{parts.query}" if parts.query else "")
        return super().send(request, **options)  # type: ignore[arg-type]  # passed on as they came


@pytest.fixture
def rig() -> SalesforceRig:
    return SalesforceRig(new_key(), SystemClock())  # the client asks the machine what time it is


@pytest.fixture
def server(rig: SalesforceRig) -> Iterator[ContractServer]:
    with ContractServer(rig.vendor) as server:
        yield server


def _session(url: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", _Here(url))
    return session


def _client(rig: SalesforceRig, url: str, *, username: str = "careloop@example.com") -> Client:
    return Client(
        username=username,
        consumer_key="consumer",
        privatekey=rig.private,
        session=_session(url),
        version="60.0",
    )


def test_it_signs_in_writes_and_reads(rig: SalesforceRig, server: ContractServer) -> None:
    client = _client(rig, server.url)
    contact = SFType("Contact", client.session_id, client.sf_instance, "60.0", session=client.session)
    values = {"LastName": "Byron", "Email": "ada@example.com"}
    assert contact.upsert("Careloop_Id__c/cus_1", values) == 201
    assert contact.upsert("Careloop_Id__c/cus_1", {"LastName": "Lovelace"}) == 200
    found = client.query_all("SELECT Id, LastName FROM Contact WHERE Careloop_Id__c = 'cus_1'")
    assert [record["LastName"] for record in found["records"]] == ["Lovelace"]
    names = {field["name"] for field in contact.describe()["fields"]}
    assert {"Careloop_Id__c", "Email"} <= names


def test_it_follows_pages(rig: SalesforceRig, server: ContractServer) -> None:
    rig.vendor.page = 2
    for number in range(5):
        rig.vendor.org.create("Contact", {"LastName": f"Byron {number}"})
    found = _client(rig, server.url).query_all("SELECT Id FROM Contact ORDER BY Id")
    assert len(found["records"]) == 5


def test_it_loads_in_bulk(rig: SalesforceRig, server: ContractServer) -> None:
    client = _client(rig, server.url)
    rows = [{"Careloop_Id__c": f"cus_{n}", "LastName": "Byron" if n else ""} for n in range(3)]
    bulk = SFBulk2Type("Contact", client.bulk2_url, client.headers, client.session)
    (report,) = bulk.upsert(records=rows, external_id_field="Careloop_Id__c", wait=0)
    assert report["numberRecordsFailed"] == 1
    failed = bulk.get_failed_records(str(report["job_id"]))
    assert "REQUIRED_FIELD_MISSING" in failed
    assert sorted(rig.records()["Contact"]) == ["cus_1", "cus_2"]


def test_it_understands_the_servers_complaints(rig: SalesforceRig, server: ContractServer) -> None:
    client = _client(rig, server.url)
    with pytest.raises(SalesforceMalformedRequest, match="No such column 'Nothing__c'"):
        client.query("SELECT Nothing__c FROM Contact")
    rig.vendor.tokens.clear()
    with pytest.raises(SalesforceExpiredSession):
        SFType("Contact", client.session_id, client.sf_instance, "60.0", session=client.session).describe()


def test_a_stranger_does_not_get_in(rig: SalesforceRig, server: ContractServer) -> None:
    with (
        pytest.warns(UserWarning, match="self-authorize"),
        pytest.raises(SalesforceAuthenticationFailed, match="hasn't approved"),
    ):
        _client(rig, server.url, username="nobody@example.com")
