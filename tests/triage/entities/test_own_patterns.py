from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.triage.entities.cases import FINDER, assert_found, one
from triage.entities import EntityFinder, EntityPattern
from triage.errors import PatternInvalid


def test_what_a_pattern_matches_is_found() -> None:
    assert_found(one("contract CT-123456", "contract", "CT-123456", "CT-123456"))


def test_an_own_pattern_wins_over_the_rest() -> None:
    finder = EntityFinder((EntityPattern("meter", r"order (?P<value>\d{5})"),))
    (entity,) = finder.find("order 10293")
    assert (entity.kind, entity.text) == ("meter", "10293")


def test_an_own_pattern_finds_each_once_in_a_long_text() -> None:
    text = ("x" * 97 + " CT-123456 ") * 150
    assert len(FINDER.find(text)) == 150


@pytest.mark.parametrize(
    "regex",
    [
        r"[A-Z]{2}\d{6}",
        r"\b[A-Z]+-\d+\b",
        r"(?:SN|serial)[ :#]*(?P<value>[A-Z0-9-]{6,20})",
        r"\d{4}(?:-\d{2}){1,3}",
        r"AB\d+(?:-\d+)*",
        r"(?i)lic-[0-9a-f]{4}(-[0-9a-f]{4}){3}",
        r"(?<!\w)MX[^\W\d]\d{5}(?!\w)",
    ],
)
def test_a_plain_pattern_is_let_in(regex: str) -> None:
    assert EntityPattern("own", regex).regex == regex


@pytest.mark.parametrize(
    ("regex", "says"),
    [
        ("(", "no regular expression"),
        ("[[a]", "nested set"),
        ("", "empty text"),
        (r"\d*", "empty text"),
        (r"(a+)+$", "Bound its repeats"),
        (r"(a|a)*b", "Bound its repeats"),
        (r"(\w+\s?)*x", "Bound its repeats"),
        (r"(.*)(.*)(.*)x", "Bound its repeats"),
        (r"(?:-\d+\d+)*x", "Bound its repeats"),
        (r"(a?){30}a{30}", "Bound its repeats"),
        (r"(a+)\1", "Bound its repeats"),
        (r"(?=(a+)+b)a", "Bound its repeats"),
        (r"\w+\d+\w+x", "Bound its repeats"),
    ],
)
def test_a_pattern_that_could_take_for_ever_is_refused(regex: str, says: str) -> None:
    with pytest.raises(PatternInvalid, match=says):
        EntityPattern("own", regex)


def test_a_kind_is_a_plain_name() -> None:
    with pytest.raises(PatternInvalid, match="My Kind"):
        EntityPattern("My Kind", "abc")


@given(st.text("ab\\d+*?{}()[]|^$.,-123", max_size=12))
def test_any_pattern_is_let_in_or_refused(regex: str) -> None:
    try:
        pattern = EntityPattern("own", regex)
    except PatternInvalid:
        return
    text = "aab1-2b" * 9
    assert all(entity.text in text for entity in EntityFinder((pattern,)).find(text))
