"""The candidates of one search side by side: every signal as an array over the same passages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kit.ids import PassageId
from kit.text import rarity, words
from retrieval.candidates import IndexedVersion
from retrieval.index import VectorHit
from retrieval.lexical import LexicalHit
from retrieval.query import ConversationQuery, QueryVectors, stem

Scores = NDArray[np.float32]

_STANDOUT_RANK = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What the two searches returned, for the last turn and for the history (empty without one)."""

    dense: Sequence[VectorHit]
    history_dense: Sequence[VectorHit]
    lexical: Sequence[LexicalHit]
    history_lexical: Sequence[LexicalHit]

    def ids(self) -> list[PassageId]:
        """Every passage found, each once."""
        lists = (self.dense, self.lexical, self.history_dense, self.history_lexical)
        return list(dict.fromkeys(hit.id for hits in lists for hit in hits))


@dataclass(frozen=True, slots=True)
class Candidates:
    """Signals of ``ids``; every array is (number of candidates,) unless it says otherwise.

    ``dense``, ``recent`` and ``whole`` are cosines of the passage with the last turn, with the history
    weighted toward its end, and with all of it; ``*_document`` the same, averaged over the passages of
    the document. ``lexical`` and ``history_lexical`` are BM25, 0 where the lexical search did not return
    the passage. ``subject`` is the share of the document's name that was said, in [0, 1].
    ``document`` numbers the documents from 0 and ``size`` is how many passages the document has.
    ``standout`` is by how much the best passage's cosine with the last turn exceeds the tenth's: near 0
    when the turn alone fits everything alike ("yes, please").
    """

    ids: tuple[PassageId, ...]
    dense: Scores
    recent: Scores
    whole: Scores
    dense_document: Scores
    recent_document: Scores
    whole_document: Scores
    lexical: Scores
    history_lexical: Scores
    subject: Scores
    document: NDArray[np.intp]
    size: Scores
    standout: float
    has_history: bool

    def document_maximum(self, scores: Scores) -> Scores:
        """For each candidate the largest of ``scores`` among the candidates of its document."""
        best = np.full(int(self.document.max(initial=-1)) + 1, -np.inf, dtype=np.float32)
        np.maximum.at(best, self.document, scores)
        return best[self.document]

    def document_mean(self, scores: Scores) -> Scores:
        """For each candidate the mean of ``scores`` over its document; passages not found count 0."""
        total = np.bincount(self.document, weights=scores)
        return (total[self.document] / self.size).astype(np.float32)


def line_up(
    query: ConversationQuery,
    vectors: QueryVectors,
    found: Found,
    versions: Mapping[PassageId, IndexedVersion],
) -> Candidates:
    """The candidates of ``found`` that are in ``versions``, all with exact cosines."""
    ids = tuple(key for key in found.ids() if key in versions)
    documents = list({versions[key].version_id: versions[key] for key in ids}.values())
    number = {version.version_id: place for place, version in enumerate(documents)}
    document = np.array([number[versions[key].version_id] for key in ids], dtype=np.intp)
    queries = np.stack([vectors.last, vectors.recent, vectors.whole], axis=1)
    dense = _matrix(ids, versions, len(vectors.last)) @ queries
    means = np.array([version.mean for version in documents], np.float32).reshape(-1, len(vectors.last))
    of_documents = (means @ queries)[document]
    size = np.array([len(version.ids) for version in documents], np.float32)[document]
    subject = np.array(said_share([version.title for version in documents], query.said), np.float32)
    return Candidates(
        ids=ids,
        dense=dense[:, 0],
        recent=dense[:, 1],
        whole=dense[:, 2],
        dense_document=of_documents[:, 0],
        recent_document=of_documents[:, 1],
        whole_document=of_documents[:, 2],
        lexical=_in_order(ids, found.lexical),
        history_lexical=_in_order(ids, found.history_lexical),
        subject=subject[document],
        document=document,
        size=size,
        standout=_standout(found.dense),
        has_history=bool(query.turns),
    )


def _matrix(
    ids: Sequence[PassageId], versions: Mapping[PassageId, IndexedVersion], dimensions: int
) -> NDArray[np.float32]:
    rows = [versions[key].vectors[versions[key].ids.index(key)] for key in ids]
    return np.array(rows, np.float32).reshape(-1, dimensions)


def _in_order(ids: Sequence[PassageId], hits: Sequence[LexicalHit]) -> Scores:
    scores = dict(hits)
    return np.array([scores.get(key, 0.0) for key in ids], np.float32)


def _standout(hits: Sequence[VectorHit]) -> float:
    return hits[0].similarity - hits[: _STANDOUT_RANK + 1][-1].similarity if hits else 0.0


def said_share(titles: Sequence[str], said: Mapping[str, float]) -> list[float]:
    """For each title the share of its name that was said, in [0, 1]; rare words and late mentions count more.

    How rare a word is counts over the different names among ``titles``.
    """
    names = [_name(title) for title in titles]
    different = set(names)
    spread = Counter(word for name in different for word in name)
    telling = {word: rarity(count, len(different)) for word, count in spread.items()}
    share = {name: _heard(name, telling, said) for name in different}
    return [share[name] for name in names]


def _heard(name: Sequence[str], telling: Mapping[str, float], said: Mapping[str, float]) -> float:
    total = sum(telling[word] for word in name)
    return sum(telling[word] * said[word] for word in name if word in said) / total if total else 0.0


@lru_cache(maxsize=16_384)
def _name(title: str) -> tuple[str, ...]:
    """Stems of what a title is about: what stands before the first colon, dash or bar, if any does."""
    for mark in (": ", " | ", " – ", " — ", " - ", " › ", " » "):
        before, found, _ = title.partition(mark)
        if found and len(before) > 2:
            title = before
    return tuple(dict.fromkeys(stem(word) for word in words(title)))
