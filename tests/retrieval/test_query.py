import numpy as np
import pytest

from retrieval import HistoryTurn
from retrieval.query import content_words, query_vectors, read_conversation, stem


def test_words_that_are_only_grammar_are_dropped_unless_there_is_nothing_else() -> None:
    assert content_words("How do I reset the router, and the ROUTER again?") == ["reset", "router", "again"]
    assert content_words("Can you do that?") == ["can", "you", "do", "that"]
    assert content_words("") == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("routers", "router"),
        ("bill's", "bill"),
        ("moving", "mov"),
        ("policies", "polic"),
        ("is", "is"),
        ("used", "used"),
    ],
)
def test_stems(word: str, expected: str) -> None:
    assert stem(word) == expected


def test_the_history_comes_newest_first_and_fades() -> None:
    query = read_conversation(
        "And when?",
        [HistoryTurn("router broken"), HistoryTurn("engineer visit", by_customer=False), HistoryTurn("  ")],
    )

    assert query.texts == ("And when?", "engineer visit", "router broken")
    assert query.history_terms == {"engineer": 1.0, "visit": 1.0, "router": 0.8, "broken": 0.8}
    assert query.said["when"] == 1.0
    assert query.said["engineer"] == pytest.approx(0.9)
    assert query.said["router"] == pytest.approx(0.81)


def test_a_wordy_turn_spreads_its_weight_and_a_word_keeps_its_best() -> None:
    long = " ".join(f"word{number}" for number in range(40))

    query = read_conversation("ok", [HistoryTurn("word3"), HistoryTurn(long, by_customer=False)])

    assert query.history_terms["word3"] == pytest.approx(0.8)
    assert query.history_terms["word4"] == pytest.approx(0.25)
    assert len(query.history_terms) == 32


def test_only_so_much_history_is_read() -> None:
    query = read_conversation("ok", [HistoryTurn(f"turn {number} " + "x" * 1000) for number in range(40)])

    assert len(query.turns) == 12
    assert query.turns[0].startswith("turn 39")
    assert all(len(turn) == 600 for turn in query.turns)


def test_the_vectors_of_the_history_are_unit_means() -> None:
    vectors = query_vectors(np.eye(3, dtype=np.float32))

    assert vectors.last.tolist() == [1, 0, 0]
    assert vectors.whole == pytest.approx(np.array([0, 1, 1]) / np.sqrt(2))
    assert vectors.recent == pytest.approx(np.array([0, 1, 0.8]) / np.hypot(1, 0.8))


def test_without_a_history_its_vectors_are_zero() -> None:
    vectors = query_vectors(np.eye(3, dtype=np.float32)[:1])

    assert not vectors.whole.any()
    assert not vectors.recent.any()
