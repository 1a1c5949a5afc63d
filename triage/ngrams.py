"""Pieces of words and pairs of words: what tells "EMI" from "emi?" and survives a typo.

A company's messages come by the hundred thousand, so n-grams are counted for many messages at a time with
arrays: an n-gram is known by a 64-bit hash of its characters, and by where in the text it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Keys = NDArray[np.uint64]

_LENGTHS = (2, 3, 4, 5)  # characters, within a word and the blank on either side of it
_MOST = {"characters": 40_000, "words": 30_000}  # of each kind, the commonest
READ = 4_000  # characters of a message; a log pasted below it says nothing about what it is
_BLANK = ord(" ")
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse modulo 2^64
_PAIR = np.uint64(0xC2B2AE3D27D4EB4F)
_WORD_SALT = np.uint64(0x165667B19E3779F9)


@dataclass(frozen=True, slots=True)
class Found:
    """Every n-gram of some messages: ``message`` (n-grams,) says whose, ``key`` its hash.

    ``start`` and ``end`` are offsets in that message's text; ``word`` tells words from characters.
    ``messages`` is how many there are.
    """

    messages: int
    message: NDArray[np.int32]
    key: Keys
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    word: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Ngrams:
    """What is counted: ``keys`` (n-grams,), sorted, and how rare each is. Words are told by ``word``."""

    keys: Keys
    idf: NDArray[np.float32]
    word: NDArray[np.bool_]

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Ngrams:
        """Learn what to count from ``texts``."""
        found = find_ngrams(texts)
        kept = [_commonest(found, word=False), _commonest(found, word=True)]
        keys, having = (np.concatenate(column) for column in zip(*kept, strict=True))
        word = np.repeat([False, True], [len(kept[0][0]), len(kept[1][0])])
        order = np.argsort(keys)
        idf = np.log((1 + found.messages) / (1 + having)) + 1
        return cls(keys[order], idf[order].astype(np.float32), word[order])

    def matrix(self, found: Found) -> csr_matrix:
        """TF-IDF (messages, n-grams): characters and words of a message each at unit length."""
        place, known = self.places(found)
        cell = found.message[known].astype(np.int64) * max(len(self.keys), 1) + place[known]
        cell, times = np.unique(cell, return_counts=True)
        row, column = np.divmod(cell, max(len(self.keys), 1))
        return self.rows(row, column, self.weigh(row, column, times), number=found.messages)

    def weigh(
        self, row: NDArray[np.intp], column: NDArray[np.intp], times: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """The TF-IDF of each cell, of an n-gram that stands ``times`` in a message."""
        value = (1 + np.log(times)) * self.idf[column]
        kind = row * 2 + self.word[column]
        length = np.sqrt(np.bincount(kind, value**2, minlength=1))
        return np.asarray(value / np.maximum(length[kind], 1e-12), np.float32)

    def rows(
        self, row: NDArray[np.intp], column: NDArray[np.intp], value: NDArray[Any], *, number: int
    ) -> csr_matrix:
        """A matrix (``number``, n-grams) of cells whose rows ascend."""
        starts = np.searchsorted(row, np.arange(number + 1))
        return csr_matrix((value, column, starts), shape=(number, len(self.keys)))

    def places(self, found: Found) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """For each n-gram its place among ``keys``, and whether it is one of them at all."""
        if not len(self.keys):
            return np.zeros(len(found.key), np.intp), np.zeros(len(found.key), np.bool_)
        place = np.minimum(np.searchsorted(self.keys, found.key), len(self.keys) - 1)
        return place, self.keys[place] == found.key


def find_ngrams(texts: Sequence[str]) -> Found:
    """Character n-grams of two to five within words, words, and pairs of words, in lower case."""
    read = [text[:READ] for text in texts]
    pieces = find_pieces(read)
    message = np.concatenate([piece.message for piece in pieces])
    last = np.array([len(text) for text in read], np.int32)
    start = np.maximum(np.concatenate([piece.start for piece in pieces]), 0)
    end = np.minimum(np.concatenate([piece.end for piece in pieces]), last[message])
    sizes = [len(piece.key) for piece in pieces]
    word = np.repeat([False, True, True], sizes)
    return Found(len(read), message, np.concatenate([piece.key for piece in pieces]), start, end, word)


@dataclass(frozen=True, slots=True)
class Pieces:
    """N-grams of one kind, as in ``Found``, but that the blank before a text begins at −1.

    ``key`` is their hash, or their place where they have been looked up.
    """

    message: NDArray[np.int32]
    key: NDArray[Any]
    start: NDArray[np.int32]
    end: NDArray[np.int32]


def find_pieces(texts: Sequence[str]) -> tuple[Pieces, Pieces, Pieces]:
    """Character n-grams, words and pairs of words of whole ``texts``."""
    sizes = np.array([len(text) + 2 for text in texts], np.int64)
    letters = _letters(texts)
    message = np.repeat(np.arange(len(texts), dtype=np.int32), sizes)
    first = np.cumsum(sizes) - sizes + 1
    within = (np.arange(len(letters)) - np.repeat(first, sizes)).astype(np.int32)

    def pieces(start: NDArray[np.intp], stop: NDArray[np.intp], key: Keys) -> Pieces:
        return Pieces(message[start], key, within[start], within[start] + (stop - start).astype(np.int32))

    start, stop, key = (np.concatenate(column) for column in zip(*_characters(letters), strict=True))
    words = pieces(*_words(letters))
    return pieces(start, stop, key), words, pairs(words)


def pairs(words: Pieces) -> Pieces:
    """Each word with the one after it in the same message."""
    first = np.flatnonzero(words.message[:-1] == words.message[1:])
    key = words.key[first] * _PAIR + words.key[first + 1]
    return Pieces(words.message[first], key, words.start[first], words.end[first + 1])


_Piece = tuple[NDArray[np.intp], NDArray[np.intp], Keys]  # first character, the one behind the last, hash


def _letters(texts: Sequence[str]) -> NDArray[np.uint32]:
    """All texts in one row, a blank before and after each; white space is blank, one number a character."""
    joined = "".join(f" {lowered(text)} " for text in texts)
    numbers = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    blank, _ = _kinds()
    small = np.minimum(numbers, 0xFFFF)
    return np.where(blank[small], np.uint32(_BLANK), numbers)


def lowered(text: str) -> str:
    """``text`` in lower case at its own length, so that offsets hold."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(one.lower() if len(one.lower()) == 1 else one for one in text)


@cache
def _kinds() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each character of the basic plane, whether it is white space, and whether it is part of a word."""
    plane = [chr(number) for number in range(0x10000)]
    blank = np.array([one.isspace() or one == "\0" for one in plane])
    return blank, np.array([one.isalnum() or one == "_" for one in plane])


def _characters(letters: NDArray[np.uint32]) -> list[_Piece]:
    blank = letters == _BLANK
    key = letters.astype(np.uint64)
    inner = np.zeros(len(letters), np.bool_)  # whether a blank stands between first and last
    found: list[_Piece] = []
    for length in _LENGTHS:
        size = max(len(letters) - length + 1, 0)
        inner = inner[:size]
        if length > _LENGTHS[0]:
            inner = inner | blank[length - 2 : length - 2 + size]
        key = key[:size] * _BASE + letters[length - 1 :]
        start = np.flatnonzero(~inner & ~(blank[:size] & blank[length - 1 :]))
        found.append((start, start + length, key[start] ^ np.uint64(length)))
    return found


def _words(letters: NDArray[np.uint32]) -> _Piece:
    _, part = _kinds()
    inside = part[np.minimum(letters, 0xFFFF)] & (letters < 0x10000)
    edges = np.diff(inside.astype(np.int8), prepend=0, append=0)
    start, stop = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    # The hash of letters i to j is a sum of letter * base^place, divided by base^i: all at once, modulo 2^64.
    powers, inverses = _powers(len(letters))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum((letters + np.uint64(1)) * powers)])
    return start, stop, (sums[stop] - sums[start]) * inverses[start] * _WORD_SALT


def _powers(number: int) -> tuple[Keys, Keys]:
    inverse = np.uint64(pow(int(_BASE), -1, 2**64))
    ones = np.ones(max(number, 1), np.uint64)
    powers, inverses = ones.copy(), ones
    powers[1:], inverses[1:] = _BASE, inverse
    return np.cumprod(powers)[:number], np.cumprod(inverses)[:number]


def _commonest(found: Found, *, word: bool) -> tuple[Keys, NDArray[np.int64]]:
    """The commonest n-grams of one kind with the number of messages that have each."""
    own = found.word == word
    keys, inverse, times = np.unique(found.key[own], return_inverse=True, return_counts=True)
    pairs = np.unique(inverse.astype(np.int64) * max(found.messages, 1) + found.message[own])
    having = np.bincount(pairs // max(found.messages, 1), minlength=len(keys))
    most = _MOST["words" if word else "characters"]
    kept = np.lexsort((keys, -times))[:most]
    return keys[kept], having[kept]
