"""``careloop customers`` over a database that holds a few."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from careloop.cli.customers import read_identity
from customers import CustomerBook, EventKind, Identity, IdentityKind, NewEvent, Profile
from customers.errors import IdentityInvalid
from kit.clock import SystemClock
from kit.ids import DEFAULT_WORKSPACE
from store.encryption import Cipher, load_or_create_key
from store.engine import Database, sqlite_url
from tests.careloop.test_cli import Careloop, careloop, data_dir

__all__ = ["careloop", "data_dir"]  # fixtures


@pytest.fixture
def people(careloop: Careloop, data_dir: Path) -> None:
    """Ada, known by her e-mail address, and a visitor, with an event each."""
    assert careloop("workspaces", "list").exit_code == 0  # makes the database
    key = load_or_create_key(data_dir / "encryption.key")
    book, now = CustomerBook(Cipher(key), key), SystemClock().now()

    async def fill() -> None:
        database = Database(sqlite_url(data_dir.resolve() / "careloop.db"))
        for number, identity in enumerate(
            (Identity(IdentityKind.EMAIL, "ada@example.com"), Identity(IdentityKind.VISITOR, "v1"))
        ):
            async with database.write() as connection:
                made = await book.registry.resolve(
                    connection, DEFAULT_WORKSPACE, [identity], now=now, profile=Profile("Ada", "[bold]")
                )
                event = NewEvent(EventKind.CHAT, "message", "test", str(number), now)
                await book.record(connection, DEFAULT_WORKSPACE, made.customer.id, event, now=now)
        await database.close()

    asyncio.run(fill())


@pytest.mark.usefixtures("people")
def test_a_customer_is_shown_exported_merged_and_erased(careloop: Careloop, tmp_path: Path) -> None:
    shown = careloop("customers", "show", "ADA@example.com")
    assert shown.exit_code == 0, shown.output
    for word in ("Ada [bold]", "ada@example.com", "consideration", "of 100", "chat: message"):
        assert word in shown.stdout
    visitor = json.loads(careloop("customers", "show", "visitor:v1", "--json").stdout)["customer"]["id"]
    merged = json.loads(careloop("customers", "merge", visitor, "ada@example.com", "--json").stdout)
    survivor = merged["customer"]["id"]
    assert merged["merges"][0]["survivor"] == survivor
    assert careloop("customers", "merge", visitor, survivor).exit_code == 2

    file = tmp_path / "ada.json"
    assert careloop("customers", "export", survivor, "--out", str(file)).exit_code == 0
    exported = json.loads(file.read_text())
    assert (len(exported["events"]), len(exported["merges"]), exported["signals"]) == (2, 1, [])
    assert file.stat().st_mode & 0o077 == 0
    taken = careloop("customers", "export", survivor, "--out", str(file))
    assert (taken.exit_code, "cannot be written" in taken.stderr) == (2, True)
    assert json.loads(careloop("customers", "export", visitor).stdout)["customer"]["id"] == survivor

    refused = careloop("customers", "erase", survivor)
    assert refused.exit_code == 1  # nobody said yes
    erased = careloop("customers", "erase", "visitor:v1", "--yes")
    assert all(name in erased.stdout for name in merged["customer"]["absorbed"])
    gone = careloop("customers", "show", "ada@example.com")
    assert (gone.exit_code, gone.stderr.strip()) == (2, "Error: Nobody is known by that.")


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("ada@example.com", Identity(IdentityKind.EMAIL, "ada@example.com")),
        ("+44 20 7946 0000", Identity(IdentityKind.PHONE, "+44 20 7946 0000")),
        ("external:K:1", Identity(IdentityKind.EXTERNAL, "K:1")),
        ("crm:hubspot:42", Identity(IdentityKind.CRM, "42", "hubspot")),
    ],
)
def test_a_customer_is_named_by_what_they_are_known_by(text: str, identity: Identity) -> None:
    assert read_identity(text) == identity


def test_what_names_nobody_is_refused_with_what_would() -> None:
    with pytest.raises(IdentityInvalid, match="crm:SYSTEM:ID"):
        read_identity("ada")
