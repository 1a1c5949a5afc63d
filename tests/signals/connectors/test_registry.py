"""Connectors by name, made of plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.contract.webhook import SECRET
from kit.clock import ManualClock
from kit.errors import Misconfigured
from signals.connectors.connector import Connector
from signals.connectors.mapping import SHIPPED, load_mapping
from signals.connectors.registry import KINDS, make_connector
from signals.connectors.waiting import ManualWaiting
from tests.signals.connectors.dispatches import dispatch


def _pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _values(folder: Path) -> dict[str, dict[str, Any]]:
    """The least that each connector needs."""
    return {
        "file": {"folder": folder},
        "hubspot": {"token": "secret"},
        "mailchimp": {"api_key": "secret-us21", "audience_id": "abc123"},
        "marketo": {
            "base_url": "https://123-abc-456.mktorest.com",
            "client_id": "client",
            "client_secret": "secret",
            "activity_type_id": 100001,
        },
        "salesforce": {"consumer_key": "key", "username": "u@example.com", "private_key": _pem()},
        "segment": {"write_key": "secret"},
        "webhook": {"url": "https://hooks.example.com/in", "secrets": [SECRET]},
    }


def _make(kind: str, values: dict[str, Any], **more: Any) -> Connector:
    return make_connector(kind, values, clock=ManualClock(), waiting=ManualWaiting(), **more)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_each_kind_is_made_of_the_least_and_can_say_what_it_would_send(
    kind: str, tmp_path: Path
) -> None:
    connector = _make(kind, _values(tmp_path)[kind])
    assert connector.name == kind
    assert connector.preview(dispatch())
    await connector.close()


async def test_two_of_a_kind_have_names_of_their_own(tmp_path: Path) -> None:
    values = _values(tmp_path)["webhook"]
    made = [_make("webhook", values, name=name) for name in ("warehouse", "billing")]
    assert [connector.name for connector in made] == ["warehouse", "billing"]
    for connector in made:
        await connector.close()


async def test_a_mapping_of_the_operator_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("identify:\n  mail: contact.email\n")
    connector = _make("segment", _values(tmp_path)["segment"], mapping=path)
    [call] = connector.preview(dispatch())
    assert call.body["batch"][0]["traits"] == {"mail": "ada.1@example.com"}
    await connector.close()


@pytest.mark.parametrize("kind", sorted(kind for kind, found in KINDS.items() if found.objects))
def test_each_shipped_mapping_can_be_read(kind: str) -> None:
    mapping = load_mapping(SHIPPED / f"{kind}.yaml", objects=KINDS[kind].objects)
    assert any(mapping.fields(name) for name in KINDS[kind].objects)


def test_what_is_wrong_is_named_and_not_repeated() -> None:
    with pytest.raises(Misconfigured) as wrong:
        _make("marketo", {"base_url": "http://hidden.example.com", "client_id": "c", "client_secret": 7})
    assert "base_url: " in wrong.value.detail
    assert "activity_type_id: Field required" in wrong.value.detail
    assert "hidden" not in wrong.value.detail


def test_a_kind_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(Misconfigured, match="'pigeon'; there are file, "):
        _make("pigeon", {})


def test_a_mapping_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    values = _values(tmp_path)
    with pytest.raises(Misconfigured, match="cannot be read"):
        _make("segment", values["segment"], mapping=tmp_path / "nosuch.yaml")
    with pytest.raises(Misconfigured, match="no fields to map"):
        _make("file", values["file"], mapping=tmp_path / "nosuch.yaml")
