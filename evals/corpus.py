"""A data set's documents as a source, so that evaluation ingests what customers would: through the sync."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from functools import partial

from evals.dataset import Dataset
from knowledge_base.document import Document
from knowledge_base.sources.source import Entry, EntryState, Listed, Loaded, SourceKind


class CorpusSource:
    """Rows of a corpus file, each an entry; the sync skips those whose content it has already.

    No state is kept: ids of public sets hold any character, ``#`` too, which in the key of an entry that
    is called unchanged would mark a row of a file.
    """

    kind = SourceKind.FOLDER

    def __init__(self, dataset: Dataset) -> None:
        self._documents = dataset.documents
        self.location = f"corpus:{dataset.name.partition(':')[0]}"

    async def entries(self, known: Mapping[str, EntryState]) -> AsyncGenerator[Listed, None]:  # noqa: ARG002
        """Every document of the corpus."""
        for document in self._documents:
            yield Entry(document.key, partial(_load, document))


async def _load(document: Document) -> Loaded:
    return Loaded((document,))
