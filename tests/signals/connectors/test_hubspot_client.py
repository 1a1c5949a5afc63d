"""HubSpot's own client can drive the contract server, and its models take what the connector sends."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import hubspot.crm.contacts as contacts_module
import hubspot.crm.deals as deals_module
import hubspot.crm.objects as objects_module
import pytest
from hubspot import HubSpot as Client
from hubspot.crm.contacts.exceptions import ApiException

from bench.contract.hubspot import HubSpotVendor
from bench.contract.server import ContractServer
from kit.clock import ManualClock
from signals.connectors.hubspot import HubSpot, HubSpotSettings
from signals.connectors.waiting import ManualWaiting
from signals.signal import SignalKind
from tests.signals.connectors.contract import FEW
from tests.signals.connectors.dispatches import dispatch

TOKEN = "pat-eu1-secret"


@pytest.fixture
def vendor() -> HubSpotVendor:
    return HubSpotVendor(token=TOKEN)


@pytest.fixture
def server(vendor: HubSpotVendor) -> Iterator[ContractServer]:
    with ContractServer(vendor) as server:
        yield server


def _api(group: Any, url: str) -> Any:
    """``group`` of the client, told to call the contract server."""
    group.api_client.configuration.host = url
    return group


def test_it_makes_reads_and_finds_contacts(server: ContractServer) -> None:
    crm = Client(access_token=TOKEN).crm
    batch = _api(crm.contacts.batch_api, server.url)
    one = contacts_module.SimplePublicObjectBatchInputUpsert(
        id="cus_1", id_property="careloop_id", properties={"email": "ada@example.com"}
    )
    made = batch.upsert(contacts_module.BatchInputSimplePublicObjectBatchInputUpsert(inputs=[one]))
    assert (made.status, made.results[0].new) == ("COMPLETE", True)
    again = batch.upsert(contacts_module.BatchInputSimplePublicObjectBatchInputUpsert(inputs=[one]))
    assert (again.results[0].new, again.results[0].id) == (False, made.results[0].id)
    held = _api(crm.contacts.basic_api, server.url).get_by_id("cus_1", id_property="careloop_id")
    assert held.properties["email"] == "ada@example.com"
    wanted = contacts_module.PublicObjectSearchRequest(
        filter_groups=[
            contacts_module.FilterGroup(
                filters=[contacts_module.Filter(property_name="careloop_id", operator="EQ", value="cus_1")]
            )
        ],
        limit=10,
        properties=["email"],
        sorts=["hs_lastmodifieddate"],
        after="0",
    )
    assert _api(crm.contacts.search_api, server.url).do_search(wanted).total == 1


def test_it_reads_what_is_there_and_what_is_not(vendor: HubSpotVendor, server: ContractServer) -> None:
    vendor.add("deals", dealname="Upsell", careloop_id="sig_1")
    batch = _api(Client(access_token=TOKEN).crm.deals.batch_api, server.url)
    wanted = deals_module.BatchReadInputSimplePublicObjectId(
        id_property="careloop_id",
        inputs=[deals_module.SimplePublicObjectId(id=one) for one in ("sig_1", "sig_2")],
        properties=["dealname"],
        properties_with_history=[],
    )
    found = batch.read(wanted)
    assert [one.properties["dealname"] for one in found.results] == ["Upsell"]
    assert (found.num_errors, found.errors[0].category) == (1, "OBJECT_NOT_FOUND")


def test_it_understands_the_servers_complaints(server: ContractServer) -> None:
    basic = _api(Client(access_token=TOKEN).crm.contacts.basic_api, server.url)
    values = contacts_module.SimplePublicObjectInputForCreate(properties={"nothing": "x"}, associations=[])
    with pytest.raises(ApiException, match="PROPERTY_DOESNT_EXIST"):
        basic.create(values)
    stranger = _api(Client(access_token="pat-wrong").crm.contacts.basic_api, server.url)
    with pytest.raises(ApiException, match="INVALID_AUTHENTICATION"):
        stranger.get_by_id("1")


def test_it_joins_lists_and_lists_properties(vendor: HubSpotVendor, server: ContractServer) -> None:
    contact = vendor.add("contacts", email="ada@example.com")
    crm = Client(access_token=TOKEN).crm
    added = _api(crm.lists.memberships_api, server.url).add("17", [contact.id])
    assert added.records_ids_added == [contact.id]
    removed = _api(crm.lists.memberships_api, server.url).remove("17", [contact.id])
    assert removed.record_ids_removed == [contact.id]
    listed = _api(crm.properties.core_api, server.url).get_all("contacts")
    assert {one.name for one in listed.results if one.has_unique_value} == {"careloop_id", "email"}


async def test_its_models_take_every_request_of_ours(
    vendor: HubSpotVendor, server: ContractServer, clock: ManualClock
) -> None:
    """Each body is read into the model of its route: an unknown or missing field, or a wrong type, fails."""
    settings = HubSpotSettings.model_validate(
        {"token": TOKEN, "base_url": server.url, "http": FEW, "lists": {"upsell": "17"}}
    )
    connector = HubSpot(settings, clock=clock, waiting=ManualWaiting())
    for revision in (1, 2):
        await connector.deliver(dispatch(kind=SignalKind.UPSELL, revision=revision))
    await connector.poll('{"since": {"deals": "2026-01-01T09:00:00+00:00"}, "kind": "deals"}')
    await connector.close()
    checked = set()
    for seen in vendor.seen:
        if (model := _model(seen.method, seen.path)) is not None:
            _check(seen.json(), model)
            checked.add(model)
    assert len(checked) == 5
    (joined,) = [seen for seen in vendor.seen if "/lists/" in seen.path][:1]
    assert all(isinstance(record, str) for record in joined.json())


def _model(method: str, path: str) -> str | None:
    match method, path.rsplit("/", 1)[1]:
        case "POST", "read":
            return "BatchReadInputSimplePublicObjectId"
        case "POST", "upsert":
            return "BatchInputSimplePublicObjectBatchInputUpsert"
        case "POST", "search":
            return "PublicObjectSearchRequest"
        case "POST", _:
            return "SimplePublicObjectInputForCreate"
        case "PATCH", _:
            return "SimplePublicObjectInput"
        case _:
            return None


def _check(said: Any, kind: str, module: ModuleType = objects_module) -> None:
    """``said`` against ``kind`` of HubSpot's generated models ("list[X]", "dict[str, str]", a class)."""
    if kind.startswith("list["):
        assert isinstance(said, list)
        for one in said:
            _check(one, kind[5:-1])
    elif kind.startswith("dict["):
        assert isinstance(said, dict)
        for one in said.values():
            _check(one, kind.partition(", ")[2][:-1])
    elif kind in {"str", "int", "bool"}:
        assert type(said).__name__ == kind, f"{said!r} is no {kind}"
    else:
        model = getattr(module, kind)
        names = {theirs: ours for ours, theirs in model.attribute_map.items()}
        assert set(said) <= set(names), f"{kind} has no {set(said) - set(names)}"
        for name, value in said.items():
            if name == "sorts":  # objects in HubSpot's guide to search, which the models call strings
                assert all(set(one) == {"propertyName", "direction"} for one in value)
            else:
                _check(value, model.openapi_types[names[name]])
        assert inspect.isclass(model)
        model(**{names[name]: value for name, value in said.items()})  # raises where a needed one is absent
