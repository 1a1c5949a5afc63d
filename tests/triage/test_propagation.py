import numpy as np
import pytest
from scipy.sparse import csr_matrix

from triage.propagation import Graph

RANDOM = np.random.default_rng(3)


def arc(start: float, end: float, number: int) -> list[list[float]]:
    """Unit vectors along a circle, from one angle to another."""
    return [[float(np.cos(angle)), float(np.sin(angle))] for angle in np.linspace(start, end, number)]


def without_ngrams(number: int) -> csr_matrix:
    return csr_matrix((number, 1), dtype=np.float32)


def test_a_label_follows_its_neighbours_further_than_a_straight_line_would() -> None:
    # Two arcs; the far end of the first is nearer to the example of the second than to its own.
    vectors = np.array([*arc(0, 1.5, 60), *arc(1.9, 3.0, 60)], np.float32)
    graph = Graph.of(vectors, without_ngrams(len(vectors)))

    asked = np.delete(np.arange(120), [0, 60])
    shares = graph.spread(np.array([0, 60]), np.array([0, 1]), asked, number=2)

    assert vectors[59] @ vectors[60] > vectors[59] @ vectors[0]
    assert shares.argmax(axis=1).tolist() == [0] * 59 + [1] * 59


def test_shares_of_a_message_add_up_to_one() -> None:
    vectors = np.array(arc(0, 3, 50), np.float32)
    graph = Graph.of(vectors, without_ngrams(50))

    shares = graph.spread(np.array([0, 49]), np.array([0, 2]), np.arange(1, 49), number=3)

    assert shares.sum(axis=1) == pytest.approx(np.ones(48))
    assert not shares[:, 1].any()


def test_what_nothing_reaches_has_no_share() -> None:
    vectors = np.array([*arc(0, 0.1, 20), *arc(3, 3.1, 20)], np.float32)
    graph = Graph.of(vectors, without_ngrams(40))

    shares = graph.spread(np.array([0]), np.array([0]), np.arange(20, 40), number=1)

    assert not shares.any()


def test_messages_left_out_carry_nothing() -> None:
    # Message 1 alone connects message 2 with the example.
    weights = csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], float))
    graph = Graph(weights)

    assert graph.spread(np.array([0]), np.array([0]), np.array([1, 2]), number=1).all()
    assert not graph.spread(np.array([0]), np.array([0]), np.array([2]), number=1).any()


def test_equal_vectors_are_told_apart_by_their_ngrams() -> None:
    vectors = np.ones((40, 1), np.float32)
    counted = csr_matrix(np.repeat(np.eye(2), 20, axis=0), dtype=np.float32)
    graph = Graph.of(vectors, counted)

    shares = graph.spread(np.array([0, 20]), np.array([0, 1]), np.array([5, 25]), number=2)

    assert shares.argmax(axis=1).tolist() == [0, 1]


def test_the_graph_is_symmetric_and_the_same_whatever_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = RANDOM.normal(size=(90, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    at_once = Graph.of(vectors, without_ngrams(90)).weights
    monkeypatch.setattr("triage.propagation._AT_ONCE", 7)
    in_parts = Graph.of(vectors, without_ngrams(90)).weights

    assert abs(at_once - at_once.T).max() == 0
    assert abs(at_once - in_parts).max() < 1e-6
    assert at_once.diagonal().max() == 0
