"""``careloop tickets`` and ``careloop routing`` over stored tickets and files, with the models that ship."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.clock import SystemClock
from kit.ids import DEFAULT_WORKSPACE
from store.encryption import Cipher, load_or_create_key
from store.engine import Database, sqlite_url
from tests.careloop.test_cli import Careloop, careloop, data_dir
from triage.backfill import AWAY
from triage.backfiller import Backfiller
from triage.stored_tickets import Selection
from triage.text_hash import TextHash
from triage.tickets import NewTicket, TicketStore

__all__ = ["careloop", "data_dir"]  # fixtures

BILLS = ["my bill is wrong", "why has my bill gone up this month", "you charged me twice, I want a refund"]
DOWN = ["no internet since this morning", "the broadband keeps dropping out every evening"]
GIFT = [
    f"can I pay with a gift card, gift card {word}" for word in ("please", "hello", "thanks", "now", "ok")
]
GIFT += [f"is there a gift card for {who}" for who in ("my aunt", "my son", "a friend", "christmas", "kids")]
ROUTING = {
    "rules": [
        {"name": "gold", "when": {"fact": "tier", "equals": "gold"}, "then": {"queue": "vip"}},
        {"name": "bills", "when": {"intent": "billing"}, "then": {"queue": "billing", "priority": "P1"}},
    ]
}


class Desk:
    """The database that commands work on."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir
        key = load_or_create_key(data_dir / "encryption.key")
        self.store = TicketStore(Cipher(key), TextHash(key))

    def take_in(self, texts: Sequence[str], **more: Any) -> None:
        async def work(database: Database) -> None:
            async with database.write() as connection:
                for number, text in enumerate(texts):
                    new = NewTicket("test", f"{text}{number}", text, **more)
                    await self.store.create_or_get(connection, DEFAULT_WORKSPACE, new, at=SystemClock().now())

        self._run(work)

    def abandon_a_run(self) -> None:
        """As a process leaves one that was killed a while ago."""

        async def work(database: Database) -> None:
            class Earlier(SystemClock):
                def now(self) -> Any:
                    return super().now() - AWAY

            backfiller = Backfiller(database, self.store, Earlier())
            await backfiller.start(DEFAULT_WORKSPACE, Selection(), model="another", route=True)

        self._run(work)

    def _run(self, work: Any) -> None:
        async def run() -> None:
            database = Database(sqlite_url(self._folder.resolve() / "careloop.db"))
            try:
                await work(database)
            finally:
                await database.close()

        asyncio.run(run())


@pytest.fixture
def desk(careloop: Careloop, data_dir: Path) -> Desk:
    assert careloop("workspaces", "list").exit_code == 0  # makes the database
    return Desk(data_dir)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(ROUTING, sort_keys=False))
    return file


def as_json(careloop: Careloop, *arguments: str) -> dict[str, Any]:
    result = careloop(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_stored_tickets_are_labelled_shown_and_taken_back(careloop: Careloop, desk: Desk) -> None:
    assert "There was no backfill yet." in careloop("tickets", "status").stdout
    desk.take_in([*BILLS, *DOWN])
    changes = as_json(careloop, "tickets", "backfill", "--dry-run")
    assert changes["tickets"] == 5
    shown = careloop("tickets", "backfill", "--dry-run", "--most", "2")
    assert "2 tickets compared." in shown.stdout
    assert "(none)" in shown.stdout

    done = careloop("tickets", "backfill")
    assert done.exit_code == 0, done.output
    assert "finished" in done.stdout
    assert "got other labels" in done.stdout
    again = as_json(careloop, "tickets", "backfill", "--certainty", "sure", "--since", "1d")
    assert (again["state"], again["counts"]["changed"]) == ("finished", 0)
    assert as_json(careloop, "tickets", "status") == again
    labels = {
        label["label"]: label["changed"]
        for label in as_json(careloop, "tickets", "backfill", "--dry-run")["labels"]
    }
    assert set(labels.values()) == {0}

    for restored in (0, 5):
        undone = as_json(careloop, "tickets", "undo")
        assert (undone["state"], undone["counts"]["restored"]) == ("undone", restored)
    nothing = careloop("tickets", "undo")
    assert nothing.exit_code == 2
    assert "no backfill that was not undone" in nothing.stderr


def test_a_run_of_another_model_is_not_resumed_and_gives_way(careloop: Careloop, desk: Desk) -> None:
    desk.take_in(BILLS)
    assert "No backfill was interrupted" in careloop("tickets", "backfill", "--resume").stderr
    desk.abandon_a_run()
    assert "interrupted" in careloop("tickets", "status").stdout
    resumed = careloop("tickets", "backfill", "--resume")
    assert resumed.exit_code == 2
    assert "begun with model another" in resumed.stderr
    result = careloop("tickets", "backfill")
    assert result.exit_code == 0, result.output
    assert "An earlier backfill was interrupted" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["backfill", "--most", "5"], "--most go with"),
        (["backfill", "--file", "a.csv"], "--file and"),
        (["backfill", "--resume", "--queue", "billing"], "the run began with"),
        (["backfill", "--since", "yesterday"], "'yesterday' is no moment"),
        (["drift", "--file", "a.csv"], "--against DIR"),
        (["discover", "--file", "none.csv"], "none.csv cannot be read"),
        (["undo", "--workspace", "nowhere"], "nowhere"),
    ],
)
def test_what_does_not_go_together_is_told(careloop: Careloop, arguments: list[str], says: str) -> None:
    result = careloop("tickets", *arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.output.replace("│", " ").split())


def test_a_file_s_own_labels_are_compared_with_those_it_would_get(
    careloop: Careloop, tmp_path: Path, desk: Desk
) -> None:
    file = tmp_path / "old.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(
            [["body", "queue"], [BILLS[0], "billing"], [DOWN[0], "sales"], ["", "sales"]]
        )
    result = careloop("tickets", "backfill", "--dry-run", "--file", str(file), "--text", "body")
    assert result.exit_code == 1
    assert "2 tickets compared." in result.stdout
    assert "1 of 2" in result.stdout
    assert "technical_support" in result.stdout
    assert "row 4: body is empty" in result.stdout


def test_new_intents_are_proposed_from_tickets_and_files(
    careloop: Careloop, desk: Desk, tmp_path: Path
) -> None:
    desk.take_in(GIFT)
    careloop("tickets", "backfill")
    stored = as_json(careloop, "tickets", "discover", "--least", "3")
    assert stored["looked_at"] > 3
    file = tmp_path / "said.jsonl"
    file.write_text("".join(json.dumps({"text": text, "id": str(at)}) + "\n" for at, text in enumerate(GIFT)))
    arguments = ("tickets", "discover", "--least", "3", "--file", str(file), "--id", "id")
    found = as_json(careloop, *arguments)
    assert found["looked_at"] == stored["looked_at"]
    assert [item["name"] for item in found["items"]] == [item["name"] for item in stored["items"]]
    assert "gift" in found["items"][0]["name"]
    assert set(found["items"][0]["tickets"]) <= {str(at) for at in range(len(GIFT))}
    assert "gift" in careloop(*arguments).stdout
    (intent,) = yaml.safe_load(careloop(*arguments, "--yaml").stdout)
    assert set(intent) == {"name", "title", "description", "examples"}


def test_drift_is_measured_against_a_snapshot(careloop: Careloop, desk: Desk, tmp_path: Path) -> None:
    none = careloop("tickets", "drift")
    assert none.exit_code == 2
    assert "There are no tickets from" in none.stderr
    kept = tmp_path / "kept"
    file = tmp_path / "before.csv"
    file.write_text("text\n" + "".join(f'"{text}, number {n}"\n' for n in range(30) for text in BILLS[:2]))
    saved = careloop("tickets", "drift", "--file", str(file), "--save", str(kept))
    assert saved.exit_code == 0, saved.output
    assert "Kept the figures" in saved.stdout
    desk.take_in([f"{text}, number {n}" for n in range(30) for text in DOWN])
    report = as_json(careloop, "tickets", "drift", "--against", str(kept))
    assert (report["recent"], report["reference"], report["severity"]) == (60, 60, "major")
    shown = careloop("tickets", "drift", "--against", str(kept), "--save", str(tmp_path / "now"))
    assert "Major drift: 60 recent messages against 60." in shown.stdout
    same = careloop("tickets", "drift", "--file", str(file), "--most", "50", "--against", str(kept))
    assert same.stdout.startswith("No drift")


def test_rules_are_tried_on_stored_tickets(careloop: Careloop, desk: Desk, rules: Path) -> None:
    desk.take_in(BILLS)
    desk.take_in(DOWN, customer={"tier": "gold"})
    unread = careloop("routing", "dry-run", "--rules", str(rules))
    assert "5 were never triaged" in unread.stdout
    careloop("tickets", "backfill")
    found = as_json(careloop, "routing", "dry-run", "--rules", str(rules))
    gold = [change for change in found["queues"] if change["after"] == "vip"]
    assert sum(change["count"] for change in gold) == 2
    assert {share["rule"] for change in gold for share in change["rules"]} == {"gold"}
    assert all(example["ticket"].startswith("tkt_") for change in gold for example in change["examples"])
    shown = careloop("routing", "dry-run", "--rules", str(rules), "--recorded", "--since", "2d").stdout
    assert "of 5 tickets would have gone elsewhere" in shown
    assert "vip" in shown
    assert "would have been more urgent" in shown
    assert (
        "of 0 tickets"
        in careloop("routing", "dry-run", "--rules", str(rules), "--until", "2020-01-01").stdout
    )


def test_rules_are_tried_on_a_file(careloop: Careloop, desk: Desk, rules: Path, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    rows = [
        ["id", "text", "tier", "sent_to", "when", "channel"],
        ["a", BILLS[0], "gold", "billing", "2026-01-31T09:00:00+01:00", "email"],
        ["b", BILLS[1], "free", "billing", "2026-01-31", ""],
        ["c", DOWN[0], "free", "", "2026-01-31 10:00", ""],
        ["d", DOWN[0], "free", "", "last week", ""],
    ]
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(rows)
    arguments = [
        "routing",
        "dry-run",
        "--rules",
        str(rules),
        "--file",
        str(file),
        "--id",
        "id",
        "--at",
        "when",
    ]
    result = careloop(*arguments, "--recorded", "--was", "sent_to", "--json")
    assert result.exit_code == 1  # for the row that could not be read
    found = json.loads(result.stdout.splitlines()[0])
    assert (found["total"], found["compared"], found["moved"]) == (3, 2, 1)
    assert found["queues"][0]["examples"] == [{"ticket": "a", "rule": "gold"}]
    assert "d: when is no moment" in result.stdout
    assert "of 3 tickets would have gone elsewhere" in careloop(*arguments).stdout
    bare = careloop(*arguments, "--recorded")
    assert bare.exit_code == 2
    assert "--was" in bare.output


def test_rules_are_checked_with_line_place_and_reason(careloop: Careloop, rules: Path) -> None:
    good = careloop("routing", "check", str(rules))
    assert good.exit_code == 0, good.output
    assert "2 rules" in good.stdout
    assert "rule 'gold' names the queue vip" in good.stdout
    assert as_json(careloop, "routing", "check", str(rules))["valid"] is True

    broken = {"rules": [*ROUTING["rules"], {"name": "gold", "when": {"intent": "biling"}, "then": {}}]}
    rules.write_text(yaml.safe_dump(broken, sort_keys=False))
    bad = careloop("routing", "check", str(rules))
    assert bad.exit_code == 1
    assert "rules[2].then" in bad.stdout
    assert "it does nothing" in bad.stdout
    broken["rules"][2]["then"] = {"stop": True}
    rules.write_text(yaml.safe_dump(broken, sort_keys=False))
    found = json.loads(careloop("routing", "check", str(rules), "--json").stdout)
    lines = rules.read_text().splitlines()
    assert {problem["place"] for problem in found["problems"]} == {"rules[2].name", "rules[2].when"}
    for problem in found["problems"]:
        assert problem["place"].rpartition(".")[2] in lines[problem["line"] - 1]

    rules.write_text("rules: [")
    torn = careloop("routing", "check", str(rules))
    assert torn.exit_code == 1
    assert "is not YAML" in torn.stdout
    ecommerce = careloop(
        "routing", "check", "triage/taxonomies/ecommerce.routing.yaml", "--taxonomy", "ecommerce"
    )
    assert ecommerce.exit_code == 0, ecommerce.output
