import numpy as np
import pytest

from inference.fakes import HashEncoder
from tests.triage.messages import EXAMPLES
from triage.card import confused, write_card
from triage.model import HeldOut, train

HELD_OUT = HeldOut(
    labels=np.array([0, 0, 0, 1, 1]),
    predicted=np.array([0, 1, 1, 1, 0]),
    probability=np.array([0.9, 0.6, 0.6, 1, 0.4]),
)


def test_the_pairs_that_were_confused_come_commonest_first() -> None:
    assert confused(["a", "b"], HELD_OUT) == [(("a", "b"), 2), (("b", "a"), 1)]


@pytest.fixture(scope="module")
def card() -> str:
    renamed = [type(one)(one.text, one.label.replace("refund", "refund | credit")) for one in EXAMPLES]
    model, held_out = train(renamed, HashEncoder(dimensions=64), seed=5)
    return write_card(
        model, held_out, metrics={"accuracy": 0.75, "n": 24}, intervals={"accuracy": (0.5, 0.9)}
    )


def test_a_card_says_where_the_model_is_from_and_how_it_did(card: str) -> None:
    assert "* Trained on 24 examples, SHA-256 `" in card
    assert "Seed 5, encoder `hash@1`. Heads: sentence × " in card
    assert "| accuracy | 0.750 | 0.500 – 0.900 |" in card
    assert "| n | 24.000 |  |" in card


def test_a_label_with_a_bar_does_not_break_the_table(card: str) -> None:
    assert "| refund \\| credit | 8 |" in card


def test_the_reliability_counts_every_message(card: str) -> None:
    rows = card.split("## Reliability")[1].split("##", maxsplit=1)[0].strip().splitlines()[2:]
    assert sum(int(row.split("|")[3]) for row in rows) == 24
