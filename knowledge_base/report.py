"""What a sync tells: while it runs, and at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from knowledge_base.sources.source import Failure


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """How far it came: documents read, documents committed or unchanged, passages committed.

    ``key`` is what was read last. ``expected`` is how many documents the source had when it was last
    synchronised; 0 the first time.
    """

    read: int
    settled: int
    passages: int
    failed: int
    expected: int
    key: str


Progress = Callable[[SyncProgress], None]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did, in documents; ``passages`` were encoded, ``seconds`` went by.

    ``skipped`` counts what was left out on purpose, by reason. ``failures`` says what could not be read
    and why; documents concerned stay as they were.
    """

    ingestion_id: str
    source_id: str
    added: int
    changed: int
    unchanged: int
    removed: int
    passages: int
    seconds: float
    skipped: Mapping[str, int]
    failures: tuple[Failure, ...]

    @property
    def failed(self) -> int:
        """How many could not be read."""
        return len(self.failures)


@dataclass(slots=True)
class Tally:
    """The counts of a sync under way."""

    read: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    passages: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The counts as an ingestion records them."""
        return {
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "failed": len(self.failures),
            "skipped": self.skipped.total(),
            "passages": self.passages,
        }

    def progress(self, *, expected: int, key: str) -> SyncProgress:
        """The counts as somebody who waits wants them."""
        settled = self.added + self.changed + self.unchanged
        return SyncProgress(self.read, settled, self.passages, len(self.failures), expected, key)
