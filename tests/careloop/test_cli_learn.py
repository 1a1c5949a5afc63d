"""``careloop learn``, ``careloop models`` and ``careloop opinions``, over a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from careloop.build import encryption_key
from careloop.settings import Settings
from kit.clock import ManualClock, SystemClock
from kit.ids import DEFAULT_WORKSPACE
from store.access import Access
from store.encryption import Cipher
from store.engine import Database, sqlite_url
from store.migrate import upgrade
from tests.careloop.test_cli import Careloop, careloop, data_dir
from tests.triage.test_opinion_store import OPINION
from triage.corrections import Correction, CorrectionSource, LabelKind
from triage.learning_ledger import LearningLedger, StartedBy
from triage.opinion_store import OpinionStore
from triage.text_hash import TextHash
from triage.tickets import NewTicket, TicketStore

__all__ = ["careloop", "data_dir"]  # fixtures

CLOCK = ManualClock()
SAID = ("Money back for the double payment, please.", "Return what you took twice.", "I was charged twice.")


@pytest.fixture
def prepared(data_dir: Path) -> Callable[[Callable[[Database, Cipher], Awaitable[None]]], None]:
    """Runs work over the database of the commands, which has the default workspace."""

    def run(work: Callable[[Database, Cipher], Awaitable[None]]) -> None:
        url = sqlite_url(data_dir / "careloop.db")
        upgrade(url)

        async def within() -> None:
            database = Database(url)
            await Access(database, CLOCK).ensure_workspace(DEFAULT_WORKSPACE, name="Test")
            await work(database, Cipher(encryption_key(Settings(_env_file=None, data_dir=data_dir))))
            await database.close()

        asyncio.run(within())

    return run


async def corrected(database: Database, cipher: Cipher) -> None:
    store = TicketStore(cipher, TextHash(b"k" * 32)).corrections
    async with database.write() as connection:
        for text in SAID:
            said = Correction(
                text,
                LabelKind.INTENT,
                "billing.double_charge",
                None,
                "ada",
                CorrectionSource.API,
                CLOCK.now(),
            )
            await store.append(connection, DEFAULT_WORKSPACE, said)


@pytest.mark.slow
def test_it_learns_on_demand_and_goes_one_version_back(
    careloop: Careloop, prepared: Callable[..., None], tmp_path: Path
) -> None:
    assert careloop("models", "list").stdout == "Nothing was learned yet: the model that ships answers.\n"
    prepared(corrected)
    learned = careloop("learn")
    assert learned.exit_code == 0, learned.output
    assert learned.stdout.startswith("Waiting: ")
    assert "3 different messages are new; 40 are needed to judge." in learned.stdout
    run = json.loads(careloop("learn", "--json").stdout)
    assert (run["started_by"], run["outcome"], run["error"]) == ("command", "waiting", None)

    (model,) = json.loads(careloop("models", "list", "--json").stdout)["items"]
    assert (model["version"], model["state"]) == (run["live"], "live")
    assert f"{run['live']} | live" in " ".join(careloop("models", "list").stdout.replace("│", "|").split())
    assert careloop("models", "promote", run["live"]).stdout == f"{run['live']} answers.\n"
    back = careloop("models", "rollback")
    assert back.exit_code == 2
    assert "No intent model was live before the present one." in back.stderr
    unknown = careloop("models", "promote", "20260101-none")
    assert (unknown.exit_code, unknown.stderr) == (2, "Error: There is no intent model 20260101-none.\n")


def test_what_another_server_is_learning_is_left_to_it(
    careloop: Careloop, prepared: Callable[..., None]
) -> None:
    async def begun(database: Database, _: Cipher) -> None:
        ledger = LearningLedger(database, clock=SystemClock())
        await ledger.begin(DEFAULT_WORKSPACE, started_by=StartedBy.NIGHT)

    prepared(begun)
    refused = careloop("learn")
    assert refused.exit_code == 2
    assert "The workspace is learning already" in refused.stderr


def test_a_workspace_that_is_not_there_is_named(careloop: Careloop) -> None:
    for command in (["learn"], ["models", "list"], ["models", "rollback"], ["opinions"]):
        result = careloop(*command, "--workspace", "acme")
        assert (result.exit_code, result.stderr) == (2, "Error: There is no workspace acme.\n")


def test_where_triage_is_off_nothing_is_learned(careloop: Careloop) -> None:
    result = careloop("learn", CARELOOP_TRIAGE__ENABLED="false")
    assert (result.exit_code, "CARELOOP_TRIAGE__ENABLED" in result.stderr) == (2, True)


def test_second_opinions_are_reported_with_their_price(
    careloop: Careloop, prepared: Callable[..., None]
) -> None:
    async def asked(database: Database, cipher: Cipher) -> None:
        tickets, opinions = TicketStore(cipher, TextHash(b"k" * 32)), OpinionStore(cipher)
        for number, seconds in enumerate((0.5, 1.5)):
            async with database.write() as connection:
                new = NewTicket("desk", str(number), "Where is the lamp?")
                made, _ = await tickets.create_or_get(connection, DEFAULT_WORKSPACE, new, at=CLOCK.now())
                opinion = replace(OPINION, seconds=seconds, input_tokens=500_000, output_tokens=250_000)
                at = CLOCK.now() + timedelta(days=number)
                await opinions.add(connection, DEFAULT_WORKSPACE, made.id, opinion, at=at)

    assert careloop("opinions").stdout.startswith("0 asked, 0 answered")
    prepared(asked)
    prices = {
        "CARELOOP_TRIAGE__SECOND_OPINION__INPUT_PRICE": "2",
        "CARELOOP_TRIAGE__SECOND_OPINION__OUTPUT_PRICE": "8",
    }
    said = careloop("opinions", **prices).stdout
    assert "2 asked, 2 answered" in said
    assert "Tokens: 1,000,000 in, 500,000 out; 1.0 seconds an answer.\nCost: 6.00." in said
    found = json.loads(careloop("opinions", "--json", "--since", "2026-01-02", **prices).stdout)
    assert (found["asked"], found["cost"], found["enabled"]) == (1, 3.0, False)
    assert json.loads(careloop("opinions", "--json").stdout)["cost"] is None
