"""``careloop worker`` asks connectors for what became of signals."""

from __future__ import annotations

import asyncio
import json
import signal as signals_of_unix
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy

from bench.contract.hubspot import HubSpotVendor
from bench.contract.server import ContractServer
from store.engine import sqlite_url
from store.migrate import sync_url, upgrade
from tests.careloop.test_cli_deliveries import _raise_signal, _until
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def _outcomes(url: str) -> list[tuple[str, str, float]]:
    engine = sqlalchemy.create_engine(sync_url(url))
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.text("SELECT outcome, source, amount FROM signal_outcomes"))
        found = [(row.outcome, row.source, row.amount) for row in rows]
    engine.dispose()
    return found


def test_a_deal_that_is_won_at_hubspot_is_an_outcome_here(tmp_path: Path) -> None:
    data = tmp_path / "var"
    data.mkdir()
    url = sqlite_url(data.resolve() / "careloop.db")
    upgrade(url)
    made, vendor = asyncio.run(_raise_signal(data, url, ())), HubSpotVendor()
    vendor.add(
        "deals", dealname="x", careloop_id=made.id, dealstage="closedwon", amount="480",
        deal_currency_code="GBP",
    )  # fmt: skip
    with ContractServer(vendor) as server, closing((tmp_path / "log").open("wb")) as log:
        settings = {"token": "pat-eu1-secret", "base_url": server.url}
        variables = {
            "CARELOOP_DATA_DIR": str(data),
            "CARELOOP_CONNECTORS": json.dumps({"crm": {"kind": "hubspot", "settings": settings}}),
            "CARELOOP_DELIVERY__POLL_SECONDS": "1",
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "careloop.cli", "worker"]
        process = subprocess.Popen(command, cwd=tmp_path, env=variables, stdout=log, stderr=log)
        try:
            _until(lambda: bool(_outcomes(url)), process)
        finally:
            process.send_signal(signals_of_unix.SIGTERM)
        assert process.wait(60) == 0
    assert _outcomes(url) == [("won", "crm", 480.0)]
