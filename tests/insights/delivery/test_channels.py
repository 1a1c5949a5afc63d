"""Webhooks and folders: what arrives there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bench.contract.server import ContractServer
from bench.contract.webhook import SECRET, WebhookReceiver
from insights.delivery.edition import Edition
from insights.delivery.folder import FolderChannel
from insights.delivery.webhook import WebhookChannel
from insights.errors import DigestNotDelivered
from kit.clock import SystemClock
from kit.ids import DEFAULT_WORKSPACE
from signals.connectors.settings import HttpSettings
from signals.connectors.waiting import ManualWaiting
from signals.connectors.webhook.settings import WebhookSettings
from tests.insights.weeks import full

pytestmark = pytest.mark.anyio
WRONG = SECRET[:-4] + "AAA="


@pytest.fixture(scope="module")
def edition() -> Edition:
    return Edition(DEFAULT_WORKSPACE, full())


def _channel(url: str, secret: str = SECRET, **changes: Any) -> WebhookChannel:
    values = {"url": f"{url}/hook", "secrets": (secret,), "allow_private": True, **changes}
    settings = WebhookSettings(http=HttpSettings(attempts=1), **values)
    # The receiver's library asks the machine for the time.
    return WebhookChannel(settings, clock=SystemClock(), waiting=ManualWaiting())


async def test_a_webhook_is_a_signed_event_with_all_of_it(edition: Edition) -> None:
    vendor = WebhookReceiver()
    with ContractServer(vendor) as server:
        await _channel(server.url).deliver(edition)
        await _channel(server.url).deliver(edition)
    assert vendor.arrivals == 2
    ((name, event),) = vendor.events.items()  # twice under one id is once
    assert (name, event["id"]) == ("digest:default:2026-W48",) * 2
    assert (event["type"], event["subject"]) == ("careloop.digest", "2026-W48")
    assert event["data"]["contacts"] == 61
    assert event["data"]["markdown"].startswith("# Brightwater & Co: week 48")


async def test_a_receiver_that_refuses_is_told_of(edition: Edition) -> None:
    vendor = WebhookReceiver()
    with ContractServer(vendor) as server:
        with pytest.raises(DigestNotDelivered, match="401"):
            await _channel(server.url, WRONG).deliver(edition)
        vendor.status = 503
        with pytest.raises(DigestNotDelivered, match="503"):
            await _channel(server.url).deliver(edition)
        with pytest.raises(DigestNotDelivered, match="not an address of the open internet"):
            secure = server.url.replace("http://", "https://")
            await _channel(secure, allow_private=False).deliver(edition)
    assert vendor.events == {}


async def test_a_folder_has_every_form_and_the_pictures_of_the_text(edition: Edition, tmp_path: Path) -> None:
    channel = FolderChannel(tmp_path / "digests")
    await channel.deliver(edition)
    await channel.deliver(edition)
    folder = tmp_path / "digests" / "default" / "2026-W48"
    assert {file.name for file in folder.iterdir()} == {
        "digest.html", "digest.json", "digest.md", "endings.png", "themes.png", "volume.png",
    }  # fmt: skip
    named = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", (folder / "digest.md").read_text())
    assert sorted(named) == ["endings.png", "themes.png", "volume.png"]
    assert json.loads((folder / "digest.json").read_text())["week"] == "2026-W48"
    assert (folder / "digest.html").read_text().startswith("<!DOCTYPE html>")


async def test_a_folder_that_cannot_be_written_is_told_of(edition: Edition, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DigestNotDelivered, match="cannot be written"):
        await FolderChannel(tmp_path / "file").deliver(edition)
