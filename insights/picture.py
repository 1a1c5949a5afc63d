"""A picture as values, and the colours that pictures and pages share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from insights.contact import Ending

WIDTH = 560  # CSS pixels at which pictures are shown, or narrower
ENDING_COLOURS: Mapping[Ending, str] = {
    Ending.CONFIRMED: "#00543d",
    Ending.ASSUMED: "#2a9d78",
    Ending.HANDED_OVER: "#e0a030",
    Ending.ABANDONED: "#b8402a",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG file and what it shows in words; ``name`` is unique in a digest. It is ``height`` pixels high."""

    name: str
    png: bytes
    alt: str
    height: int
