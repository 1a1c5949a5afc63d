from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.sources.canonical import (
    canonical,
    flat_metadata,
    moment,
    one_line,
    split_title,
    title_of_name,
)


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a  \nb\t\n", "a\nb"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("\ufeffa\x00b\u00adc\u200bd", "abcd"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("![router](data:image/png;base64,AAAA) here", "router here"),
        ("👩\u200d💻 stays", "👩\u200d💻 stays"),
        ("\n\n  indented", "  indented"),
    ],
)
def test_canonical_text(given_text: str, expected: str) -> None:
    assert canonical(given_text) == expected


@given(st.text(st.characters()))
def test_canonical_text_is_a_fixed_point_that_utf_8_can_hold(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once
    assert "\0" not in once
    once.encode()


def test_a_heading_that_opens_the_text_is_its_title() -> None:
    assert split_title("# Refunds ##\n\nWithin 14 days.") == ("Refunds", "Within 14 days.")
    assert split_title("Text\n# Later") == (None, "Text\n# Later")
    assert split_title("## Section\ntext") == (None, "## Section\ntext")


def test_a_name_makes_a_title() -> None:
    assert title_of_name("reset-your_router") == "Reset your router"
    assert one_line(" a \n b ") == "a b"


def test_metadata_is_flat() -> None:
    pairs = [
        ("Tags", ["a", "b", {"deep": 1}]),
        ("audience", "all\nof us"),
        ("draft", False),
        ("featured", True),
        ("level", 3),
        ("reviewed", date(2026, 1, 2)),
        ("nested", {"a": 1}),
        ("empty", ""),
        ("none", None),
        (" Support Level ", "gold"),
    ]
    assert flat_metadata(pairs) == {
        "tags": "a, b",
        "audience": "all of us",
        "draft": "false",
        "featured": "true",
        "level": "3",
        "reviewed": "2026-01-02",
        "support_level": "gold",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026-01-02T03:04:05+01:00", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        (date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC)),
        (datetime(2026, 1, 2, 3), datetime(2026, 1, 2, 3, tzinfo=UTC)),  # noqa: DTZ001 (as YAML gives it)
        ("last week", None),
        (7, None),
        (None, None),
    ],
)
def test_moments(value: object, expected: datetime | None) -> None:
    assert moment(value) == expected
