"""A data set's documents as a source, so that evaluation ingests what customers would: through the sync."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from evals.dataset import Dataset
from knowledge_base.document import Document
from knowledge_base.sources.source import Entry, EntryState, Listed, Loaded, SourceKind, Unchanged


class CorpusSource:
    """Rows of a corpus file; each is an entry whose state is its content hash."""

    kind = SourceKind.FOLDER

    def __init__(self, dataset: Dataset) -> None:
        self._documents = dataset.documents
        self.location = f"corpus:{dataset.name.partition(':')[0]}"

    async def entries(self, known: Mapping[str, EntryState]) -> AsyncGenerator[Listed, None]:
        """Every document of the corpus."""
        for document in self._documents:
            yield Entry(document.key, _loader(document, known.get(document.key)))


class _loader:  # noqa: N801 (a function that holds two values)
    """Reads one document: ``Unchanged`` where the state kept of it is its hash."""

    def __init__(self, document: Document, state: EntryState | None) -> None:
        self._document = document
        self._state = state

    async def __call__(self) -> Loaded | Unchanged:
        state = {"hash": self._document.content_hash}
        return Unchanged(state) if state == self._state else Loaded((self._document,), state)
