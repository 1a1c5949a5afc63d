from __future__ import annotations

import pytest

from triage.drift.shift import share_shift


def test_the_interval_of_a_difference_is_newcombe_s() -> None:
    # 56 of 70 against 48 of 80 is his own example (1998): .0524 to .3339 by method 10.
    shift = share_shift(48, 80, 56, 70, p=0.5)
    assert shift.difference == pytest.approx(0.2)
    assert (shift.low, shift.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_share_of_nothing_may_be_anything() -> None:
    shift = share_shift(0, 0, 3, 5, p=0.01)
    assert (shift.low, shift.high, shift.p) == (-1, 1, 1)
