"""What is to be expected, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest

from evals.simulators.customer_base import draw_customers
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from signals.predictions import churn_watch, contact_outlook, incident_watch
from signals.predictions.churn import ChurnRow, fit_churn
from signals.predictions.churn_storage import churn_record
from tests.api.conftest import OTHER, World

pytestmark = pytest.mark.anyio
DAY = timedelta(days=1)


async def found(world: World, name: str, result: Mapping[str, Any], workspace: WorkspaceId) -> None:
    """Let the duty ``name`` have come to ``result``."""
    assert world.services.outlook is not None
    duties = world.services.outlook.duties
    duty = await duties.begin(workspace, name, world.clock.now())
    assert duty is not None
    await duties.finish(duty, result=result)


async def customer(client: httpx.AsyncClient) -> str:
    body = {"identities": [{"kind": "external", "value": "C-1"}]}
    made = await client.post("/v1/customers", json=body)
    return f"/v1/customers/{made.json()['customer']['id']}"


async def test_before_the_first_night_nothing_is_known(client: httpx.AsyncClient) -> None:
    forecast = (await client.get("/v1/insights/forecast")).json()
    assert forecast == {"made_at": None, "queues": [], "error": None}
    incidents = (await client.get("/v1/insights/incidents")).json()
    assert (incidents["looked_at"], incidents["items"]) == (None, [])
    churn = (await client.get(await customer(client))).json()["churn"]
    assert churn["probability"] is None
    assert "No night" in churn["why_not"]


async def test_a_forecast_is_that_of_the_last_night_and_of_no_other_workspace(
    world: World, client: httpx.AsyncClient
) -> None:
    assert world.services.outlook is not None
    result = await world.services.outlook.contacts.refresh(DEFAULT_WORKSPACE, at=world.clock.now())
    assert result == {"queues": []}
    short = {"queue": "billing", "days_known": 12, "days_needed": 84}
    await found(world, contact_outlook.DUTY, {"queues": [short]}, DEFAULT_WORKSPACE)
    (queue,) = (await client.get("/v1/insights/forecast")).json()["queues"]
    assert (queue["queue"], queue["days_known"], queue["days_needed"]) == ("billing", 12, 84)
    assert (queue["days"], queue["shortage"]) == ([], None)
    theirs = {"queues": [{**short, "queue": "secret"}]}
    await found(world, contact_outlook.DUTY, theirs, OTHER)
    assert "secret" not in (await client.get("/v1/insights/forecast")).text


async def test_incidents_are_those_of_the_last_look(world: World, client: httpx.AsyncClient) -> None:
    spike = {
        "intent": "network.outage", "since": "2026-01-01T09:00:00+00:00", "at": "2026-01-01T09:10:00+00:00",
        "count": 30, "expected": 3.1, "ended_at": None,
    }  # fmt: skip
    look = {"incidents": [spike], "looked_at": "2026-01-01T09:15:00+00:00"}
    await found(world, incident_watch.DUTY, look, DEFAULT_WORKSPACE)
    answer = (await client.get("/v1/insights/incidents")).json()
    assert answer["looked_at"] == "2026-01-01T09:15:00Z"
    assert [(one["intent"], one["count"]) for one in answer["items"]] == [("network.outage", 30)]
    async with world.client("other") as stranger:
        assert (await stranger.get("/v1/insights/incidents")).json()["items"] == []


async def test_a_customer_comes_with_the_probability_to_leave_and_its_reasons(
    world: World, client: httpx.AsyncClient
) -> None:
    base = draw_customers(600, seed=4)
    rows = [ChurnRow(row, bool(left)) for row, left in zip(base.rows(), base.left, strict=True)]
    model = fit_churn(rows)
    await found(world, churn_watch.DUTY, {"model": churn_record(model)}, DEFAULT_WORKSPACE)
    path = await customer(client)
    before = (await client.get(path)).json()["churn"]
    for number in range(3):
        at = (world.clock.now() - number * DAY).isoformat()
        event = {"kind": "payment", "name": "payment_failed", "occurred_at": at}
        assert (await client.post(f"{path}/events", json=event)).status_code == 201
    churn = (await client.get(path)).json()["churn"]
    assert (churn["trained_on"], churn["days"], churn["why_not"]) == (600, 60, None)
    assert churn["probability"] > before["probability"]
    failed = next(one for one in churn["contributions"] if one["feature"] == "failed_payments_90d")
    assert (failed["value"], failed["logit"] > 0) == (3.0, True)
    strengths = np.abs([one["logit"] for one in churn["contributions"]])
    assert (np.diff(strengths) <= 0).all()


async def test_of_too_few_who_left_it_says_how_many(world: World, client: httpx.AsyncClient) -> None:
    assert world.services.outlook is not None
    result = await world.services.outlook.churn.fit(DEFAULT_WORKSPACE, at=world.clock.now())
    await found(world, churn_watch.DUTY, result, DEFAULT_WORKSPACE)
    churn = (await client.get(await customer(client))).json()["churn"]
    assert "0 of 25 customers who left are known" in churn["why_not"]


async def test_failed_payments_that_are_posted_are_a_signal(client: httpx.AsyncClient) -> None:
    path = await customer(client)
    for number in range(3):
        event = {"kind": "payment", "name": "payment_failed", "external_id": f"p{number}"}
        assert (await client.post(f"{path}/events", json=event)).status_code == 201
    kinds = [one["kind"] for one in (await client.get("/v1/signals")).json()["items"]]
    assert kinds == ["payment_problem"]
