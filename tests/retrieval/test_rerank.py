import numpy as np
import pytest

from retrieval.fusion import Candidates, Found, line_up, said_share
from retrieval.query import QueryVectors, read_conversation
from retrieval.rerank import ConversationReranker


def _candidates(**changes: object) -> Candidates:
    """Three candidates: two passages of document 0, which has four, and the only one of document 1."""
    zeros = np.zeros(3, np.float32)
    values: dict[str, object] = {
        "ids": (1, 2, 3),
        "dense": zeros,
        "recent": zeros,
        "whole": zeros,
        "dense_document": zeros,
        "recent_document": zeros,
        "whole_document": zeros,
        "lexical": zeros,
        "history_lexical": zeros,
        "subject": zeros,
        "document": np.array([0, 0, 1]),
        "size": np.array([4, 4, 1], np.float32),
        "standout": 0.1,
        "has_history": True,
    }
    return Candidates(**(values | changes))  # type: ignore[arg-type]  # a mixed dictionary


def _floats(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, np.float32)


def test_maxima_and_means_go_by_document() -> None:
    candidates = _candidates()

    assert candidates.document_maximum(_floats(1, 3, 2)).tolist() == [3, 3, 2]
    assert candidates.document_mean(_floats(1, 3, 2)).tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    "signal",
    ["dense", "recent", "lexical", "history_lexical", "subject", "dense_document", "recent_document"],
)
def test_every_signal_lifts_a_passage(signal: str) -> None:
    scores = ConversationReranker().score(_candidates(**{signal: _floats(0.1, 0.1, 0.9)}))

    assert scores.argmax() == 2


def test_the_document_that_the_conversation_is_about_is_lifted_as_a_whole() -> None:
    scores = ConversationReranker().score(_candidates(whole=_floats(0.9, 0.1, 0.2)))

    assert scores[0] == scores[1]
    assert scores[0] > scores[2]


def test_dependence_falls_as_the_last_turn_stands_out() -> None:
    reranker = ConversationReranker()

    dependences = [reranker.dependence(_candidates(standout=standout)) for standout in (0, 0.1, 0.25, 0.5)]

    assert dependences[:2] == [1.0, 1.0]
    assert dependences == sorted(dependences, reverse=True)
    assert dependences[3] < 0.2
    assert reranker.dependence(_candidates(has_history=False)) == 0


def test_a_name_is_what_stands_before_the_mark() -> None:
    titles = [
        "Birch House: Is there parking?",
        "Alder House | Breakfast",
        "Roaming - Europe",
        "Moving home",
        "",
    ]

    shares = said_share(titles, {"birch": 1.0, "house": 1.0, "roam": 0.5})

    assert shares[0] == pytest.approx(1.0)
    assert 0 < shares[1] < 0.5  # "house" is in two names
    assert shares[2] == pytest.approx(0.5)
    assert shares[3:] == [0, 0]


def test_nothing_found_lines_up_as_nothing() -> None:
    unit = np.full(4, 0.5, np.float32)
    candidates = line_up(read_conversation("x"), QueryVectors(unit, unit, unit), Found([], [], [], []), {})

    assert candidates.ids == ()
    assert candidates.standout == 0
    assert ConversationReranker().score(candidates).shape == (0,)
