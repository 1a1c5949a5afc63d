"""``careloop connectors``, against a server that behaves like HubSpot."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from bench.contract.hubspot import HubSpotVendor
from bench.contract.server import ContractServer
from tests.careloop.test_cli import Careloop, careloop, data_dir

__all__ = ["careloop", "data_dir"]  # fixtures

TOKEN = "pat-eu1-right"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ContractServer(HubSpotVendor(token=TOKEN)) as server:
        yield server.url


def turn_on(monkeypatch: pytest.MonkeyPatch, url: str, token: str) -> None:
    settings = {"token": token, "client_secret": "secret", "base_url": url}
    monkeypatch.setenv(
        "CARELOOP_CONNECTORS",
        json.dumps({"crm": {"kind": "hubspot", "settings": settings, "concurrency": 3}}),
    )


def test_a_connector_that_is_set_up_right_is_ready(
    careloop: Careloop, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    turn_on(monkeypatch, url, TOKEN)

    result = careloop("connectors", "test", "crm")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("crm: ready.")


def test_wrong_credentials_are_told_without_being_repeated(
    careloop: Careloop, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    turn_on(monkeypatch, url, "pat-eu1-wrong")

    result = careloop("connectors", "test", "crm")

    assert result.exit_code == 1
    assert result.stdout.startswith("crm: not ready.")
    assert "pat-eu1-wrong" not in result.output


def test_those_that_are_on_are_listed_and_another_is_not_known(
    careloop: Careloop, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    turn_on(monkeypatch, url, TOKEN)

    listed = careloop("connectors", "list")
    unknown = careloop("connectors", "test", "sales")

    assert [word in listed.stdout for word in ("crm", "hubspot", "3")] == [True] * 3
    assert unknown.exit_code == 2
    assert "on are: crm" in unknown.output


def test_a_backfill_needs_a_connector_that_takes_many(
    careloop: Careloop, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    turn_on(monkeypatch, url, TOKEN)
    alone = careloop("connectors", "backfill", "crm")
    assert alone.exit_code == 2
    assert "no way for many" in alone.output
    segment = {"write_key": "right", "base_url": url}
    monkeypatch.setenv("CARELOOP_CONNECTORS", json.dumps({"cdp": {"kind": "segment", "settings": segment}}))
    tried = careloop("connectors", "backfill", "cdp", "--dry-run")
    assert tried.stdout == "0 would be told, 0 withheld, 0 refused.\n"
