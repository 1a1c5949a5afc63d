"""Passages and searches for tests of answers, encoded by words instead of a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot.wording import terms
from inference.embeddings import Vector
from inference.fakes import HashEncoder
from kit.ids import DocumentId, PassageId, VersionId
from kit.text import sentences
from knowledge_base.document import Passage, PassageKind
from retrieval import RankedPassage, Retrieval

_ENCODER = HashEncoder(dimensions=256)


class SameWords:
    """Words are near when they are the same: what a test can reckon by hand."""

    def nearness(self, asked: Sequence[str], said: Sequence[str]) -> NDArray[np.float32]:
        """1 for each word of ``asked`` that is in ``said``, else 0."""
        return np.array([word in said for word in asked], np.float32)


def passage(
    text: str,
    *,
    title: str = "Moving home",
    number: int = 1,
    document: str | None = None,
    start: int = 0,
    kind: PassageKind = PassageKind.PROSE,
    headings: tuple[str, ...] = (),
    context: str = "",
) -> Passage:
    key = document or f"article-{number}.md"
    return Passage(
        id=PassageId(number),
        document_id=DocumentId(key),
        version_id=VersionId(f"{key}@1"),
        document_key=key,
        title=title,
        url=None,
        ordinal=0,
        start=start,
        end=start + len(text),
        text=text,
        kind=kind,
        headings=headings,
        context=context,
    )


def retrieval(
    question: str, passages: Sequence[Passage], *, dependence: float = 0.0, embedded: bool = True
) -> Retrieval:
    """What a search for ``question`` would give, with ``passages`` in the order given."""
    vector = encode(question)
    ranked = []
    for rank, one in enumerate(passages):
        dense = float(encode(f"{one.title} {one.text}") @ vector)
        spans = [encode(span.text) for span in sentences(one.text)]
        ranked.append(
            RankedPassage(
                passage=one,
                score=1.0 - 0.1 * rank,
                dense=dense,
                lexical=1.0,
                sentence_embeddings=np.stack(spans).astype(np.float16) if embedded and spans else None,
            )
        )
    return Retrieval(tuple(ranked), question, dependence, vector)


def encode(text: str) -> Vector:
    """Stemmed words, hashed: "cancelling" is near "cancel"."""
    vector: Vector = _ENCODER.encode([" ".join(terms(text)) or "-"])[0]
    return vector
