"""What is counted of a message, against a slow and plain way to count the same."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from triage.ngrams import READ, Found, Ngrams, find_ngrams

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)  # lone surrogates too
WORDS = st.lists(
    st.sampled_from(["refund", "EMI", "Emi?", "my", "PARCEL", "straße", "late", "…"]), max_size=8
)
MESSAGES = st.lists(ANY_TEXT | WORDS.map(" ".join), max_size=5)


Kind = tuple[bool, tuple[str, ...]]  # whether it is of words, and its characters


@dataclass(frozen=True)
class Piece:
    """An n-gram: its characters (two words, where it is a pair) and where it stands."""

    word: bool
    characters: tuple[str, ...]
    start: int
    end: int

    @property
    def kind(self) -> Kind:
        return self.word, self.characters


def plain_pieces(text: str) -> Iterator[Piece]:
    """The n-grams of a text one after the other: by length and place, then words, then pairs."""
    letters = plain_letters(text)
    padded = f" {letters} "
    for length in (2, 3, 4, 5):
        for start in range(len(padded) - length + 1):
            piece = padded[start : start + length]
            if " " not in piece[1:-1] and not piece[0] == piece[-1] == " ":
                yield Piece(False, (piece,), max(start - 1, 0), min(start + length - 1, len(letters)))
    words = list(plain_words(letters))
    for start, end in words:
        yield Piece(True, (letters[start:end],), start, end)
    for (start, middle), (again, end) in pairwise(words):
        yield Piece(True, (letters[start:middle], letters[again:end]), start, end)


def plain_letters(text: str) -> str:
    """What is read of a text, in lower case at its own length, every white space a blank."""
    read = text[:READ]
    lower = read.lower()
    if len(lower) > len(read):
        lower = "".join(one.lower() if len(one.lower()) == 1 else one for one in read)
    return "".join(" " if one.isspace() or one == "\0" else one for one in lower)


def plain_words(letters: str) -> Iterator[tuple[int, int]]:
    start = None
    for place, one in enumerate(f"{letters} "):
        if ord(one) < 0x10000 and (one.isalnum() or one == "_"):
            start = place if start is None else start
        elif start is not None:
            yield start, place
            start = None


def plain_weights(counts: Counter[Kind], *, word: bool, rare: dict[Kind, float]) -> dict[Kind, float]:
    """TF-IDF of one kind of n-grams of one message, at unit length."""
    own = {
        kind: (1 + math.log(times)) * rare[kind]
        for kind, times in counts.items()
        if kind[0] == word and kind in rare
    }
    length = math.sqrt(sum(value**2 for value in own.values()))
    return {kind: value / length for kind, value in own.items()}


def rows_of(found: Found, message: int) -> list[tuple[bool, int, int, int]]:
    own = found.message == message
    columns = (found.word[own], found.start[own], found.end[own], found.key[own])
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


@given(ANY_TEXT)
@example("Straße İstanbul ΟΔΟΣ")  # one of them is longer in lower case
@example("EMI?\t𝐀bc\0d\ud800e")
def test_every_piece_stands_where_it_is_said_to_stand(text: str) -> None:
    found = find_ngrams([text])
    expected = list(plain_pieces(text))
    assert [*zip(found.word.tolist(), found.start.tolist(), found.end.tolist(), strict=True)] == [
        (piece.word, piece.start, piece.end) for piece in expected
    ]
    letters = plain_letters(text)
    for start, end, piece in zip(found.start, found.end, expected, strict=True):
        quoted = letters[start:end].strip()
        assert quoted.startswith(piece.characters[0].strip())
        assert quoted.endswith(piece.characters[-1].strip())
        assert len(piece.characters) == 2 or quoted == piece.characters[0].strip()


@given(MESSAGES)
def test_the_same_piece_has_the_same_key_in_any_text_and_another_piece_another(texts: list[str]) -> None:
    key_of: dict[Kind, set[int]] = {}
    for text in texts:
        for piece, key in zip(plain_pieces(text), find_ngrams([text]).key.tolist(), strict=True):
            key_of.setdefault(piece.kind, set()).add(key)
    assert all(len(keys) == 1 for keys in key_of.values())
    assert len(set().union(*key_of.values())) == len(key_of)


@given(MESSAGES)
def test_many_messages_at_once_are_counted_as_one_by_one(texts: list[str]) -> None:
    together = find_ngrams(texts)
    assert together.messages == len(texts)
    for number, text in enumerate(texts):
        assert rows_of(together, number) == rows_of(find_ngrams([text]), 0)
    ngrams = Ngrams.fit(texts)
    apart = [ngrams.matrix(find_ngrams([text])).toarray() for text in texts]
    if texts:
        np.testing.assert_allclose(ngrams.matrix(together).toarray(), np.concatenate(apart), atol=1e-6)


@given(MESSAGES.filter(bool), MESSAGES.filter(bool))
def test_counting_is_that_of_the_plain_way(fitted: list[str], asked: list[str]) -> None:
    having = Counter(kind for text in fitted for kind in {piece.kind for piece in plain_pieces(text)})
    rare = {kind: math.log((1 + len(fitted)) / (1 + times)) + 1 for kind, times in having.items()}
    ngrams = Ngrams.fit(fitted)
    assert len(ngrams.keys) == len(rare)
    matrix = ngrams.matrix(find_ngrams(asked))
    for number, text in enumerate(asked):
        pieces = [piece.kind for piece in plain_pieces(text)]
        key_of = dict(zip(pieces, find_ngrams([text]).key.tolist(), strict=True))
        counts = Counter(pieces)
        expected = {
            key_of[kind]: value
            for word in (False, True)
            for kind, value in plain_weights(counts, word=word, rare=rare).items()
        }
        row = matrix[[number]]
        got = dict(zip(ngrams.keys[row.indices].tolist(), row.data.tolist(), strict=True))
        assert got == pytest.approx(expected, abs=1e-5)


def test_what_few_messages_have_weighs_more_than_what_all_have() -> None:
    ngrams = Ngrams.fit(["my refund", "my parcel", "my password"])
    own = find_ngrams(["my refund"])
    place, known = ngrams.places(own)
    assert known.all()
    by_span = {
        (start, end): float(ngrams.idf[column])
        for start, end, column, word in zip(own.start, own.end, place, own.word, strict=True)
        if word
    }
    assert by_span[0, 2] == pytest.approx(1.0)  # "my" is in all: log(4 / 4) + 1
    assert by_span[3, 9] == pytest.approx(math.log(2) + 1)  # "refund" is in one of three


def test_characters_and_words_are_each_at_unit_length() -> None:
    texts = ["please refund my order, please", "EMI?", "Überweisung"]
    ngrams = Ngrams.fit(texts)
    matrix = ngrams.matrix(find_ngrams(texts)).toarray()
    for own in (ngrams.word, ~ngrams.word):
        np.testing.assert_allclose(np.linalg.norm(matrix[:, own], axis=1), 1, atol=1e-5)


def test_what_a_typo_leaves_is_known_and_the_rest_is_not() -> None:
    ngrams = Ngrams.fit(["password", "parcel"])
    known = ngrams.places(find_ngrams(["passwrd"]))[1]
    assert 0.3 < known.mean() < 1


@pytest.mark.parametrize("texts", [[], [""], ["", "", " \n"]])
def test_without_characters_nothing_is_found(texts: list[str]) -> None:
    found = find_ngrams(texts)
    assert found.messages == len(texts)
    assert len(found.key) == len(found.start) == 0
    ngrams = Ngrams.fit(["refund", *texts])
    assert ngrams.matrix(found).shape == (len(texts), len(ngrams.keys))
    assert Ngrams.fit(texts).matrix(find_ngrams(["refund", ""])).shape == (2, 0)


def test_a_message_is_counted_up_to_where_it_is_read() -> None:
    text = "word " * READ
    found = find_ngrams([text, "word"])
    assert rows_of(found, 0) == rows_of(find_ngrams([text[:READ]]), 0)
    assert found.end[found.message == 0].max() == READ
    assert rows_of(found, 1) == rows_of(find_ngrams(["word"]), 0)


def test_of_more_pieces_than_are_kept_the_commonest_stay() -> None:
    random = np.random.default_rng(5)
    noise = ["".join(map(chr, random.integers(0x4E00, 0x9FFF, 3_900))) for _ in range(6)]
    texts = [f"refund {one}" for one in noise]
    ngrams = Ngrams.fit(texts)
    found = len(np.unique(find_ngrams(texts).key))
    assert len(ngrams.keys) < found / 2
    assert (ngrams.keys[:-1] < ngrams.keys[1:]).all()
    _, known = ngrams.places(find_ngrams(["refund"]))
    assert known.all()
