"""Pieces are shared out on spans by their characters, in many texts at once as in each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.embeddings import Tokens
from triage.spans import Pooling, Spans

Span = tuple[int, int]
SIZE = 12
CUTS = st.lists(st.integers(0, SIZE), max_size=6, unique=True).map(sorted)
SPANS = CUTS.map(lambda cuts: list(zip(cuts[::2], cuts[1::2], strict=False)))
PIECES = st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)), max_size=6)


@given(st.lists(st.tuples(SPANS, PIECES), min_size=1, max_size=4))
def test_a_piece_is_shared_out_by_its_characters(texts: list[tuple[list[Span], list[Span]]]) -> None:
    spans = Spans.of(["x" * SIZE] * len(texts), [own for own, _ in texts])
    pieces = [(number, *one) for number, (_, own) in enumerate(texts) for one in own]
    message, start, end = np.array(pieces, np.int32).reshape(-1, 3).T
    found = spans.overlaps(message, start, end)
    expected = [
        (number, round((min(high, stop) - max(low, begin)) / (high - low), 5))
        for text, (own, _) in enumerate(texts)
        for begin, stop in own
        for number, (owner, low, high) in enumerate(pieces)
        if owner == text and max(low, begin) < min(high, stop)
    ]
    assert [*zip(found.piece.tolist(), found.share.round(5).tolist(), strict=True)] == [
        (number, pytest.approx(share, abs=2e-5)) for number, share in expected
    ]
    assert found.first[-1] == len(expected)
    assert len(found.first) == 1 + sum(len(own) for own, _ in texts)


def test_states_are_summed_by_word_sentence_and_text() -> None:
    words = Spans.of(["ab cd", "ab"], [[(0, 2), (3, 5)], [(0, 2)]])
    sentences = Spans.of(["ab cd", "ab"], [[(0, 2), (3, 5)], []])
    offsets = [np.array([(0, 0), (0, 2), (3, 4)], np.int32), np.zeros((0, 2), np.int32)]
    pooling = Pooling(offsets, words, sentences)
    states = np.array([[1, 0], [0, 2], [2, 2]], np.float32)
    by_word, by_sentence = pooling([Tokens(offsets[0], states), Tokens(offsets[1], states[:0])])
    np.testing.assert_allclose(by_word, np.array([[0, 0.4], [0.4, 0.4], [0, 0]]), atol=1e-6)
    assert pooling.read.tolist() == [0, 1]
    np.testing.assert_allclose(by_sentence, np.array([[0, 1], [0.5**0.5, 0.5**0.5]]), atol=1e-6)


def test_a_sentence_that_the_encoder_did_not_reach_is_not_read() -> None:
    sentences = Spans.of(["ab cd"], [[(0, 2), (3, 5)]])
    offsets = [np.array([(0, 2)], np.int32)]
    pooling = Pooling(offsets, Spans.none(["ab cd"]), sentences)
    assert pooling.read.tolist() == [0]
    assert pooling([Tokens(offsets[0], np.ones((1, 2), np.float32))])[1].shape == (1, 2)
