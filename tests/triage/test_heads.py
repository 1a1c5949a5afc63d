import numpy as np
import pytest

from triage.heads import NAMES, fit_heads, in_order
from triage.ngrams import Ngrams, find_ngrams

TEXTS = ["refund me", "refund please", "parcel late", "parcel lost"]
VECTORS = np.eye(4, dtype=np.float32)


def test_labels_are_sorted_and_numbered() -> None:
    names, places = in_order(["b", "a", "b"])
    assert names == ("a", "b")
    assert places.tolist() == [1, 0, 1]


@pytest.mark.parametrize("number", [2, 3])
def test_every_head_knows_what_it_was_fitted_on(number: int) -> None:
    labels = np.array([0, 0, number - 1, number - 1])  # with three labels the middle one was never seen
    ngrams = Ngrams.fit(TEXTS)
    heads = fit_heads(VECTORS, ngrams.matrix(find_ngrams(TEXTS)), labels, number=number, seed=0)
    scores = heads.scores(VECTORS, ngrams.matrix(find_ngrams(TEXTS)))
    assert scores.shape == (3, 4, number)
    assert (scores.argmax(axis=2) == labels).all()


def test_nearness_is_the_mean_of_the_nearest_and_the_three_nearest() -> None:
    labels = np.array([0, 0, 0, 1])
    ngrams = Ngrams.fit(TEXTS)
    heads = fit_heads(VECTORS, ngrams.matrix(find_ngrams(TEXTS)), labels, number=2, seed=0)
    asked = np.array([[1, 0, 0, 0]], np.float32)
    nearness = heads.scores(asked, ngrams.matrix(find_ngrams(["x"])))[2, 0] / 10
    assert nearness == pytest.approx([(1 + 1 / 3) / 2, 0])


def test_a_centre_is_the_mean_of_the_examples_at_unit_length() -> None:
    labels = np.array([0, 0, 2, 2])
    ngrams = Ngrams.fit(TEXTS)
    heads = fit_heads(VECTORS, ngrams.matrix(find_ngrams(TEXTS)), labels, number=3, seed=0)
    half = 0.5**0.5
    expected = [[half, half, 0, 0], [0, 0, 0, 0], [0, 0, half, half]]
    assert heads.centres() == pytest.approx(np.array(expected), abs=1e-6)


def test_a_label_keeps_no_more_than_two_hundred_neighbours() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(500, 8)).astype(np.float32)
    labels = np.repeat([0, 1], [450, 50])
    texts = [f"text {number}" for number in range(500)]
    ngrams = Ngrams.fit(texts)
    first, again = (
        fit_heads(vectors, ngrams.matrix(find_ngrams(texts)), labels, number=2, seed=3) for _ in range(2)
    )
    assert len(first.neighbours) == 250
    assert (first.members >= 0).sum(axis=1).tolist() == [200, 50]
    assert (first.neighbours == again.neighbours).all()


@pytest.mark.parametrize("texts", [["?!", "…"], ["", " "]])
def test_texts_without_words_can_be_counted(texts: list[str]) -> None:
    ngrams = Ngrams.fit(texts)
    assert ngrams.matrix(find_ngrams(["refund", ""])).shape[0] == 2


def test_only_the_beginning_of_a_long_message_is_counted() -> None:
    ngrams = Ngrams.fit(["refund the parcel", "parcel"])
    assert ngrams.matrix(find_ngrams(["x" * 5_000 + " refund"])).nnz == 0


def test_what_the_neighbours_multiply_a_message_by_gives_their_scores() -> None:
    random = np.random.default_rng(4)
    vectors = random.normal(size=(20, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = np.array([0] * 12 + [1] * 2 + [2] * 6)
    texts = [f"text {number}" for number in range(20)]
    counted = Ngrams.fit(texts).matrix(find_ngrams(texts))
    heads = fit_heads(vectors, counted, labels, number=3, seed=0)
    by_neighbours = heads.scores(vectors, counted)[NAMES.index("neighbours")]
    nearest = heads.nearest(vectors)
    for message, (vector, row) in enumerate(zip(vectors, by_neighbours, strict=True)):
        pulls = heads.pulls(nearest, np.full(3, message), np.array([2, 0, 1]))
        np.testing.assert_allclose(pulls @ vector, row[[2, 0, 1]], atol=1e-4)
