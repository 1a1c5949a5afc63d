from collections.abc import Sequence

import numpy as np
import pytest

from inference.embeddings import Matrix
from inference.fakes import HashEncoder
from tests.triage.messages import EXAMPLES
from triage.comparison import Judgement, compare, judge, label_losses
from triage.examples import Example
from triage.model import train
from triage.similar_texts import RememberingEncoder, groups

ENCODER = HashEncoder(dimensions=64)


def judgement(right: str, *, label: str = "a", truth: list[float] | None = None) -> Judgement:
    """One message for each of ``right``: 1 where it is, 0 where not; the truth is as likely as that."""
    places = np.array([letter == "1" for letter in right], bool)
    return Judgement((label,) * len(right), places, np.array(truth) if truth else places.astype(float))


def test_a_difference_comes_with_its_interval() -> None:
    found = compare(judgement("0" * 20 + "1" * 20), judgement("1" * 40))
    assert (found.n, found.before, found.after, found.gained, found.lost) == (40, 0.5, 1.0, 20, 0)
    assert 0.3 < found.low < found.difference < found.high < 0.7


def test_as_much_lost_as_gained_is_no_difference() -> None:
    found = compare(judgement("01" * 20), judgement("10" * 20))
    assert found.difference == 0
    assert found.low < 0 < found.high


def test_a_gain_of_few_messages_may_be_chance() -> None:
    assert compare(judgement("0" * 3 + "1" * 37), judgement("1" * 40)).low == 0


def test_nothing_judged_is_no_difference() -> None:
    assert compare(judgement(""), judgement("")).low == 0


def test_the_same_seed_gives_the_same_interval() -> None:
    first, second = judgement("0011" * 10), judgement("1101" * 10)
    assert compare(first, second, seed=3) == compare(first, second, seed=3)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (judgement("11111"), judgement("00000")),
        (judgement("1" * 20), judgement("1" * 14 + "0" * 6)),
        (judgement("111", truth=[0.6, 0.6, 0.6]), judgement("111", truth=[0.3, 0.2, 0.2])),
        (judgement("01000", truth=[0.3, 0.6, 0.1, 0.0, 0.2]), judgement("00000", truth=[0.01] * 5)),
    ],
)
def test_a_label_known_worse_is_found(before: Judgement, after: Judgement) -> None:
    loss = label_losses(before + judgement("111", label="b"), after + judgement("111", label="b"))[0]
    assert (loss.label, loss.n) == ("a", len(before.right))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (judgement("11111"), judgement("11111")),
        (judgement("11111"), judgement("11100", truth=[0.9, 0.9, 0.9, 0.4, 0.4])),  # two may be chance
        (judgement("11"), judgement("00")),  # too few messages to say
        (judgement("01000", truth=[0.3] * 5), judgement("00000", truth=[0.2] * 5)),  # it was not known
        (judgement("00000"), judgement("11111")),
    ],
)
def test_a_label_known_as_well_or_never_known_is_not(before: Judgement, after: Judgement) -> None:
    assert label_losses(before, after) == []


def test_a_loss_says_whether_the_label_was_known_and_whether_anything_is_left() -> None:
    guessed = label_losses(
        judgement("01000", truth=[0.3] * 5), judgement("00000", label="a", truth=[0.1] * 5)
    )[0]
    assert (guessed.known, guessed.drained, guessed.halved) == (False, False, True)
    drained = label_losses(judgement("11111"), judgement("00000", truth=[0.05] * 5))[0]
    assert (drained.known, drained.drained, drained.less_right) == (True, True, True)


def test_out_of_scope_is_right_where_no_label_is_likelier_to_fit_than_not() -> None:
    model, _ = train(EXAMPLES, ENCODER)
    found = judge(model, [*EXAMPLES, Example("zebra quartz violin", "oos")], ENCODER)
    likely = model.predict(["zebra quartz violin"], ENCODER)[0].in_scope
    assert found.right[:-1].mean() > 0.9
    assert found.truth[:-1].mean() > 0.5
    assert found.truth[-1] == pytest.approx(1 - likely)
    assert found.right[-1] == (likely < 0.5)


def test_nearly_the_same_texts_of_one_kind_are_one_group() -> None:
    texts = ["where is order 17", "Where is order 4711?", "the lamp broke", "where is order 99"]
    assert groups(texts, "aaab", ENCODER) == [0, 0, 1, 2]
    assert groups([], [], ENCODER) == []


def test_numbers_alone_are_told_apart() -> None:
    assert groups(["404", "500"], "aa", ENCODER) == [0, 1]


class Counting(HashEncoder):
    encoded = 0

    def encode(self, texts: Sequence[str]) -> Matrix:
        self.encoded += len(texts)
        return super().encode(texts)


def test_each_text_is_encoded_once() -> None:
    inner = Counting(dimensions=64)
    encoder = RememberingEncoder(inner)
    first, again = encoder.encode(["a b", "c", "a b"]), encoder.encode(["c", "a b", "d"])
    assert inner.encoded == 3
    assert np.array_equal(first[1], again[0])
    assert np.array_equal(first[[0, 2]], HashEncoder(dimensions=64).encode(["a b", "a b"]))
    assert encoder.encode([]).shape == (0, 64)
