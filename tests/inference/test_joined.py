"""Two encoders side by side."""

from __future__ import annotations

import numpy as np
import pytest

from inference.fakes import HashEncoder
from inference.joined import JoinedEncoder, balance, join

FIRST, SECOND = HashEncoder(dimensions=64), HashEncoder(dimensions=32)
JOINED = JoinedEncoder(FIRST, SECOND)
TEXTS = ["where is my parcel", "money back, please", ""]


def test_a_cosine_is_the_mean_of_those_of_the_parts() -> None:
    vectors, first, second = (encoder.encode(TEXTS) for encoder in (JOINED, FIRST, SECOND))
    assert vectors.shape == (3, JOINED.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors @ vectors.T, (first @ first.T + second @ second.T) / 2, atol=1e-6)


def test_the_mean_of_the_token_states_at_unit_length_is_the_vector() -> None:
    encoded = JOINED.encode_with_tokens(TEXTS[:2])
    for vector, tokens in zip(encoded.texts, encoded.tokens, strict=True):
        mean = tokens.states.mean(axis=0)
        assert np.allclose(mean / np.linalg.norm(mean), vector, atol=1e-5)


def test_joining_what_the_parts_made_is_what_the_joined_encoder_makes() -> None:
    joined = join(FIRST.encode_with_tokens(TEXTS), SECOND.encode_with_tokens(TEXTS))
    whole = JOINED.encode_with_tokens(TEXTS)
    assert np.array_equal(joined.texts, whole.texts)
    for one, other in zip(joined.tokens, whole.tokens, strict=True):
        assert np.array_equal(one.states, other.states)
        assert np.array_equal(one.offsets, other.offsets)


def test_spans_are_joined_too() -> None:
    found = JOINED.encode_with_spans(TEXTS[:1], [[(0, 5), (6, 8)]])
    assert found.spans[0].shape == (2, JOINED.dimensions)
    assert np.linalg.norm(found.spans[0], axis=1) == pytest.approx(1, abs=1e-5)


def test_parts_that_grew_apart_are_balanced_again() -> None:
    same = HashEncoder(dimensions=64)
    vectors = JoinedEncoder(FIRST, same).encode(TEXTS[:2])
    skewed = vectors * np.concatenate([np.full(64, 3.0), np.full(64, 0.2)]).astype(np.float32)
    assert np.allclose(balance(skewed), vectors, atol=1e-6)
