"""The port for places that documents come from."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from knowledge_base.document import Document

ROW_SEPARATOR = "#"
"""Stands between the key of an entry and the id of one of its rows; no entry's key holds it."""

EntryState = Mapping[str, Any]
"""What a source remembers of an entry to know it unchanged next time (JSON: an ETag, a file's size)."""


class SourceKind(StrEnum):
    """What sort of place it is."""

    FOLDER = "folder"
    WEBSITE = "website"


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be read, and why, in words for the person who runs the sync.

    Documents of the entry ``key`` stay as they were. With ``subtree`` that goes for every document whose
    key begins with ``key``: what a folder that cannot be opened holds is unknown, not gone.
    """

    key: str
    reason: str
    subtree: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something left out on purpose; a document that it once gave goes."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """The documents an entry has now: its own under the key of the entry, rows under ``key#id``.

    ``failures`` are rows that could not be used. ``state`` is kept once the documents are stored; without
    it, the entry is loaded again next time.
    """

    documents: tuple[Document, ...]
    state: EntryState | None = None
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The entry is as it was when ``state`` was kept; its documents stay."""

    state: EntryState


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or page, as listed. ``load`` reads it, or raises ``CannotLoad`` with the reason."""

    key: str
    load: Callable[[], Awaitable[Loaded | Unchanged]]


Listed = Entry | Skipped | Failure


class Source(Protocol):
    """A place that documents come from. ``kind`` and ``location`` name it within a workspace."""

    @property
    def kind(self) -> SourceKind:
        """What sort of place it is."""
        ...

    @property
    def location(self) -> str:
        """Where it is: an absolute path, a URL. The same place always has the same location."""
        ...

    def entries(self, known: Mapping[str, EntryState]) -> AsyncGenerator[Listed, None]:
        """Everything there is now, each entry once; ``known`` is the state kept of each at the last sync.

        An entry is loaded, if at all, before the next one is asked for: what it holds may lead to others.
        A document whose entry is no longer listed counts as removed. Raises ``SourceUnavailable`` or
        ``SourceInvalid`` when the place as a whole cannot be listed.
        """
        ...
