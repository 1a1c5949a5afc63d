"""``careloop digest`` on a new installation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from careloop.cli import app
from tests.conftest import ROOT


def _careloop(folder: Path, *arguments: str, **environment: str) -> Result:
    known = {
        "CARELOOP_DATA_DIR": str(folder),
        "CARELOOP_ENCODER__CACHE_DIR": str(ROOT / "var" / "models"),
        "COLUMNS": "200",
    }
    return CliRunner(env={**known, **environment}).invoke(app, ["digest", *arguments])


def test_a_new_installation_says_honestly_that_there_is_little(tmp_path: Path) -> None:
    shown = _careloop(tmp_path / "var", "--week", "current")
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith("# Brightwater Broadband: week ")
    assert "Nobody wrote in this week, so there is nothing to report." in shown.output
    assert "nothing can be said to grow" in shown.output
    assert "What matters" not in shown.output


def test_a_digest_is_written_to_a_file_and_sent(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    written = _careloop(tmp_path / "var", "--format", "html", "--output", str(page))
    assert (written.exit_code, written.output) == (0, "")
    assert page.read_text().startswith("<!DOCTYPE html>")
    digests = json.dumps({"default": {"folder": str(tmp_path / "digests"), "send_at": "off"}})
    sent = _careloop(tmp_path / "var", "--send", CARELOOP_INSIGHTS__DIGESTS=digests)
    assert sent.exit_code == 0, sent.output
    assert "delivered" in sent.output
    assert len(list((tmp_path / "digests" / "default").glob("*/digest.json"))) == 1


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["--week", "2099-W01"], {}, "has not begun"),
        (["--send"], {}, "CARELOOP_INSIGHTS__DIGESTS names them"),
        (["--workspace", "acme"], {}, "There is no workspace acme"),
        ([], {"CARELOOP_INSIGHTS__DIGESTS": "{"}, "CARELOOP_INSIGHTS__DIGESTS is not valid JSON"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], says: str
) -> None:
    result = _careloop(tmp_path / "var", *arguments, **environment)
    assert result.exit_code == 2
    assert says in result.stderr
