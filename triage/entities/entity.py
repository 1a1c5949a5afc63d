"""What is found in a message, and what may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entity:
    """``text[start:end]`` of the message, of ``kind``; ``value`` in a normal form (ISO 8601, "EUR 12.50")."""

    kind: str
    start: int
    end: int
    text: str
    value: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entity unless another overlaps it that says more: of two, the one with the lower ``rank`` stays."""

    rank: int
    kind: str
    start: int
    end: int
    value: str
