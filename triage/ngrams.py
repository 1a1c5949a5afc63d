"""Pieces of words and pairs of words: what tells "EMI" from "emi?" and survives a typo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer

_CHARACTERS = {"analyzer": "char_wb", "ngram_range": (2, 5), "sublinear_tf": True}
_WORDS = {"ngram_range": (1, 2), "sublinear_tf": True, "token_pattern": r"\b\w+\b"}
_MOST = {"characters": 40_000, "words": 30_000}  # of each kind, the commonest
_READ = 4_000  # characters of a message; a log pasted below it says nothing about what it is


@dataclass(frozen=True, slots=True)
class NgramTable:
    """What is counted, and how rare each is: ``terms[i]`` weighs ``idf[i]``."""

    terms: tuple[str, ...]
    idf: NDArray[np.float64]


class Ngrams:
    """TF-IDF of character and word n-grams, each kind at unit length."""

    def __init__(self, characters: NgramTable, words: NgramTable) -> None:
        self.characters = characters
        self.words = words
        self._vectorizers = (_restored(_CHARACTERS, characters), _restored(_WORDS, words))

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Ngrams:
        """Learn what to count from ``texts``."""
        read = [text[:_READ] for text in texts]
        return cls(_learnt(_CHARACTERS, read, _MOST["characters"]), _learnt(_WORDS, read, _MOST["words"]))

    def matrix(self, texts: Sequence[str]) -> csr_matrix:
        """(number of texts, number of n-grams), characters first."""
        read = [text[:_READ] for text in texts]
        return hstack([one.transform(read) for one in self._vectorizers]).tocsr().astype(np.float32)


def _learnt(options: dict[str, object], texts: Sequence[str], most: int) -> NgramTable:
    vectorizer = TfidfVectorizer(**options, max_features=most)
    try:
        vectorizer.fit(texts)
    except ValueError:  # no text has a single word
        return NgramTable((), np.zeros(0))
    return NgramTable(tuple(vectorizer.get_feature_names_out()), np.asarray(vectorizer.idf_))


def _restored(options: dict[str, object], table: NgramTable) -> TfidfVectorizer:
    terms = table.terms or ("\x00",)  # the library refuses an empty vocabulary
    vectorizer = TfidfVectorizer(**options, vocabulary={term: place for place, term in enumerate(terms)})
    vectorizer.idf_ = table.idf if len(table.idf) else np.ones(1)
    return vectorizer
