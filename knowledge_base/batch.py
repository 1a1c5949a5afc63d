"""Passages of many documents, put together so that the encoder never waits for a small one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from inference.embeddings import Encoder, Matrix, Vector
from kit.text import sentences
from knowledge_base.document import Document, PassageDraft
from knowledge_base.errors import CannotLoad
from knowledge_base.inventory import KnownDocument
from knowledge_base.sources.source import EntryState

Split = Callable[[Document], Sequence[PassageDraft]]

BATCH_PASSAGES = 128  # about a second of encoding on two cores: what a crash can cost
_BATCH_DOCUMENTS = 256  # documents without a passage must not pile up either

_LONGEST_KEY = 2000  # bytes; PostgreSQL indexes values of up to a third of an 8 KiB page


@dataclass(frozen=True, slots=True)
class EncodedPassage:
    """A passage with its unit vector, and those of its sentences: (number of sentences, dimensions)."""

    draft: PassageDraft
    embedding: Vector
    sentence_embeddings: Matrix


@dataclass(frozen=True, slots=True)
class Revision:
    """A document that is new or changed, cut into passages; ``known`` is what was stored of it before."""

    document: Document
    content_hash: str
    passages: tuple[PassageDraft, ...]
    known: KnownDocument | None


@dataclass(frozen=True, slots=True)
class EncodedRevision:
    """A revision whose passages have their vectors."""

    revision: Revision
    passages: tuple[EncodedPassage, ...]


@dataclass(slots=True)
class Batch:
    """Revisions to be encoded and committed together.

    ``finished`` holds the state of each entry whose last document is in this batch or an earlier one.
    ``touched`` are unchanged documents of which only the source's date is newer.
    """

    revisions: list[Revision] = field(default_factory=list)
    touched: list[tuple[KnownDocument, Document]] = field(default_factory=list)
    finished: dict[str, EntryState] = field(default_factory=dict)
    passages: int = 0

    def add(self, revision: Revision) -> None:
        """Take in ``revision``."""
        self.revisions.append(revision)
        self.passages += len(revision.passages)

    @property
    def full(self) -> bool:
        """Whether it is time to encode it."""
        held = len(self.revisions) + len(self.touched) + len(self.finished)
        return self.passages >= BATCH_PASSAGES or held >= _BATCH_DOCUMENTS


def revise(document: Document, content_hash: str, known: KnownDocument | None, *, split: Split) -> Revision:
    """Cut ``document`` into passages.

    Raises ``CannotLoad`` if a passage is not the slice of the text that it says it is: a quote from it
    would not be verbatim.
    """
    if len(document.key.encode()) > _LONGEST_KEY:
        raise CannotLoad(f"Its name is longer than {_LONGEST_KEY:,} bytes.")
    passages = tuple(split(document))
    for passage in passages:
        if document.text[passage.start : passage.end] != passage.text:
            raise CannotLoad(f"Passage {passage.ordinal} is not what stands at its offsets in the text.")
    return Revision(document, content_hash, passages, known)


def encode(encoder: Encoder, revisions: Sequence[Revision]) -> list[EncodedRevision]:
    """Give every passage and each of its sentences a unit vector, ``BATCH_PASSAGES`` at a time."""
    drafts = [(passage, revision) for revision in revisions for passage in revision.passages]
    encoded: list[EncodedPassage] = []
    for start in range(0, len(drafts), BATCH_PASSAGES):
        chunk = drafts[start : start + BATCH_PASSAGES]
        texts = [passage.embedding_text(revision.document.title) for passage, revision in chunk]
        spans = [_sentence_spans(passage, text) for (passage, _), text in zip(chunk, texts, strict=True)]
        vectors = encoder.encode_with_spans(texts, spans)
        encoded += map(EncodedPassage, (passage for passage, _ in chunk), vectors.texts, vectors.spans)
    waiting = iter(encoded)
    return [
        EncodedRevision(revision, tuple(next(waiting) for _ in revision.passages)) for revision in revisions
    ]


def _sentence_spans(passage: PassageDraft, embedding_text: str) -> list[tuple[int, int]]:
    """Offsets in ``embedding_text``, at whose end the passage's own text stands."""
    before = len(embedding_text) - len(passage.text)
    return [(before + span.start, before + span.end) for span in sentences(passage.text)]
