from collections.abc import Sequence

import pytest

from inference.fakes import HashEncoder
from tests.triage.shop import corrected, messages, renamed
from triage.corrections import Correction
from triage.examples import Example
from triage.model import IntentModel, train
from triage.upheld import Upheld, uphold

ENCODER = HashEncoder(dimensions=128)
HONEST = corrected(messages(20, seed=2))


@pytest.fixture(scope="module")
def live() -> IntentModel:
    return train(messages(5, seed=1), ENCODER)[0]


def held(corrections: Sequence[Correction], live: IntentModel, label: str = "refund") -> Upheld:
    return uphold(corrections, live, ENCODER)[label]


def test_honest_corrections_uphold_about_what_the_model_expects(live: IntentModel) -> None:
    found = uphold(HONEST, live, ENCODER)
    assert sum(each.said for each in found.values()) == len(HONEST)
    assert all(each.upheld > each.expected / 2 and each.chance > 0.5 for each in found.values())


def test_a_label_called_by_anothers_name_is_upheld_nowhere(live: IntentModel) -> None:
    found = held(renamed(HONEST, "refund", "delivery"), live)
    assert (found.upheld, found.label) == (0, "refund")
    assert found.said == held(HONEST, live).said > 10
    assert found.chance < 0.01


def test_a_new_name_is_another_name_too_but_out_of_scope_is_none(live: IntentModel) -> None:
    assert held(renamed(HONEST, "refund", "money"), live).upheld == 0
    rest = held(renamed(HONEST, "refund", "oos"), live)
    assert rest.said == held(HONEST, live).said - held(HONEST, live).upheld


def test_chance_is_that_of_independent_messages_half_as_likely_as_the_model_says(live: IntentModel) -> None:
    text = "hello, I want my money back, for my lamp, thanks"
    said = live.predict([text], ENCODER)[0]
    never = held(corrected([Example(text, "stock")] * 3), live, said.label)
    assert (never.said, never.upheld) == (3, 0)
    assert never.expected == pytest.approx(3 * said.probability)
    assert never.chance == pytest.approx((1 - said.probability / 2) ** 3)
    always = held(corrected([Example(text, said.label)] * 3), live, said.label)
    assert always.upheld == 3
    assert always.chance == pytest.approx(1)


def test_nothing_corrected_upholds_nothing(live: IntentModel) -> None:
    assert uphold([], live, ENCODER) == {}
