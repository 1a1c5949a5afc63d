from __future__ import annotations

import httpx
import pytest

from tests.api.conftest import QUOTE

pytestmark = pytest.mark.anyio


async def open_one(client: httpx.AsyncClient) -> str:
    response = await client.post("/v1/conversations", json={})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def test_a_question_gets_an_answer_with_citations(client: httpx.AsyncClient) -> None:
    conversation = await open_one(client)
    response = await client.post(f"/v1/conversations/{conversation}/messages", json={"text": "How long?"})
    assert response.status_code == 201, response.text
    turn = response.json()
    assert turn["message"]["text"] == "How long?"
    assert turn["reply"]["kind"] == "answer"
    assert [item["number"] for item in turn["reply"]["citations"]] == [1, 2, 1]
    assert turn["reply"]["citations"][0]["quote"] == QUOTE
