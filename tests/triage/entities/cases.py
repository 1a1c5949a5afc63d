"""Texts, and what is found in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from triage.entities import EntityFinder, EntityPattern

WEDNESDAY = date(2026, 11, 4)
FINDER = EntityFinder((EntityPattern("contract", r"\bCT-\d{6}\b"),), ("Kestrel Box 75", "C++", "Kestrel Box"))


@dataclass(frozen=True)
class Case:
    text: str
    found: tuple[tuple[str, str, str], ...] = ()  # kind, text, value


def one(text: str, kind: str, words: str, value: str) -> Case:
    return Case(text, ((kind, words, value),))


def assert_found(case: Case) -> None:
    """That these are found and nothing else, by a finder that looks for everything at once."""
    found = FINDER.find(case.text, today=WEDNESDAY)
    assert tuple((entity.kind, entity.text, entity.value) for entity in found) == case.found
