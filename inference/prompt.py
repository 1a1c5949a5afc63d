"""Prompts: files, known by the hash of their content, with untrusted text fenced."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_SLOT = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt with ``{{slots}}``. ``version`` is ``name@hash`` of its text: stored with every answer."""

    name: str
    text: str

    @classmethod
    def load(cls, name: str, folder: Path) -> Self:
        """The prompt in ``folder/name.md``."""
        return cls(name, (folder / f"{name}.md").read_text(encoding="utf-8").strip())

    @property
    def version(self) -> str:
        """Name, and the first 12 hex digits of the SHA-256 of the text."""
        return f"{self.name}@{hashlib.sha256(self.text.encode()).hexdigest()[:12]}"

    def render(self, **values: str) -> str:
        """The text with every slot filled, once: a value that looks like a slot stays as it is.

        Raises ``KeyError`` for a slot without a value and ``ValueError`` for a value without a slot.
        """
        unknown = values.keys() - set(_SLOT.findall(self.text))
        if unknown:
            raise ValueError(f"the prompt {self.name!r} has no slot {sorted(unknown)}")
        return _SLOT.sub(lambda slot: values[slot[1]], self.text)


def new_nonce() -> str:
    """64 random bits in hex: what a fence is made of, so that fenced text cannot close it."""
    return secrets.token_hex(8)


def fenced(label: str, text: str, *, nonce: str) -> str:
    """``text`` between two lines that only who knows ``nonce`` can write."""
    return f"<<{nonce} begin {label}>>\n{text.replace(nonce, '')}\n<<{nonce} end>>"
