from __future__ import annotations

import numpy as np
import pytest

from insights.growth import dispersion, growths, mean_difference, share_difference


def test_what_triples_grows_and_what_stays_does_not() -> None:
    found = growths({"slow": (31, [9, 10, 8, 11]), "bill": (10, [9, 12, 10, 9]), "rare": (1, [0, 0, 1, 0])})
    assert found["slow"].grows
    assert (found["slow"].usual, found["slow"].before) == (9.5, (9, 10, 8, 11))
    assert found["slow"].ratio == pytest.approx(3.26, abs=0.01)
    assert found["slow"].high is not None
    assert 1 < found["slow"].low < 3.26 < found["slow"].high
    assert not found["bill"].grows
    assert not found["rare"].grows


def test_what_falls_does_not_grow() -> None:
    found = growths({"slow": (2, [20, 22, 21, 19])})
    assert not found["slow"].grows
    assert found["slow"].p > 0.99


def test_what_is_new_has_no_ratio_but_may_grow() -> None:
    found = growths({"bridge mode": (8, [0] * 8), "other": (20, [19, 21, 20, 20, 22, 18, 20, 21])})
    assert found["bridge mode"].grows
    assert (found["bridge mode"].ratio, found["bridge mode"].high) == (None, None)
    assert found["bridge mode"].low > 1


def test_without_weeks_before_nothing_is_found() -> None:
    assert growths({"slow": (31, [])}) == {}
    assert growths({}) == {}


def test_weeks_that_vary_anyway_make_it_harder() -> None:
    calm = growths({"slow": (20, [10, 9, 11, 10, 10, 9, 11, 10])})["slow"]
    wild = growths({"slow": (20, [2, 19, 5, 17, 3, 18, 4, 12])})["slow"]
    assert calm.grows
    assert not wild.grows
    assert dispersion([[10, 9, 11, 10]]) == 1.0
    assert dispersion([[2, 19, 5, 17, 3, 18, 4, 12]]) > 4


def test_of_weeks_in_which_nothing_happened_few_name_a_theme() -> None:
    """Thirty themes, nine weeks, 150 times."""
    random = np.random.default_rng(7)
    means = random.gamma(1.5, 6.0, size=30)
    false = 0
    for _ in range(150):
        counts = random.poisson(means, size=(9, 30))
        found = growths({str(k): (int(counts[8, k]), counts[:8, k].tolist()) for k in range(30)})
        false += any(growth.grows for growth in found.values())
    assert false / 150 <= 0.12


def test_of_weeks_that_vary_more_than_chance_few_name_a_theme() -> None:
    random = np.random.default_rng(8)
    means = random.gamma(1.5, 6.0, size=30)
    false = 0
    for _ in range(100):
        counts = random.poisson(means * random.gamma(8, 1 / 8, size=(9, 30)))
        found = growths({str(k): (int(counts[8, k]), counts[:8, k].tolist()) for k in range(30)})
        false += any(growth.grows for growth in found.values())
    assert false / 100 <= 0.2


def test_the_ratio_lies_within_its_interval_19_times_of_20() -> None:
    random = np.random.default_rng(9)
    held = 0
    for _ in range(100):
        found = growths({"theme": (int(random.poisson(24)), random.poisson(12, size=8).tolist())})["theme"]
        assert found.high is not None
        held += found.low <= 2 <= found.high
    assert held / 100 >= 0.94


def test_differences_need_five_on_each_side() -> None:
    assert mean_difference([0.1] * 4, [0.2] * 50) is None
    assert share_difference(1, 4, 10, 50) is None


def test_differences_have_intervals_that_say_whether_they_are_sure() -> None:
    random = np.random.default_rng(1)
    angry = mean_difference(random.normal(-0.5, 0.2, 40).tolist(), random.normal(0.1, 0.2, 90).tolist())
    assert angry is not None
    assert angry.low < -0.6 < angry.high
    assert angry.is_sure
    same = mean_difference([0.2] * 6, [0.2] * 9)
    assert same is not None
    assert (same.value, same.is_sure) == (0.0, False)
    shares = share_difference(20, 40, 10, 100)
    assert shares is not None
    # Newcombe 1998, method 10, by hand.
    assert (round(shares.value, 2), round(shares.low, 2), round(shares.high, 2)) == (0.4, 0.23, 0.55)
