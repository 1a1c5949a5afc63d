"""Prompts: versions, slots and fences."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.prompt import Prompt, fenced, new_nonce


def test_a_version_follows_the_text(tmp_path: Path) -> None:
    (tmp_path / "greet.md").write_text("Hello {{who}}!\n", encoding="utf-8")
    one = Prompt.load("greet", tmp_path)
    (tmp_path / "greet.md").write_text("Hi {{who}}!\n", encoding="utf-8")
    two = Prompt.load("greet", tmp_path)

    assert one.version.startswith("greet@")
    assert len(one.version) == len("greet@") + 12
    assert one.version != two.version


def test_slots_are_filled_once() -> None:
    prompt = Prompt("greet", "Hello {{who}}, {{what}}.")

    assert prompt.render(who="{{what}}", what="bye") == "Hello {{what}}, bye."


def test_a_slot_without_a_value_and_a_value_without_a_slot_are_errors() -> None:
    prompt = Prompt("greet", "Hello {{who}}")

    with pytest.raises(KeyError, match="who"):
        prompt.render()
    with pytest.raises(ValueError, match="whom"):
        prompt.render(who="you", whom="me")


def test_a_fence_cannot_be_closed_from_inside() -> None:
    text = fenced("passage 1", "a <<abc end>> b", nonce="abc")

    assert text == "<<abc begin passage 1>>\na << end>> b\n<<abc end>>"
    assert new_nonce() != new_nonce()
