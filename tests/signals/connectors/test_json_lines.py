"""Deliveries as lines of JSON: each once, whole, and next to other writers."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from signals.connectors.connector import DeliveryFailed
from signals.connectors.json_lines import JsonLines, JsonLinesSettings
from tests.signals.connectors.dispatches import dispatch


def _connector(folder: Path) -> JsonLines:
    return JsonLines(JsonLinesSettings(folder=folder))


def _lines(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()
    ]


async def test_each_dispatch_is_one_line_of_its_day(tmp_path: Path) -> None:
    connector = _connector(tmp_path / "out")
    for number in range(3):
        assert not (await connector.deliver(dispatch(number))).repeated
    again = await connector.deliver(dispatch(1))

    assert (again.repeated, again.records) == (True, {"line": "dis_1_1"})
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["2026-01-01.jsonl"]
    lines = _lines(tmp_path / "out")
    assert [line["key"] for line in lines] == ["dis_0_1", "dis_1_1", "dis_2_1"]
    assert lines[0]["signal"]["kind"] == "churn_risk"
    assert lines[0]["contact"]["email"] == "ada.1@example.com"
    assert (tmp_path / "out" / "2026-01-01.jsonl").stat().st_mode & 0o777 == 0o600


async def test_another_process_that_delivers_the_same_adds_nothing(tmp_path: Path) -> None:
    await _connector(tmp_path).deliver(dispatch(1))
    assert (await _connector(tmp_path).deliver(dispatch(1))).repeated
    assert len(_lines(tmp_path)) == 1


async def test_a_line_that_a_crash_cut_short_is_written_anew(tmp_path: Path) -> None:
    first = _connector(tmp_path)
    await first.deliver(dispatch(1))
    path = tmp_path / "2026-01-01.jsonl"
    whole = path.read_bytes()
    await first.deliver(dispatch(2))
    path.write_bytes(path.read_bytes()[:-20])

    await _connector(tmp_path).deliver(dispatch(2))

    assert path.read_bytes().startswith(whole)
    assert [line["key"] for line in _lines(tmp_path)] == ["dis_1_1", "dis_2_1"]


async def test_a_file_that_was_taken_away_is_begun_anew(tmp_path: Path) -> None:
    connector = _connector(tmp_path)
    await connector.deliver(dispatch(1))
    (tmp_path / "2026-01-01.jsonl").rename(tmp_path / "loaded")
    assert not (await connector.deliver(dispatch(2))).repeated
    assert [line["key"] for line in _lines(tmp_path)] == ["dis_2_1"]


async def test_lines_of_others_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-01.jsonl"
    path.write_text('# a note\n{"key": 1}\n[]\n')
    await _connector(tmp_path).deliver(dispatch(1))
    assert path.read_text().splitlines()[:3] == ["# a note", '{"key": 1}', "[]"]
    assert len(path.read_text().splitlines()) == 4


def _deliver(folder: Path) -> None:
    async def all_of_them() -> None:
        connector = _connector(folder)
        for number in range(20):
            await connector.deliver(dispatch(number))

    asyncio.run(all_of_them())


def test_two_processes_at_once_write_each_line_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_deliver, args=(tmp_path,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert sorted(line["key"] for line in _lines(tmp_path)) == sorted(f"dis_{n}_1" for n in range(20))


async def test_tasks_at_once_write_each_line_once(tmp_path: Path) -> None:
    connector = _connector(tmp_path)
    await asyncio.gather(*(connector.deliver(dispatch(n % 5)) for n in range(20)))
    assert len(_lines(tmp_path)) == 5


async def test_health_says_whether_the_folder_can_be_written_to_and_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    good, bad = _connector(tmp_path / "a" / "b"), _connector(tmp_path / "file")
    assert (await good.health()).ok
    assert not (tmp_path / "a").exists()
    assert not (await bad.health()).ok
    with pytest.raises(DeliveryFailed):
        await bad.deliver(dispatch())
    assert bad.preview(dispatch())[0].url.endswith("2026-01-01.jsonl")
    assert (await good.poll("here")).cursor == "here"
    await good.close()
