"""The bot's prompts: files in ``bot/prompts``."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from inference import prompt
from inference.prompt import fenced, new_nonce

__all__ = ["FOLDER", "Prompt", "fenced", "new_nonce"]

FOLDER = Path(__file__).with_name("prompts")


class Prompt(prompt.Prompt):
    """One of the bot's prompts, unless another folder is named."""

    __slots__ = ()

    @classmethod
    def load(cls, name: str, folder: Path = FOLDER) -> Self:
        """The prompt in ``folder/name.md``."""
        return super().load(name, folder)
