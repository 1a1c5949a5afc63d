"""Approved claims over HTTP: listed, asked about a text, and what answers were kept from saying."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bot.answer import Answer, AnswerKind
from bot.claim_review import TRACE
from kit.clock import ManualClock
from store.access import Scope
from tests.api.conftest import OBJECTION, World

pytestmark = pytest.mark.anyio
PATH = "/v1/claims"
AUGUST, NOVEMBER = (ManualClock(datetime(2026, month, 28, tzinfo=UTC)) for month in (8, 11))
WRONG = "Fibre 300 costs £31 a month."


async def checked(client: httpx.AsyncClient, **body: str) -> list[dict[str, Any]]:
    response = await client.post(f"{PATH}/check", json=body)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_what_is_approved_is_listed_as_it_holds_today(world: World) -> None:
    async with world.with_services(clock=NOVEMBER).client() as client:
        listed = (await client.get(PATH)).json()
    assert (listed["brand"], listed["today"]) == ("Brightwater Broadband", "2026-11-28")
    found = {(one["kind"], one["name"]): one for one in listed["items"]}
    assert "price 34, 37, 40, 42 GBP a month" in found["product", "Fibre 300"]["approved"]
    assert found["offer", "Student broadband"]["valid"] is False
    assert {kind for kind, _ in found} == {"product", "term", "statement", "offer", "tone"}


async def test_a_text_is_checked_with_places_in_code_points(client: httpx.AsyncClient) -> None:
    text = f"😀 {WRONG}"
    (found,) = await checked(client, text=text, on="2026-05-01")
    assert text[found["start"] : found["end"]] == found["text"] == "£31"
    assert (found["kind"], found["about"]) == ("wrong_number", "Fibre 300")
    assert await checked(client, text="Fibre 300 costs £34 a month.", on="2026-05-01") == []


async def test_without_a_day_it_is_today(world: World) -> None:
    async with world.with_services(clock=AUGUST).client() as client:
        assert await checked(client, text="Order student broadband now.") == []
    async with world.with_services(clock=NOVEMBER).client() as client:
        (found,) = await checked(client, text="Order student broadband now.")
        assert found["kind"] == "offer_not_valid"


async def test_a_workspace_without_claims_approves_everything(world: World) -> None:
    async with world.client("other") as client:
        assert (await client.get(PATH)).json() == {"brand": None, "today": None, "items": []}
        assert await checked(client, text=WRONG, on="2026-05-01") == []


@pytest.mark.parametrize(
    "body", [{}, {"text": ""}, {"text": "a\x00b"}, {"text": "a", "on": "soon"}, {"text": "a", "on": 86400}]
)
async def test_what_cannot_be_checked_is_refused(client: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert (await client.post(f"{PATH}/check", json=body)).status_code == 422


async def test_customers_do_not_ask(world: World) -> None:
    async with world.client(Scope.CHAT) as client:
        assert (await client.get(PATH)).status_code == 403
        assert (await client.post(f"{PATH}/check", json={"text": WRONG})).status_code == 403


async def test_agents_see_what_an_answer_did_not_say_and_customers_do_not(world: World) -> None:
    async with world.client() as agent, world.client(Scope.CHAT) as customer:
        opened = (await customer.post("/v1/conversations", json={})).json()["id"]
        path = f"/v1/conversations/{opened}/messages"
        said = (await customer.post(path, json={"text": "What is the price?"})).json()
        assert said["reply"]["claims"] == []
        _, reply = (await agent.get(path)).json()["items"]
    (found,) = reply["claims"]
    assert (found["said"], found["became"], found["document_id"]) == ("£31", "left_out", None)


async def test_objections_are_counted(world: World) -> None:
    review = world.services.claims
    assert review is not None
    answer = Answer(AnswerKind.ANSWER, "", trace={TRACE: [OBJECTION.record(), OBJECTION.record()]})
    review.note(world.config.workspace, answer)
    async with world.client() as client:
        text = (await client.get("/metrics")).text
    assert 'careloop_claim_objections_total{became="left_out",kind="wrong_number"} 2.0' in text
