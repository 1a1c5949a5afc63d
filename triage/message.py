"""A message as it comes in, before anything is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Message:
    """What a customer wrote. ``text`` is none where only a subject is there; ``headers`` are an e-mail's."""

    text: str | None
    subject: str | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
