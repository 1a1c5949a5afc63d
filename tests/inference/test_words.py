from pathlib import Path

import numpy as np
import pytest

from inference.errors import ModelMissing
from inference.words import WordVectors, load_word_vectors


@pytest.fixture(scope="module")
def words() -> WordVectors:
    return load_word_vectors()


def test_the_same_word_is_nearest(words: WordVectors) -> None:
    found = words.nearness(["router", "bill"], ["bill", "router", "weather"])
    np.testing.assert_allclose(found, 1.0, atol=2e-3)


@pytest.mark.parametrize(
    ("word", "near", "far"),
    [("payment", "paid", "router"), ("cancelled", "cancel", "speed"), ("cheaper", "price", "garden")],
)
def test_related_words_are_nearer_than_others(words: WordVectors, word: str, near: str, far: str) -> None:
    assert words.nearness([word], [near])[0] > words.nearness([word], [far])[0] + 0.1


def test_a_word_unknown_to_the_model_is_read_in_pieces(words: WordVectors) -> None:
    assert words.nearness(["brightwaterish"], ["brightwaterish"])[0] == pytest.approx(1, abs=2e-3)


def test_nothing_is_near_nothing(words: WordVectors) -> None:
    assert words.nearness(["bill", "router"], []).tolist() == [0, 0]
    assert words.nearness([], ["bill"]).tolist() == []
    assert words.nearness(["\u200b"], ["bill"]).tolist() == [0]


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no word embeddings"):
        load_word_vectors(tmp_path)
