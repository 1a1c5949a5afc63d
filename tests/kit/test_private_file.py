from __future__ import annotations

from pathlib import Path

import pytest

from kit.errors import InvalidInput
from kit.private_file import write_private


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_private(path, "café\n")
    assert path.read_text(encoding="utf-8") == "café\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InvalidInput, match="File exists"):
        write_private(path, "other")
    with pytest.raises(InvalidInput, match="No such file"):
        write_private(tmp_path / "nowhere" / "rows.jsonl", "x")
    assert path.read_text(encoding="utf-8") == "mine"
