"""The n-grams of messages and of their sentences, looked up once for all models.

All but pairs of words lie within what blanks part, and people write much the same words: what was found in
one is remembered. That takes a third of the time of finding it again for each model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from triage.ngrams import READ, Keys, Ngrams, Pieces, find_pieces, lowered, pairs
from triage.spans import Spans

_TOKEN = re.compile(r"\S+")
_REMEMBERED = 20_000  # tokens, some 20 MB
_LONGEST = 30  # characters of a token that is remembered

Places = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Cells:
    """How often n-grams stand in rows: ascending, each pair of ``row`` and ``place`` once, all as long."""

    rows: int
    row: NDArray[np.intp]
    place: NDArray[np.intp]
    times: NDArray[np.intp]

    def first(self, rows: int) -> Cells:
        """Those of the first ``rows``."""
        end = int(np.searchsorted(self.row, rows))
        return Cells(rows, self.row[:end], self.place[:end], self.times[:end])


@dataclass(frozen=True, slots=True)
class Counted:
    """Cells as one model counts them (cells,): ``column``, −1 where it does not, and ``value``, TF-IDF or 0.

    ``matrix`` (rows, n-grams) holds those that it does.
    """

    column: Places
    value: NDArray[np.float32]
    matrix: csr_matrix


@dataclass(frozen=True, slots=True)
class Spotted:
    """Known n-grams of some messages: ``cells`` has rows for the messages, then for the parts of them.

    For each that stands in a message, ``message`` says in which, ``cell`` is its number among ``cells``, and
    ``start`` and ``end`` are offsets in the message's text.
    """

    cells: Cells
    message: Places
    cell: NDArray[np.intp]
    start: Places
    end: Places


@dataclass(frozen=True, slots=True)
class _Token:
    """What is known in a token: ``ngrams`` are (place, start, end) each, ``words`` (key, start, end)."""

    ngrams: Places
    words: tuple[tuple[int, int, int], ...]


class Vocabulary:
    """The n-grams that any of several models knows; safe to share between threads."""

    def __init__(self, *models: Ngrams) -> None:
        self._models = models
        self._keys: Keys = np.unique(np.concatenate([model.keys for model in models]))
        self._columns = np.full((len(models), len(self._keys)), -1, np.int32)
        for own, model in zip(self._columns, models, strict=True):
            own[np.searchsorted(self._keys, model.keys)] = np.arange(len(model.keys))
        self._tokens: dict[str, _Token] = {}

    def counted(self, cells: Cells, model: int) -> Counted:
        """What the model of that number makes of ``cells``."""
        column = self._columns[model][cells.place]
        known = np.flatnonzero(column >= 0)
        row, own = cells.row[known], column[known]
        value = np.zeros(len(column), np.float32)
        value[known] = self._models[model].weigh(row, own, cells.times[known])
        return Counted(column, value, self._models[model].rows(row, own, value[known], number=cells.rows))

    def spot(self, texts: Sequence[str], parts: Spans | None = None) -> Spotted:
        """What is known in ``texts``, of which the first ``READ`` characters count, and in ``parts`` of them.

        A part stands between blanks or ends of its text.
        """
        read = [lowered(text[:READ]).replace("\0", " ") for text in texts]
        found = self._pieces(read)
        row, place = found.message.astype(np.int64), found.key
        number = 0 if parts is None else len(parts.start)
        if parts is not None and number:
            whole, part = _within(found, parts)
            row, place = np.concatenate([row, len(read) + part]), np.concatenate([place, place[whole]])
        known = max(len(self._keys), 1)
        all_cells = row * known + place
        cell, times = np.unique(all_cells, return_counts=True)
        return Spotted(
            Cells(len(read) + number, *np.divmod(cell, known), times),
            found.message,
            np.searchsorted(cell, all_cells[: len(found.message)]),
            np.maximum(found.start, 0),
            np.minimum(found.end, np.array([len(text) for text in read], np.int32)[found.message]),
        )

    def _pieces(self, read: Sequence[str]) -> Pieces:
        """Of all kinds, with places instead of keys."""
        found = [[(one.group(), one.start()) for one in _TOKEN.finditer(text)] for text in read]
        tokens = self._known({token for own in found for token, _ in own})
        stand = [(number, start, tokens[token]) for number, own in enumerate(found) for token, start in own]
        number, shift = (np.array([one[column] for one in stand], np.int32) for column in (0, 1))
        sizes = [one.ngrams.shape[1] for _, _, one in stand]
        place, start, end = np.concatenate(
            [np.zeros((3, 0), np.int32), *(one.ngrams for _, _, one in stand)], axis=1
        )
        shifts = np.repeat(shift, sizes)
        own = Pieces(np.repeat(number, sizes), place, start + shifts, end + shifts)
        return _joined(own, self._pairs(stand))

    def _pairs(self, stand: Sequence[tuple[int, int, _Token]]) -> Pieces:
        words = [
            (number, shift + start, shift + end)
            for number, shift, one in stand
            for _, start, end in one.words
        ]
        key = np.array([key for _, _, one in stand for key, _, _ in one.words], np.uint64)
        number, start, end = np.array(words, np.int32).reshape(-1, 3).T
        return self._placed(pairs(Pieces(number, key, start, end)))

    def _known(self, tokens: set[str]) -> dict[str, _Token]:
        """What is in each of ``tokens``, looked up where it is not remembered."""
        found = {token: known for token in tokens if (known := self._tokens.get(token)) is not None}
        unknown = [token for token in tokens if token not in found]
        if unknown:
            fresh = dict(zip(unknown, self._look_up(unknown), strict=True))
            found |= fresh
            if len(self._tokens) > _REMEMBERED:
                self._tokens = {}
            self._tokens |= {token: one for token, one in fresh.items() if len(token) <= _LONGEST}
        return found

    def _look_up(self, tokens: Sequence[str]) -> list[_Token]:
        characters, words, _ = find_pieces(tokens)
        known = self._placed(_joined(characters, words))
        order = np.argsort(known.message, kind="stable")
        ngrams = np.stack([known.key[order].astype(np.int32), known.start[order], known.end[order]])
        bounds = np.searchsorted(known.message[order], np.arange(len(tokens) + 1)).tolist()
        own: list[list[tuple[int, int, int]]] = [[] for _ in tokens]
        columns = (words.message, words.key, words.start, words.end)
        for token, *word in zip(*(column.tolist() for column in columns), strict=True):
            own[token].append((word[0], word[1], word[2]))
        return [
            _Token(ngrams[:, bounds[number] : bounds[number + 1]].copy(), tuple(own[number]))
            for number in range(len(tokens))
        ]

    def _placed(self, pieces: Pieces) -> Pieces:
        """Those that are known, with places instead of keys."""
        place = np.searchsorted(self._keys, pieces.key)
        if len(self._keys):
            place = np.minimum(place, len(self._keys) - 1)
            known = np.flatnonzero(self._keys[place] == pieces.key)
        else:
            known = place[:0]
        return Pieces(pieces.message[known], place[known], pieces.start[known], pieces.end[known])


def _joined(first: Pieces, second: Pieces) -> Pieces:
    return Pieces(
        np.concatenate([first.message, second.message]),
        np.concatenate([first.key, second.key]),
        np.concatenate([first.start, second.start]),
        np.concatenate([first.end, second.end]),
    )


def _within(found: Pieces, parts: Spans) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Numbers of the pieces that lie in a part, or on the blanks around it, and the number of that part."""
    base = np.cumsum(parts.sizes + 3) - parts.sizes - 3  # as if in a row, with room between them
    own, at = base[parts.message], base[found.message]
    place = np.searchsorted(own + parts.start - 1, at + found.start, "right") - 1
    inside = np.flatnonzero((place >= 0) & (at + found.end <= (own + parts.end + 1)[place]))
    return inside, place[inside]
