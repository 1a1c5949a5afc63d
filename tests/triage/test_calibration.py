import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from triage.calibration import energy, example_folds, fit_scope, label_folds, softmax, weigh_heads


def test_the_head_that_knows_counts_and_the_sum_is_calibrated() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=(4000, 3)).astype(np.float32) * 2
    labels = np.array([random.choice(3, p=row) for row in scipy.special.softmax(truth, axis=1)])
    noise = random.normal(size=truth.shape).astype(np.float32)
    weights = weigh_heads(np.stack([truth / 4, noise]), labels)  # a head that is four times too cautious
    assert weights[0] == pytest.approx(4, rel=0.1)
    assert weights[1] < 0.2


def test_energy_is_high_where_any_label_fits() -> None:
    assert energy(np.array([[5.0, 0.0], [0.0, 0.0]])).tolist() == pytest.approx([5.0067, 0.6931], abs=1e-4)


def test_scope_rises_with_energy_and_weighs_both_sides_alike() -> None:
    scope = fit_scope(np.array([2.0, 3.0, 4.0] * 30), np.array([0.0, 1.0, 2.0]))
    low, middle, high = scope.probability(np.array([0.0, 2.0, 4.0]))
    assert low < 0.3 < middle < 0.7 < high
    assert scope.probability(np.array([-1e9]))[0] > 0


@pytest.mark.parametrize(("number", "folds"), [(10, 5), (3, 3)])
def test_every_example_is_scored_once_by_heads_that_had_not_seen_it(number: int, folds: int) -> None:
    labels = np.repeat([0, 1], number)
    found = list(example_folds(labels, seed=0))
    assert len(found) == folds
    assert sorted(np.concatenate([scored for _, scored in found])) == list(range(len(labels)))
    for fitted, scored in found:
        assert not set(fitted) & set(scored)
        assert set(labels[fitted]) == {0, 1}


def test_labels_left_out_are_not_fitted_and_every_label_is_left_out_once() -> None:
    labels = np.repeat(np.arange(6), 5)
    left = []
    for fitted, known, strange in label_folds(labels, seed=0):
        assert not set(labels[fitted]) & set(labels[strange])
        assert set(labels[known]) <= set(labels[fitted])
        left += sorted(set(labels[strange].tolist()))
    assert sorted(left) == list(range(6))


def test_of_two_labels_none_is_left_out() -> None:
    assert list(label_folds(np.repeat([0, 1], 5), seed=0)) == []


@given(arrays(np.float64, (3, 4), elements=st.floats(-500, 500)))
def test_energy_and_probabilities_are_those_of_scipy(total: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(energy(total), scipy.special.logsumexp(total, axis=1), atol=1e-9)
    np.testing.assert_allclose(softmax(total), scipy.special.softmax(total, axis=1), atol=1e-12)
