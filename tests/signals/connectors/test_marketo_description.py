"""What we send to Marketo, and what our Marketo answers, against Adobe's own Swagger."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import jsonschema_rs
import pytest

from bench.contract.marketo import ACTIVITY_TYPE, LIST, PROGRAM, PROGRAM_STATUS
from bench.contract.marketo import Marketo as MarketoServer
from bench.contract.server import ContractServer
from bench.contract.vendor import Seen
from kit.clock import ManualClock
from signals.connectors.mapping import shipped_mapping
from signals.connectors.marketo import OBJECTS, Marketo, MarketoSettings
from signals.connectors.waiting import ManualWaiting
from tests.conftest import ROOT, skip_or_fail
from tests.signals.connectors.contract import ONCE
from tests.signals.connectors.dispatches import AT, dispatch

SPECIFICATIONS = ROOT.parent / "shared" / "vendor_specs" / "marketo"
# One model serves requests and answers there, so it requires of a request what only an answer can have;
# and "object" stands for any value.
_ANSWER_ONLY = {"CustomActivity": {"id", "errors"}}


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    """Both of Adobe's descriptions as one."""
    if not SPECIFICATIONS.is_dir():
        skip_or_fail("Adobe's description of Marketo is not beside this checkout (../shared/vendor_specs)")
    parts = [json.loads((SPECIFICATIONS / name).read_text()) for name in ("mapi.json", "identity.json")]
    merged: dict[str, Any] = {"paths": {}, "definitions": {}}
    for part in parts:
        for name, found in merged.items():
            found.update(part[name])
    merged["definitions"]["Attribute"]["properties"]["value"] = {}
    return merged


async def _talk() -> list[tuple[Seen, httpx.Response]]:
    """Every call that a life of the connector makes, each with what our Marketo answers to the same call."""
    vendor, clock = MarketoServer(), ManualClock(AT)
    settings = MarketoSettings.model_validate(
        {
            "base_url": "https://replaced.example.com",
            "client_id": "client",
            "client_secret": "marketo-secret",
            "activity_type_id": ACTIVITY_TYPE,
            "list_id": LIST,
            "program_id": PROGRAM,
            "program_status": PROGRAM_STATUS,
            "sequences": {
                "speed": {"list_id": LIST, "program_id": PROGRAM, "program_status": PROGRAM_STATUS}
            },
            "http": ONCE,
        }
    )
    with ContractServer(vendor) as server:
        settings = settings.model_copy(update={"base_url": server.url})
        mapping = shipped_mapping("marketo", objects=OBJECTS)
        connector = Marketo(settings, mapping=mapping, clock=clock, waiting=ManualWaiting())
        await connector.health()
        await connector.deliver(dispatch(1))
        await connector.deliver(dispatch(2))
        await connector.enrol(dispatch(1), "speed")
        await connector.leave(dispatch(1), "speed")
        await connector.enrol(dispatch(3, customer=3), "speed")
        vendor.set_field(1, AT, careloopOutcome="won")
        await connector.poll(None)
        await connector.close()
        seen = list(vendor.seen)
        async with httpx.AsyncClient(base_url=server.url) as client:
            return [(one, await _again(client, one)) for one in seen]


async def _again(client: httpx.AsyncClient, seen: Seen) -> httpx.Response:
    headers = {name: seen.headers.get(name, "") for name in ("authorization", "content-type")}
    return await client.request(seen.method, seen.path, params=seen.query, content=seen.body, headers=headers)


async def test_calls_and_answers_are_as_adobe_describes_them(description: dict[str, Any]) -> None:
    talk = await _talk()
    assert len({(seen.method, _template(description, seen.path)) for seen, _ in talk}) == 13
    for seen, answer in talk:
        operation = description["paths"][_template(description, seen.path)][seen.method.lower()]
        _check_query(operation, seen)
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "body":
                _validate(description, parameter["schema"], seen.json(), request=True)
        assert answer.status_code == 200
        _validate(description, operation["responses"]["200"]["schema"], answer.json(), request=False)


def _template(description: dict[str, Any], path: str) -> str:
    """The path as described, fixed ones before those with a parameter."""
    for template in sorted(description["paths"], key=lambda known: "{" in known):
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path):
            return str(template)
    raise AssertionError(f"Marketo has no {path}")


def _check_query(operation: dict[str, Any], seen: Seen) -> None:
    described = {entry["name"]: entry for entry in operation.get("parameters", []) if entry["in"] == "query"}
    assert set(seen.query) <= set(described), f"{seen.path}: unknown parameters"
    required = {name for name, entry in described.items() if entry["required"]}
    assert required <= set(seen.query), f"{seen.path}: parameters are missing"
    for name, value in seen.query.items():
        allowed = described[name].get("enum")
        assert allowed is None or value in allowed


def _validate(description: dict[str, Any], schema: dict[str, Any], value: object, *, request: bool) -> None:
    definitions = json.loads(json.dumps(description["definitions"]))
    if request:
        for name, fields in _ANSWER_ONLY.items():
            required = definitions[name].get("required", [])
            definitions[name]["required"] = [field for field in required if field not in fields]
    validator = jsonschema_rs.Draft4Validator({**schema, "definitions": definitions})
    assert [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)] == []
