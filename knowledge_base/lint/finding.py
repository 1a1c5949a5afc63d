"""What lint found: where, in whose words, and why it is worth a look."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kit.ids import DocumentId


class FindingKind(StrEnum):
    """What may be wrong, the most harmful first."""

    NOT_APPROVED = "not_approved"  # found by whoever knows what the brand approves
    CONTRADICTION = "contradiction"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    DEAD_LINK = "dead_link"
    STALE = "stale"
    EMPTY = "empty"
    TOO_SHORT = "too_short"


@dataclass(frozen=True, slots=True)
class Place:
    """A document, and the words of it that matter; ``quote`` is verbatim, empty where the whole is meant."""

    document_id: DocumentId
    key: str
    title: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth a look. ``reason`` says in a sentence why; ``score`` in [0, 1] how sure that is."""

    kind: FindingKind
    places: tuple[Place, ...]
    reason: str
    score: float = 1.0
