"""The command line as a user meets it: what it prints, and how it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from careloop.cli import COMMANDS, app
from tests.conftest import ROOT

Careloop = Callable[..., Result]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "var"
    folder.mkdir()
    return folder


@pytest.fixture
def careloop(data_dir: Path) -> Careloop:
    """Runs a command over an empty data folder."""

    def run(*arguments: str, **environment: str) -> Result:
        runner = CliRunner(env={"CARELOOP_DATA_DIR": str(data_dir), "COLUMNS": "200", **environment})
        return runner.invoke(app, list(arguments))

    return run


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "router.md").write_text(
        "# Restart the router\n\nHold the power button of the router for ten seconds. "
        "Wait until the light turns green before you use it.\n"
    )
    (folder / "bill.md").write_text(
        "# When the bill arrives\n\nYour bill arrives on the third working day of each month. "
        "A paper bill costs two pounds.\n"
    )
    return folder


def test_help_lists_every_command_without_loading_any() -> None:
    code = (
        "import sys; from careloop.cli import main; sys.argv = ['careloop', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'chromadb', 'openvino', 'fastapi', 'sqlalchemy', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, entry in COMMANDS.items():
        assert name in done.stdout
        assert entry.help in done.stdout


def test_every_command_explains_itself(careloop: Careloop) -> None:
    for name in COMMANDS:
        result = careloop(name, "--help")
        assert result.exit_code == 0, result.output
        assert "Usage" in result.stdout


def test_an_unknown_command_is_a_usage_error(careloop: Careloop) -> None:
    result = careloop("srve")
    assert result.exit_code == 2
    assert "No such command 'srve'" in result.stderr


def test_a_wrong_setting_is_one_line_that_names_the_variable(careloop: Careloop) -> None:
    result = careloop("workspaces", "list", CARELOOP_SERVER__PORT="eighty")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: CARELOOP_SERVER__PORT:")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.output


def test_what_was_ingested_can_be_asked_and_is_quoted_with_its_document(
    careloop: Careloop, articles: Path
) -> None:
    loaded = careloop("ingest", str(articles))
    assert loaded.exit_code == 0, loaded.output
    assert "2 added, 0 changed, 0 unchanged, 0 removed, 0 failed" in loaded.stdout

    shown = careloop("ask", "How long do I hold the power button to restart the router?")
    assert shown.exit_code == 0, shown.output
    assert "ten seconds" in shown.stdout
    assert "[1] Restart the router" in shown.stdout

    found = json.loads(careloop("ask", "When does my bill arrive?", "--json").stdout)
    assert found["kind"] == "answer"
    first = found["citations"][0]
    assert (first["number"], first["title"]) == (1, "When the bill arrives")
    assert first["quote"] in (articles / "bill.md").read_text()
    assert all(
        number in {c["number"] for c in found["citations"]} for number in found["sentences"][0]["citations"]
    )


def test_ingesting_again_skips_what_did_not_change_and_removes_what_is_gone(
    careloop: Careloop, articles: Path
) -> None:
    careloop("ingest", str(articles))
    (articles / "bill.md").unlink()
    result = careloop("ingest", str(articles))
    assert "0 added, 0 changed, 1 unchanged, 1 removed, 0 failed" in result.stdout


def test_a_file_that_cannot_be_read_is_named_with_the_reason(careloop: Careloop, articles: Path) -> None:
    (articles / "torn.pdf").write_bytes(b"%PDF-1.7 torn")
    result = careloop("ingest", str(articles))
    assert result.exit_code == 1
    assert "2 added" in result.stdout
    assert "failed torn.pdf: " in result.stdout


def test_a_place_that_does_not_exist_is_an_error(careloop: Careloop, tmp_path: Path) -> None:
    result = careloop("ingest", str(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: There is no file or folder")


def test_knowledge_is_listed_shown_reindexed_and_removed(careloop: Careloop, articles: Path) -> None:
    careloop("ingest", str(articles))
    listed = careloop("knowledge", "list").stdout
    assert "router.md" in listed
    assert "When the bill arrives" in listed
    source = next(word for word in listed.split() if word.startswith("src_"))

    shown = careloop("knowledge", "show", "bill.md").stdout
    assert "third working day" in shown
    assert careloop("knowledge", "show", ".md").exit_code == 2

    assert "Wrote 2 passages." in careloop("knowledge", "reindex").stdout
    assert "Removed 2 documents." in careloop("knowledge", "remove", source).stdout
    assert "router.md" not in careloop("knowledge", "list").stdout


def test_a_key_is_shown_once_listed_and_revoked(careloop: Careloop) -> None:
    created = careloop("keys", "create", "website", "--scope", "chat", "--scope", "agent", "--days", "30")
    assert created.exit_code == 0, created.output
    assert created.stdout.startswith("cl_")
    assert created.stdout.count("\n") == 1
    key = next(word for word in created.stderr.split() if word.startswith("key_"))

    listed = careloop("keys", "list").stdout
    assert created.stdout.strip() not in listed
    assert "agent, chat" in listed
    assert f"Revoked key {key} (website)." in careloop("keys", "revoke", key).stdout
    assert "revoked" in careloop("keys", "list").stdout
    assert careloop("keys", "revoke", "key_none").stderr == "Error: There is no such key.\n"


def test_workspaces_are_created_once(careloop: Careloop) -> None:
    assert "Created workspace acme." in careloop("workspaces", "create", "acme", "--name", "Acme Ltd").stdout
    assert "Acme Ltd" in careloop("workspaces", "list").stdout
    again = careloop("workspaces", "create", "acme")
    assert again.exit_code == 2
    assert "There is a workspace acme already" in again.stderr
    assert careloop("workspaces", "create", "not a name").exit_code == 2


def test_lint_says_what_is_worth_a_look(careloop: Careloop, articles: Path) -> None:
    (articles / "copy.md").write_text((articles / "bill.md").read_text())
    careloop("ingest", str(articles))
    said = careloop("knowledge", "lint").stdout
    assert "duplicate" in said
    assert "copy.md" in said
    found = json.loads(careloop("knowledge", "lint", "--json").stdout)
    assert {place["key"] for place in found[0]["places"]} == {"bill.md", "copy.md"}
