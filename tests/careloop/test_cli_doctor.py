"""What ``careloop doctor`` finds, and what it says to do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from sqlalchemy import update

from bench.server import free_port
from careloop.build import build
from careloop.cli.checks import State, check_machine, check_model, check_parts
from careloop.settings import LlmSettings, Mode, ServerSettings, Settings
from kit.ids import DEFAULT_WORKSPACE
from knowledge_base.sources import FolderSource
from store.tables import index_states
from tests.careloop.test_cli import Careloop, articles, careloop, data_dir

__all__ = ["articles", "careloop", "data_dir"]  # fixtures


def test_a_sound_installation_has_no_failure(careloop: Careloop, articles: Path) -> None:
    careloop("ingest", str(articles))
    result = careloop("doctor", CARELOOP_SERVER__PORT=str(free_port()))
    assert result.exit_code == 0, result.output
    assert "fail" not in result.stdout
    for line in (
        "ok    encoder: all-MiniLM-L6-v2@",
        "ok    SQLite: write-ahead logging and foreign keys are on",
        "ok    index of default: 2 passages, in step with the database",
        "ok    telemetry: off: nothing is sent anywhere",
    ):
        assert line in result.stdout


def test_an_empty_knowledge_base_is_a_warning_that_says_how_to_fill_it(careloop: Careloop) -> None:
    result = careloop("doctor", CARELOOP_SERVER__PORT=str(free_port()))
    assert result.exit_code == 0
    assert "warn  encoder of default: the knowledge base is empty" in result.stdout
    assert "→ Load something: `careloop ingest PATH`." in result.stdout


def test_a_port_in_use_and_open_access_are_failures(careloop: Careloop) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = careloop("doctor", CARELOOP_SERVER__PORT=port)
    assert result.exit_code == 1
    assert f"fail  port: 127.0.0.1:{port}: Address already in use" in result.stdout
    result = careloop("doctor", CARELOOP_SERVER__HOST="0.0.0.0", CARELOOP_SERVER__PORT=str(free_port()))
    assert "fail  access: open to everybody who reaches 0.0.0.0" in result.stdout


def test_an_unusable_model_ends_the_checks_with_its_reason(careloop: Careloop, tmp_path: Path) -> None:
    result = careloop("doctor", CARELOOP_ENCODER__MODEL=str(tmp_path), CARELOOP_SERVER__PORT=str(free_port()))
    assert result.exit_code == 1
    assert "fail  start: There is no sentence-transformers model in" in result.stdout


@pytest.mark.anyio
async def test_an_index_out_of_step_and_another_encoder_are_failures(tmp_path: Path) -> None:
    async with build(Settings(data_dir=tmp_path)) as parts:
        await parts.synchroniser.sync(DEFAULT_WORKSPACE, _articles(tmp_path))
        await parts.follower.apply()
        await parts.index.drop(DEFAULT_WORKSPACE)
        async with parts.database.write() as connection:
            await connection.execute(update(index_states).values(encoder="other@1"))
        found = {finding.subject: finding async for finding in check_parts(parts)}
    assert found["index of default"].state is State.FAIL
    assert "1 passages missing, 0 too many" in found["index of default"].found
    assert found["encoder of default"].state is State.FAIL
    assert "careloop knowledge reindex" in found["encoder of default"].remedy


@pytest.mark.anyio
async def test_the_language_model_is_asked_whether_it_answers() -> None:
    assert "none configured" in (await check_model(LlmSettings(model=None))).found
    assert "not contacted" in (await check_model(LlmSettings(model="openai:gpt"))).found
    nobody = LlmSettings(model="m", base_url=f"http://127.0.0.1:{free_port()}/v1")
    assert (await check_model(nobody)).state is State.WARN


def test_production_asks_for_keys(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, mode=Mode.PRODUCTION, server=ServerSettings(port=free_port()))
    found = {finding.subject: finding for finding in check_machine(settings)}
    assert found["access"].found == "production: every caller needs a key"
    assert found["data folder"].state is State.OK


def _articles(folder: Path) -> FolderSource:
    (folder / "docs").mkdir()
    (folder / "docs" / "a.md").write_text("# A\n\nSome words that make a passage of their own.\n")
    return FolderSource(folder / "docs")
