"""Documents are held against the project: links, folders, targets, commands."""

import re
from pathlib import Path

import pytest

from careloop.cli import COMMANDS

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("evals/**/*.md")])
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)|<img[^>]*src=\"([^\"]+)\"")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(document: Path) -> None:
    targets = [first or second for first, second in _LINK.findall(document.read_text())]
    broken = [target for target in targets if "://" not in target and not (document.parent / target).exists()]
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_that_are_named_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", document.read_text()))
    named |= set(re.findall(r"^\s*make ([a-z-]+)", document.read_text(), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_that_are_named_exist(document: Path) -> None:
    named = set(re.findall(r"`(?:\.venv/bin/)?careloop ([a-z-]+)", document.read_text()))
    named |= set(re.findall(r"^\s*(?:\.venv/bin/)?careloop ([a-z-]+)", document.read_text(), re.MULTILINE))
    assert named <= set(COMMANDS)


def test_every_package_has_its_row_in_the_architecture() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    described = set(re.findall(r"`([a-z_]+)`", _layer_table()))
    assert packages <= described


def test_every_adr_is_listed() -> None:
    listed = set(re.findall(r"\((\d{4}-[a-z-]+\.md)\)", (ROOT / "docs/adr/README.md").read_text()))
    assert listed == {path.name for path in (ROOT / "docs/adr").glob("0*.md")}


def test_nothing_names_a_path_of_a_developer_s_machine() -> None:
    suspicious = re.compile(r"/(?:root|home|Users)/|/tmp/(?!$)|/work/")
    assert [path.name for path in DOCUMENTS if suspicious.search(path.read_text())] == []


def _layer_table() -> str:
    text = (ROOT / "docs/architecture.md").read_text()
    return text[text.index("## Layers") : text.index("## The path of a message")]


def test_the_lock_holds_no_cuda() -> None:
    locked = (ROOT / "requirements.lock").read_text()
    assert "torch==2.13.0\n" in locked
    assert re.findall(r"^(?:nvidia|cuda|triton)[^=]*==", locked, re.MULTILINE) == []
    assert "://" not in locked
