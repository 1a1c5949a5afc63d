"""``careloop signals`` over a database that holds some."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from customers import ConsentChannel, ConsentState, CustomerBook, Identity, IdentityKind, NewConsent, Purpose
from kit.clock import SystemClock
from kit.ids import DEFAULT_WORKSPACE
from signals.catalogue import SHIPPED as CATALOGUE
from signals.routing import SHIPPED
from signals.signal import Signal, SignalKind
from signals.store import SignalStore
from store.access import Access
from store.encryption import Cipher, load_or_create_key
from store.engine import Database, sqlite_url
from store.migrate import upgrade
from tests.careloop.test_cli import Careloop, careloop, data_dir
from tests.signals.making import signal

__all__ = ["careloop", "data_dir"]  # fixtures


@pytest.fixture
def raised(data_dir: Path) -> Signal:
    """A signal of somebody in the database that commands work on."""
    key = load_or_create_key(data_dir / "encryption.key")
    url = sqlite_url(data_dir.resolve() / "careloop.db")
    upgrade(url)
    now, cipher = SystemClock().now(), Cipher(key)

    async def work() -> Signal:
        database = Database(url)
        await Access(database, SystemClock()).ensure_workspace(DEFAULT_WORKSPACE, name="Shop")
        async with database.write() as connection:
            book, ann = CustomerBook(cipher, key), Identity(IdentityKind.VISITOR, "ann")
            found = await book.registry.resolve(connection, DEFAULT_WORKSPACE, [ann], now=now)
            made = signal(SignalKind.UPSELL, customer_id=found.customer.id, why=("rule: team sales",))
            made = replace(made, created_at=now, updated_at=now, next_action="Call.")
            await SignalStore(cipher).put(connection, made, origin="msg_1")
        await database.close()
        return made

    return asyncio.run(work())


def test_signals_are_listed_shown_settled_and_reported(careloop: Careloop, raised: Signal) -> None:
    assert raised.id in careloop("signals", "list", "--kind", "upsell", "--since", "1d").stdout
    assert "No signal" in careloop("signals", "list", "--state", "closed").stdout
    listed = json.loads(careloop("signals", "list", "--json").stdout)
    assert [one["id"] for one in listed] == [raised.id]
    won = careloop("signals", "outcome", raised.id, "won", "--amount", "99", "--currency", "GBP")
    assert (won.exit_code, won.stdout) == (0, f"{raised.id} is closed.\n")
    shown = careloop("signals", "show", raised.id).stdout
    for words in ("upsell of", "closed", '"cancel my line"', "next: Call.", "rule: team sales", "won 99 GBP"):
        assert words in shown
    assert (
        json.loads(careloop("signals", "show", raised.id, "--json").stdout)["outcomes"][0]["amount"] == 99.0
    )
    table = careloop("signals", "precision").stdout
    assert "upsell by triage" in table
    assert "99.00 GBP" in table
    assert json.loads(careloop("signals", "precision", "--json").stdout)["total"]["told"] == 1


def test_thresholds_are_tuned_and_rows_exported(careloop: Careloop, raised: Signal, tmp_path: Path) -> None:
    assert "fewer than 20 outcomes" in careloop("signals", "tune").stdout
    tuned = json.loads(careloop("signals", "tune", "--json").stdout)
    assert len(tuned) == len(SignalKind)
    file = tmp_path / "rows.jsonl"
    assert "0 rows" in careloop("signals", "export", str(file)).stdout
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("", 0o600)


def test_what_is_not_there_or_cannot_be_is_said_plainly(careloop: Careloop, raised: Signal) -> None:
    missing = careloop("signals", "show", "sig_none")
    assert (missing.exit_code, missing.stderr) == (2, "Error: There is no signal sig_none.\n")
    alone = careloop("signals", "outcome", raised.id, "won", "--amount", "99")
    assert alone.exit_code == 2
    assert "needs a currency" in alone.stderr
    off = careloop("signals", "list", CARELOOP_SIGNALS__ENABLED="false")
    assert off.exit_code == 2
    assert "CARELOOP_SIGNALS__ENABLED" in off.stderr


def test_rules_are_checked_with_line_place_and_reason(careloop: Careloop, tmp_path: Path) -> None:
    good = careloop("signals", "routing-check", str(SHIPPED))
    assert (good.exit_code, good.stdout) == (0, f"{SHIPPED}: nothing is wrong.\n")
    assert careloop("signals", "routing-check", str(CATALOGUE), "--holds", "catalogue").exit_code == 0
    file = tmp_path / "rules.yaml"
    file.write_text(SHIPPED.read_text().replace("equals: qualified}", "equal: qualified}"))
    bad = careloop("signals", "routing-check", str(file), "--json")
    assert bad.exit_code == 1
    problems = json.loads(bad.stdout)["problems"]
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "equal:" in text)
    assert {(one["line"], one["place"]) for one in problems} >= {(line, "rules[4].when.equal")}
    assert "rules[4].when" in careloop("signals", "routing-check", str(file)).stdout
    file.write_text("{")
    broken = json.loads(careloop("signals", "routing-check", str(file), "--json").stdout)
    assert "not YAML" in broken["problems"][0]["reason"]


def test_a_sheet_has_those_who_consent_and_says_how_many_were_withheld(
    careloop: Careloop, raised: Signal, data_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "signals.csv"
    before = careloop("signals", "sheet", str(file))
    assert (before.exit_code, before.stdout.splitlines()[-1]) == (
        0,
        f"0 rows in {file}, 1 withheld for want of consent.",
    )
    asyncio.run(_consent(data_dir, raised))
    after = careloop("signals", "sheet", str(file), "--contacts", "--kind", "upsell")
    assert after.stdout == f"1 rows in {file}, 0 withheld for want of consent.\n"
    assert raised.id in file.read_text(encoding="utf-8")
    assert careloop("signals", "sheet", str(file), "--purpose", "marketing").stdout.startswith("0 rows")
    wrong = careloop("signals", "sheet", str(tmp_path / "signals.xlsx"))
    assert (wrong.exit_code, wrong.stderr) == (2, "Error: The file's name has to end in .csv or .parquet.\n")


async def _consent(data_dir: Path, raised: Signal) -> None:
    key = load_or_create_key(data_dir / "encryption.key")
    database, now = Database(sqlite_url(data_dir.resolve() / "careloop.db")), SystemClock().now()
    said = NewConsent(Purpose.SALES, ConsentChannel.ANY, ConsentState.GRANTED, "form", now)
    async with database.write() as connection:
        book = CustomerBook(Cipher(key), key)
        await book.consent(connection, DEFAULT_WORKSPACE, raised.customer_id, said, now=now)
    await database.close()
