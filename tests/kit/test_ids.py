import re

import pytest

from kit import ids


def test_an_id_is_a_prefix_and_26_safe_characters() -> None:
    assert re.fullmatch(r"conv_[0-9a-hjkmnp-tv-z]{26}", ids.new_id("conv"))


def test_ids_sort_by_the_time_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([1_000_000_000, 2_000_000_000, 3_000_000_000_000_000_000])
    monkeypatch.setattr("kit.ids.time.time_ns", lambda: next(moments))
    made = [ids.new_id("x") for _ in range(3)]
    assert made == sorted(made)


def test_ids_of_the_same_millisecond_differ() -> None:
    assert len({ids.new_id("x") for _ in range(1000)}) == 1000
