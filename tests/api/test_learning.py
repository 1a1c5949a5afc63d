from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.learning import LearningRuns
from api.triagers import KIND, load_intents
from inference.fakes import HashEncoder
from kit.ids import DEFAULT_WORKSPACE
from tests.api.conftest import World
from tests.api.test_triage import REFUND, STALE, triage_of, triaged
from tests.api.tiny_triage import full_name, shop_triage, tiny_models
from tests.triage.shop import messages
from triage.learning_ledger import CUT_SHORT, StartedBy

pytestmark = pytest.mark.anyio


async def learned(client: httpx.AsyncClient) -> dict[str, Any]:
    started = await client.post("/v1/triage/learn")
    assert (started.status_code, started.json()["finished_at"]) == (202, None)
    again = await client.post("/v1/triage/learn")
    assert (again.status_code, again.json()["code"]) == (409, "learning_under_way")
    while True:
        run = (await client.get("/v1/triage/learn")).json()
        if run["finished_at"] is not None:
            found: dict[str, Any] = run
            return found
        await asyncio.sleep(0.2)  # each question counts, and the clock of the limiter stands still


async def test_without_corrections_there_is_nothing_to_learn(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/triage/learn")).status_code == 404
    run = await learned(client)
    assert (run["outcome"], run["error"], run["tried"]) == ("waiting", None, None)
    assert run["started_by"] == "api"
    (model,) = (await client.get("/v1/triage/models")).json()["items"]
    assert (model["version"], model["state"], model["corrections"]) == (run["live"], "live", 0)


async def test_what_people_correct_makes_a_better_model_that_answers(
    world: World, client: httpx.AsyncClient
) -> None:
    for example in messages(20, seed=2):
        world.clock.advance(timedelta(minutes=1))
        ticket = (await client.post("/v1/tickets", json={"text": example.text})).json()["ticket"]
        correction = {"kind": "intent", "became": full_name(example.label)}
        response = await client.post(f"/v1/tickets/{ticket['id']}/corrections", json=correction)
        assert response.status_code == 201
    run = await learned(client)
    assert (run["outcome"], run["error"]) == ("promoted", None), run
    assert run["figures"]["hold_out"]["after"] > run["figures"]["hold_out"]["before"]
    assert run["report"].startswith(f"Promoted: {run['live']} answers.")
    world.clock.advance(STALE)
    assert (await triaged(client, REFUND))["intent_model"] == run["live"]
    versions = (await client.get("/v1/triage/models")).json()["items"]
    states = {model["state"]: model["corrections"] for model in versions}
    assert states == {"live": 120, "retired": 0}

    parts = triage_of(world)
    live = await parts.registry.get(DEFAULT_WORKSPACE, KIND, run["live"])
    own = load_intents(parts.registry.path(live)).points
    assert own is not None
    assert own.messages > tiny_models().points.messages
    answering = await parts.triagers.of(DEFAULT_WORKSPACE)
    assert answering.triager.models.points == own


async def test_learning_that_fails_says_why(world: World, tmp_path: Path) -> None:
    services = world.services
    strange = HashEncoder(identity="strange@1")
    parts = shop_triage(
        services.database, services.cipher, world.clock, tmp_path / "strange", encoder=strange
    )
    failing = world.with_services(triage=parts)
    async with failing.client() as client:
        run = await learned(client)
    assert run["outcome"] is None
    assert run["error"].startswith("triage_model_unreadable: ")


async def test_every_server_sees_a_run_and_begins_no_other(
    world: World, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    other = world.with_services()
    started = await client.post("/v1/triage/learn")
    async with other.client() as elsewhere:
        refused = await elsewhere.post("/v1/triage/learn")
        assert (refused.status_code, refused.json()["code"]) == (409, "learning_under_way")
        seen = (await elsewhere.get("/v1/triage/learn")).json()
    assert seen["started_at"] == started.json()["started_at"]


async def test_a_run_of_a_stopping_server_is_cut_short_and_can_be_begun_again(world: World) -> None:
    runs: LearningRuns = world.app.state.learning
    await runs.start(DEFAULT_WORKSPACE)
    await asyncio.sleep(0)
    await runs.stop()
    run = await runs.latest(DEFAULT_WORKSPACE)
    assert run is not None
    assert (run.report, run.error) == (None, CUT_SHORT)
    assert run.finished_at is not None
    again = await runs.learn(DEFAULT_WORKSPACE)
    assert (again.started_by, again.error) == (StartedBy.COMMAND, None)
    assert again.report is not None
    assert again.report["outcome"] == "waiting"
