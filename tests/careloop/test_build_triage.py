from __future__ import annotations

import asyncio
import runpy
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from careloop.build import build, build_app, running
from careloop.build_triage import own_names, taxonomy_file, triage_models
from careloop.settings import (
    BotSettings,
    EncoderSettings,
    LlmSettings,
    SecondOpinionSettings,
    Settings,
    TriageSettings,
)
from inference.fakes import HashEncoder
from kit.errors import Misconfigured
from kit.ids import DEFAULT_WORKSPACE
from tests.api.tiny_triage import shop_taxonomy
from tests.careloop.language_model import QuotingModel, serving
from tests.conftest import ROOT
from triage.errors import RoutingInvalid
from triage.taxonomy import shipped

pytestmark = pytest.mark.anyio

BILL = "I want a refund. You charged me twice, and if it happens again I am off to Zephyr."
VIP = "rules:\n- {name: vip, when: {fact: tier, equals: gold}, then: {queue: billing}}\n"


def _settings(folder: Path, *, cache: Path = ROOT / "var" / "models", **triage: Any) -> Settings:
    encoder = EncoderSettings(cache_dir=cache)
    return Settings(_env_file=None, data_dir=folder, encoder=encoder, triage=TriageSettings(**triage))


async def test_a_fresh_server_triages_and_routes_by_what_ships(tmp_path: Path) -> None:
    async with build(_settings(tmp_path, competitors="Zephyr, Nimbus")) as parts, running(parts):
        transport = httpx.ASGITransport(build_app(parts), client=("127.0.0.1", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            known = (await client.get("/v1/triage/taxonomy")).json()
            (said,) = (await client.post("/v1/triage", json={"text": BILL})).json()["results"]
            made = await client.post("/v1/tickets", json={"text": BILL})
        assert parts.triage is not None
        assert await parts.triage.registry.history(DEFAULT_WORKSPACE, "intent") == []
    assert known["name"] == "telecom"
    assert said["intent"]["name"] in {intent["name"] for intent in known["intents"]}
    assert said["queue"]["name"] == "billing"
    assert "competitor" in {signal["name"] for signal in said["signals"]}
    assert said["routing"]["first_response_due"] is not None
    assert made.json()["ticket"]["labels"]["model"] == said["model"]


async def test_triage_can_be_turned_off(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    for folder in (ROOT / "var" / "models").glob("encoder-*"):
        (cache / folder.name).symlink_to(folder)
    async with build(_settings(tmp_path, cache=cache, enabled=False)) as parts, running(parts):
        assert parts.triage is None
        transport = httpx.ASGITransport(build_app(parts), client=("127.0.0.1", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            response = await client.post("/v1/triage", json={"text": BILL})
    assert response.json()["code"] == "triage_off"
    assert list(cache.glob("triage-*")) == []


async def test_rules_of_the_company_take_the_place_of_those_that_ship(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(VIP)
    async with build(_settings(tmp_path, routing=rules)) as parts:
        assert parts.triage is not None
        assert parts.triage.router is not None
        assert [rule.name for rule in parts.triage.router.rules] == ["vip"]


async def test_rules_that_name_an_intent_there_is_not_are_refused_at_start(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(VIP.replace("{fact: tier, equals: gold}", "{intent: biling}"))
    with pytest.raises(RoutingInvalid, match="'billing' was meant"):
        async with build(_settings(tmp_path, routing=rules)):
            pass


async def test_a_language_model_gives_a_second_opinion_where_triage_is_in_doubt(tmp_path: Path) -> None:
    model = QuotingModel(says='{"label": "billing.refund_request", "reason": "Wants money back."}')
    asked = SecondOpinionSettings(enabled=True, low=0.0, high=1.0, share=1.0, input_price=500_000.0)
    with serving(model) as url:
        settings = _settings(tmp_path, second_opinion=asked)
        settings.llm = LlmSettings(model="quoting-1", base_url=url, api_key=SecretStr("none"))
        async with build(settings) as parts, running(parts):
            transport = httpx.ASGITransport(build_app(parts), client=("127.0.0.1", 5000))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                sent = {"text": "hm, that thing again, you know. jo@example.org"}
                made = (await client.post("/v1/tickets", json=sent)).json()["ticket"]
                assert made["certainty"] == "not_sure"
                while True:
                    ticket = (await client.get(f"/v1/tickets/{made['id']}")).json()
                    if ticket["second_opinion"] is not None:
                        break
                    await asyncio.sleep(0.02)
                report = (await client.get("/v1/triage/second-opinions")).json()
    opinion = ticket["second_opinion"]
    assert (opinion["model"], opinion["failure"]) == ("quoting-1", None)
    assert (opinion["input_tokens"], opinion["output_tokens"]) == (1, 1)
    assert (report["enabled"], report["asked"], report["cost"]) == (True, 1, 0.5)
    assert ticket["intent"] == made["intent"]
    (request,) = model.requests
    assert "jo@example.org" not in str(request)
    known = next(intent for intent in parts.triage.taxonomy.leaves.values() if intent.name in str(request))  # type: ignore[union-attr]
    assert known.title in request["messages"][0]["content"]


async def test_a_second_opinion_needs_a_language_model(tmp_path: Path) -> None:
    settings = _settings(tmp_path, second_opinion=SecondOpinionSettings(enabled=True))
    with pytest.raises(Misconfigured, match="CARELOOP_LLM__MODEL"):
        async with build(settings):
            pass


async def test_the_night_is_set_as_a_time_of_day(tmp_path: Path) -> None:
    async with build(_settings(tmp_path, learn_at="03:15 Europe/Berlin")) as parts:
        assert parts.triage is not None
        assert parts.triage.learn_at == time(3, 15, tzinfo=ZoneInfo("Europe/Berlin"))


def test_a_taxonomy_is_named_or_a_file(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("name: own")
    assert taxonomy_file(_settings(tmp_path, taxonomy="ecommerce")) == shipped()["ecommerce"]
    assert taxonomy_file(_settings(tmp_path, taxonomy=str(own))) == own
    with pytest.raises(Misconfigured, match=r"CARELOOP_TRIAGE__TAXONOMY is bank.*ecommerce, telecom"):
        taxonomy_file(_settings(tmp_path, taxonomy="bank"))


@pytest.mark.parametrize(
    ("company", "names"),
    [
        ("Brightwater Broadband", ("Brightwater Broadband", "Brightwater")),
        ("The Phone Company", ("The Phone Company",)),
        ("Zephyr", ("Zephyr", "Zephyr")),
    ],
)
def test_a_company_is_known_by_its_name_and_its_first_word(
    tmp_path: Path, company: str, names: tuple[str, ...]
) -> None:
    settings = _settings(tmp_path)
    settings.bot = BotSettings(company=company)
    assert own_names(settings) == names
    settings.triage.brands = ("BW", "brightwater")
    assert own_names(settings) == ("BW", "brightwater")


def test_models_are_trained_once(tmp_path: Path) -> None:
    told: list[str] = []
    settings = _settings(tmp_path, cache=tmp_path / "models")
    encoder = HashEncoder(dimensions=16)
    first = triage_models(settings, shop_taxonomy(), encoder, told=told.append)
    assert told
    told.clear()
    again = triage_models(settings, shop_taxonomy(), encoder, told=told.append)
    assert (told, again.version) == ([], first.version)


def test_setup_prepares_what_is_configured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    runpy.run_module("careloop.prepare", run_name="__main__")
    assert "Triage ready: telecom, version " in capsys.readouterr().out
    monkeypatch.setenv("CARELOOP_TRIAGE__ENABLED", "false")
    runpy.run_module("careloop.prepare", run_name="__main__")
    assert capsys.readouterr().out == ""


def test_a_risk_is_a_share() -> None:
    with pytest.raises(ValidationError, match="less than 1"):
        TriageSettings(risk=5)
