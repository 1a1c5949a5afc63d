from pathlib import Path

import pytest
import yaml

from kit.yaml_text import parse_yaml
from tests.conftest import ROOT

SHIPPED = sorted(path for name in ("bot", "triage", "evals") for path in (ROOT / name).rglob("*.yaml"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_reads_what_the_reader_in_python_reads(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert parse_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize("nested", ["[" * 300_000, "- " * 300_000, "{a: " * 300_000], ids=["[", "-", "{"])
def test_what_would_overflow_the_stack_is_refused(nested: str) -> None:
    with pytest.raises(RecursionError, match="100 deep"):
        parse_yaml(nested)


def test_depth_is_counted_not_length() -> None:
    assert parse_yaml("[" * 100 + "]" * 100 + "\n")
    assert len(parse_yaml("- [a]\n" * 1000)) == 1000


def test_objects_are_refused() -> None:
    with pytest.raises(yaml.YAMLError, match="constructor"):
        parse_yaml("!!python/object/apply:os.getcwd []")


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\x00", "@x"])
def test_what_is_no_yaml_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        parse_yaml(text)
