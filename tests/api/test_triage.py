from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.learning import adopt, renew
from api.triagers import KIND, TriageParts
from inference.fakes import HashEncoder
from kit.ids import DEFAULT_WORKSPACE
from store.access import Scope
from tests.api.conftest import World
from tests.api.tiny_triage import ENCODER, full_name, shop_taxonomy, shop_triage, tiny_models
from tests.triage.shop import messages
from triage.examples import Example
from triage.labels import Triage
from triage.message import Message
from triage.model import train
from triage.triager import Triager

pytestmark = pytest.mark.anyio

REFUND = "Hello, I want my money back for the lamp I sent back on monday, thanks. Where is my parcel?"
STALE = timedelta(seconds=5)


def triage_of(world: World) -> TriageParts:
    assert world.services.triage is not None
    return world.services.triage


async def triaged(client: httpx.AsyncClient, text: str | None, **more: Any) -> dict[str, Any]:
    response = await client.post("/v1/triage", json={"text": text, **more})
    assert response.status_code == 200, response.text
    (result,) = response.json()["results"]
    found: dict[str, Any] = result
    return found


def evidence_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from evidence_in(item)
    elif isinstance(value, dict):
        if "weight" in value:
            yield value
        for item in value.values():
            yield from evidence_in(item)


async def test_a_message_gets_every_label(client: httpx.AsyncClient) -> None:
    found = await triaged(client, REFUND)
    assert set(found) == set(Triage.__dataclass_fields__) | {"intent_model", "routing"}
    assert found["intent"]["name"] == found["intents"][0]["name"] == "billing.refund"
    assert found["queue"]["name"] == "billing"
    assert [label["probability"] for label in found["intents"]] == sorted(
        (label["probability"] for label in found["intents"]), reverse=True
    )
    assert sum(found["priority"]["probabilities"].values()) == pytest.approx(1)
    assert found["certainty"] in {"sure", "not_sure", "out_of_scope"}
    assert found["language"]["name"] == "en"
    assert found["intent_model"] is None
    assert found["model"] == tiny_models().version


@pytest.mark.parametrize(
    "text",
    [
        REFUND,
        f"<html><body><p>{REFUND}</p></body></html>",
        f"Grüße 👩‍👩‍👧 aus Köln — {REFUND} Lampenladen ist besser als Zephyr.",
        f"{REFUND}\n\n> On Monday you wrote:\n> we have your lamp",
    ],
)
async def test_evidence_quotes_the_message_as_it_was_sent(client: httpx.AsyncClient, text: str) -> None:
    found = await triaged(client, text, subject="Money", customer={"tier": "enterprise"})
    quotes = list(evidence_in(found))
    assert quotes
    for quote in quotes:
        assert text[quote["start"] : quote["end"]] == quote["text"] != ""
        assert 0 < quote["weight"] <= 1
    for entity in found["entities"]:
        assert text[entity["start"] : entity["end"]] == entity["text"]


async def test_evidence_is_left_out_on_request(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/triage?evidence=false", json={"text": REFUND})
    assert list(evidence_in(response.json())) == []


async def test_a_batch_is_answered_in_its_order_as_one_by_one(client: httpx.AsyncClient) -> None:
    texts = [REFUND, "", "where is my parcel, the toaster was promised yesterday", REFUND]
    batch = {"messages": [{"text": text} for text in texts]}
    results = (await client.post("/v1/triage", json=batch)).json()["results"]
    alone = [await triaged(client, text) for text in texts]
    assert [one["intent"]["name"] for one in results] == [one["intent"]["name"] for one in alone]
    assert [one["in_scope"] for one in results] == pytest.approx([one["in_scope"] for one in alone])


@pytest.mark.parametrize("text", [None, "", " \n\t ", "\u0000", "12345", "👍", "x" * 200_000, "ü" * 200_000])
async def test_whatever_is_in_a_message_gets_an_answer(client: httpx.AsyncClient, text: str | None) -> None:
    found = await triaged(client, text)
    assert 0 <= found["intent"]["probability"] <= 1


async def test_only_a_subject_is_enough(client: httpx.AsyncClient) -> None:
    found = await triaged(client, None, subject="I want my money back for the lamp")
    assert found["intent"]["name"] == "billing.refund"
    assert list(evidence_in(found)) == []


async def test_headers_tell_mail_of_machines(client: httpx.AsyncClient) -> None:
    found = await triaged(client, "I am away.", headers={"Auto-Submitted": "auto-replied"})
    assert found["origin"]["name"] == "auto_reply"


async def test_dates_are_relative_to_the_server_s_day(client: httpx.AsyncClient, world: World) -> None:
    found = await triaged(client, "Deliver it tomorrow, please.")
    tomorrow = (world.clock.now() + timedelta(days=1)).date().isoformat()
    assert [(entity["kind"], entity["value"]) for entity in found["entities"]] == [("date", tomorrow)]


async def test_rules_say_where_it_goes_and_why(client: httpx.AsyncClient) -> None:
    usual = (await triaged(client, REFUND))["routing"]
    vip = (await triaged(client, REFUND, customer={"tier": "Enterprise", "tags": ["a"], "value": 4.5}))[
        "routing"
    ]
    assert (usual["queue"], usual["tags"]) == ("general", [])
    assert (vip["queue"], vip["priority"], vip["tags"]) == ("vip", "P1", ["vip"])
    assert vip["queue_rule"] == "enterprise customers"
    assert vip["first_response_due"] == "2026-01-01T00:15:00Z"
    steps = [step for step in vip["why"] if step["rule"] == "enterprise customers"]
    assert "queue vip" in steps[0]["changed"]
    assert steps[0]["because"][0]["text"].startswith("fact tier is Enterprise")
    letter = (await triaged(client, REFUND, channel="letter"))["routing"]
    assert letter["queue"] == "accounts"


async def test_without_rules_there_is_no_routing(world: World, tmp_path: Path) -> None:
    services = world.services
    parts = shop_triage(services.database, services.cipher, world.clock, tmp_path / "m", routed=False)
    async with world.with_services(triage=parts).client() as client:
        assert (await triaged(client, REFUND))["routing"] is None
        ticket = (await client.post("/v1/tickets", json={"text": REFUND})).json()["ticket"]
    assert (ticket["routing"], ticket["queue"]) == (None, "billing")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": 5},
        {"text": "a", "colour": "red"},
        {"messages": []},
        {"messages": [{"text": "a"}] * 101},
        {"text": "a", "customer": {"tier": {"deep": 1}}},
        {"text": "a", "channel": "E-Mail!"},
        {"text": "a", "headers": {"a": 1}},
        [],
    ],
)
async def test_what_is_no_message_is_refused(client: httpx.AsyncClient, body: Any) -> None:
    response = await client.post("/v1/triage", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_input")


async def test_a_body_beyond_a_megabyte_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/triage", json={"text": "x" * 2**20})
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/triage", Scope.TRIAGE_READ),
        ("GET", "/v1/triage/taxonomy", Scope.TRIAGE_READ),
        ("GET", "/v1/triage/models", Scope.TRIAGE_READ),
        ("GET", "/v1/triage/learn", Scope.TRIAGE_READ),
        ("POST", "/v1/triage/learn", Scope.TRIAGE_WRITE),
        ("GET", "/v1/triage/second-opinions", Scope.TRIAGE_READ),
        ("POST", "/v1/triage/models/1/promote", Scope.TRIAGE_WRITE),
        ("POST", "/v1/triage/models/rollback", Scope.TRIAGE_WRITE),
    ],
)
async def test_each_route_needs_its_scope(world: World, method: str, path: str, scope: Scope) -> None:
    body = {"text": REFUND} if path == "/v1/triage" else None
    for other in Scope:
        async with world.client(other) as client:
            status = (await client.request(method, path, json=body)).status_code
        assert (status != 403) is (other is scope), other


async def test_where_triage_is_off_its_routes_say_so(world: World) -> None:
    off = world.with_services(triage=None)
    async with off.client() as client:
        for method, path in (
            ("POST", "/v1/triage"),
            ("GET", "/v1/triage/models"),
            ("POST", "/v1/triage/learn"),
            ("GET", "/v1/tickets"),
        ):
            response = await client.request(
                method, path, json={"text": "a"} if path == "/v1/triage" else None
            )
            assert (response.status_code, response.json()["code"]) == (404, "triage_off")
            assert "CARELOOP_TRIAGE__ENABLED" in response.json()["detail"]
        assert (await client.get("/healthz")).status_code == 200


class _Waiting(Triager):
    """Does not answer before it is let go."""

    go = threading.Event()

    def triage(self, messages: Sequence[Message], **options: Any) -> list[Triage]:
        assert self.go.wait(10)
        return super().triage(messages, **options)


async def test_the_server_answers_others_while_it_reads_a_message(world: World) -> None:
    parts = triage_of(world)
    triagers = type(parts.triagers)(
        parts.triagers.shipped,
        lambda models: _Waiting(models, ENCODER),
        parts.triagers._live,
    )
    busy = world.with_services(triage=replace(parts, triagers=triagers))
    async with busy.client() as client:
        slow = asyncio.create_task(client.post("/v1/triage", json={"text": REFUND}))
        await asyncio.sleep(0.05)
        assert (await client.get("/v1/triage/taxonomy")).status_code == 200
        assert not slow.done()
        _Waiting.go.set()
        assert (await slow).status_code == 200


async def test_the_taxonomy_names_what_labels_and_corrections_name(client: httpx.AsyncClient) -> None:
    known = (await client.get("/v1/triage/taxonomy")).json()
    assert known["name"] == "shop"
    assert {intent["name"] for intent in known["intents"]} == set(shop_taxonomy().leaves)
    assert {queue["name"] for queue in known["queues"]} == {"billing", "logistics", "sales"}
    assert known["signals"][0]["next_action"] == "Call them."
    assert "examples" not in str(known)


async def _better_model(world: World) -> str:
    """A version that was trained on many more messages, in the shadow."""
    examples = [Example(one.text, full_name(one.label)) for one in messages(15, seed=2)]
    model, _ = await asyncio.to_thread(train, examples, ENCODER)
    registry = triage_of(world).registry
    added = await registry.add(DEFAULT_WORKSPACE, KIND, model, metrics={"n": 1}, provenance=model.provenance)
    return added.version


async def test_a_promoted_model_answers_within_seconds_and_a_rollback_takes_it_back(
    world: World, client: httpx.AsyncClient
) -> None:
    assert (await client.get("/v1/triage/models")).json()["items"] == []
    parts = triage_of(world)
    await adopt(parts.registry, DEFAULT_WORKSPACE, parts.triagers.shipped)
    version = await _better_model(world)
    before = await triaged(client, REFUND)
    (first,) = (
        model["version"]
        for model in (await client.get("/v1/triage/models")).json()["items"]
        if model["state"] == "live"
    )
    assert before["intent_model"] == first

    promoted = await client.post(f"/v1/triage/models/{version}/promote")
    assert (promoted.status_code, promoted.json()["state"]) == (200, "live")
    assert promoted.json()["promoted_from"] == first
    world.clock.advance(STALE)
    after = await triaged(client, REFUND)
    assert after["intent_model"] == version
    assert after["intent"]["probability"] != before["intent"]["probability"]
    assert after["model"] != before["model"]

    back = await client.post("/v1/triage/models/rollback")
    assert (back.status_code, back.json()["version"]) == (200, first)
    world.clock.advance(STALE)
    assert await triaged(client, REFUND) | {"routing": None} == before | {"routing": None}
    again = await client.post("/v1/triage/models/rollback")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_roll_back_to")


async def test_a_version_that_is_not_there_cannot_be_promoted(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/triage/models/20260101-none/promote")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_triage_model")


async def test_another_workspace_keeps_its_model(world: World, client: httpx.AsyncClient) -> None:
    version = await _better_model(world)
    await client.post(f"/v1/triage/models/{version}/promote")
    async with world.client("other") as other:
        assert (await triaged(other, REFUND))["intent_model"] is None
    assert (await triaged(client, REFUND))["intent_model"] == version


async def test_a_live_model_that_cannot_answer_leaves_the_one_before(
    world: World, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    registry = triage_of(world).registry
    model, _ = await asyncio.to_thread(train, shop_taxonomy().examples(), HashEncoder(identity="strange@1"))
    strange = await registry.add(DEFAULT_WORKSPACE, KIND, model, metrics={}, provenance=model.provenance)
    good = await _better_model(world)
    await registry.promote(DEFAULT_WORKSPACE, KIND, good)
    assert (await triaged(client, REFUND))["intent_model"] == good

    await registry.promote(DEFAULT_WORKSPACE, KIND, strange.version)
    world.clock.advance(STALE)
    assert (await triaged(client, REFUND))["intent_model"] == good

    await registry.roll_back(DEFAULT_WORKSPACE, KIND)
    registry.path(await registry.get(DEFAULT_WORKSPACE, KIND, good)).joinpath("model.json").unlink()
    world.clock.advance(STALE)
    assert (await triaged(client, REFUND))["intent_model"] == good


async def test_a_new_taxonomy_replaces_what_shipped_but_not_what_was_learned(world: World) -> None:
    parts, space = triage_of(world), DEFAULT_WORKSPACE
    await renew(parts.registry, [space], parts.triagers.shipped)
    assert await parts.registry.live(space, KIND) is None

    older, _ = await asyncio.to_thread(train, shop_taxonomy().examples()[:-1], ENCODER)
    for provenance, replaced in ((older.provenance, True), (older.provenance | {"corrections": [1]}, False)):
        world.clock.advance(timedelta(days=1))
        added = await parts.registry.add(space, KIND, older, metrics={}, provenance=provenance)
        await parts.registry.promote(space, KIND, added.version)
        await renew(parts.registry, [space], parts.triagers.shipped)
        live = await parts.registry.live(space, KIND)
        assert live is not None
        assert (live.version != added.version) is replaced
