"""Every bad input gets problem details, and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
import structlog
from structlog.testing import capture_logs

from kit.errors import CareloopError, Misconfigured, Unavailable
from store.errors import DatabaseUnwritable
from tests.api.conftest import World
from tests.api.test_conversations import open_one, say

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Case:
    name: str
    content: bytes
    status: int
    code: str
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


CASES = (
    Case("no body", b"", 422, "invalid_input"),
    Case("empty text", b'{"text": ""}', 422, "invalid_input"),
    Case("blank text", b'{"text": "  \\n "}', 422, "invalid_input"),
    Case("8,001 characters", b'{"text": "' + b"x" * 8001 + b'"}', 422, "invalid_input"),
    Case("1 MB", b'{"text": "' + b"x" * 2**20 + b'"}', 413, "too_large"),
    Case("broken UTF-8", b'{"text": "\xff\xfe\xfa"}', 400, "malformed"),
    Case("broken JSON", b'{"text": ', 400, "malformed"),
    Case("a lone surrogate", b'{"text": "\\ud800"}', 422, "invalid_input"),
    Case("a NUL character", b'{"text": "a\\u0000b"}', 422, "invalid_input"),
    Case("deep nesting", b"[" * 100_000, 400, "malformed"),
    Case("a huge number", b'{"text": ' + b"1" * 5000 + b"}", 400, "malformed"),
    Case("a list", b'["text"]', 422, "invalid_input"),
    Case("an unknown field", b'{"text": "a", "owner": "human"}', 422, "invalid_input"),
    Case("a form", b"text=hello", 415, "not_json", {"Content-Type": "application/x-www-form-urlencoded"}),
    Case("no content type", b'{"text": "a"}', 415, "not_json", {}),
    Case(
        "a false length",
        b"{}",
        400,
        "malformed",
        {"Content-Type": "application/json", "Content-Length": "1x"},
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_bad_messages_are_refused_and_nothing_is_stored(client: httpx.AsyncClient, case: Case) -> None:
    conversation = await open_one(client)
    path = f"/v1/conversations/{conversation}/messages"
    response = await client.post(path, content=case.content, headers=case.headers)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (case.status, case.code)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == case.status
    assert problem["trace_id"] == response.headers["x-request-id"]
    assert (await client.get(path)).json()["items"] == []


async def test_a_body_without_a_length_is_counted_as_it_comes(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 10_000

    headers = {"Content-Type": "application/json"}
    response = await client.post("/v1/conversations", content=endless(), headers=headers)
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


async def test_validation_names_the_field_and_does_not_repeat_what_was_sent(
    client: httpx.AsyncClient,
) -> None:
    conversation = await open_one(client)
    path = f"/v1/conversations/{conversation}/messages"
    response = await client.post(path, json={"text": 4111111111111111, "client_id": "c"})
    assert response.json()["errors"][0]["field"] == "body.text"
    assert "4111" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/conversations/", 404),
        ("GET", "/v1/conversations/conv_none", 404),
        ("GET", "/page/none.js", 404),
        ("GET", "/v1/conversations/a%20b", 422),
        ("GET", "/v1/conversations?limit=0", 422),
        ("DELETE", "/v1/conversations", 405),
    ],
)
async def test_unknown_places_are_problems_too(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    response = await client.request(method, path)
    assert (response.status_code, response.json()["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_method_that_is_not_allowed_is_told_which_are(client: httpx.AsyncClient) -> None:
    response = await client.delete("/v1/conversations")
    assert response.headers["allow"] == "GET, POST"


@dataclass(frozen=True)
class Failure:
    error: Exception
    status: int
    code: str
    retry_after: str | None = None


FAILURES = (
    Failure(
        DatabaseUnwritable("The database cannot be written: disk is full."), 503, "database_unwritable", "5"
    ),
    Failure(Unavailable("The index does not answer."), 503, "unavailable", "5"),
    Failure(Misconfigured("The model is missing.", code="model_missing"), 503, "model_missing", "5"),
    Failure(CareloopError("secret"), 500, "internal"),
    Failure(RuntimeError("secret"), 500, "internal"),
    Failure(KeyError("secret"), 500, "internal"),
)


class BrokenRetriever:
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def search(self, *_args: object, **_options: object) -> None:
        raise self.error


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: f"{failure.error!r}")
async def test_an_error_of_ours_says_what_helps_and_no_more(world: World, failure: Failure) -> None:
    broken = world.with_services(retriever=BrokenRetriever(failure.error))
    structlog.reset_defaults()
    with capture_logs() as logs:
        async with broken.client() as client:
            response = await client.get("/v1/knowledge/search?q=hello")
    assert (response.status_code, response.json()["code"]) == (failure.status, failure.code)
    assert response.headers.get("retry-after") == failure.retry_after
    assert "secret" not in response.text
    assert "secret" not in str(logs)


async def test_the_log_of_a_turn_holds_no_text(world: World) -> None:
    with capture_logs() as logs:
        async with world.client() as client:
            await say(client, await open_one(client), "My name is Zanzibar")
    assert logs
    assert "Zanzibar" not in str(logs)
    assert {entry["route"] for entry in logs if entry["event"] == "request"} == {
        "/v1/conversations", "/v1/conversations/{conversation_id}/messages",
    }  # fmt: skip
