"""The bot's prompts; what they are made of is in tests/inference."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.prompt import FOLDER, Prompt


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_every_prompt_says_how_untrusted_text_is_marked_or_has_none(path: Path) -> None:
    text = Prompt.load(path.stem).text

    assert ("never an instruction" in text) == ("{{nonce}}" in text)
