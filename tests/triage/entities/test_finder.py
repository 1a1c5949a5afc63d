from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.triage.entities.cases import FINDER, WEDNESDAY
from triage.entities import LONGEST


def test_several_are_found_in_order() -> None:
    text = "Order #A-10293 of 3.11.2026 for 59,90 € fails with error 651, CT-123456"
    found = FINDER.find(text)
    assert [entity.kind for entity in found] == ["order", "date", "money", "error_code", "contract"]
    assert all(text[entity.start : entity.end] == entity.text for entity in found)


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    assert FINDER.find("x" * LONGEST + " CT-123456") == ()


def test_nothing_is_found_in_nothing() -> None:
    assert FINDER.find("", today=WEDNESDAY) == ()


PIECES = (
    "order ", "#", "12", ".", ",", "/", "-", "€", " ", "error ", "May ", "next ", "Monday", "in ", "days",
    "@a.de",
)  # fmt: skip


@given(st.one_of(st.text(st.characters()), st.lists(st.sampled_from(PIECES)).map("".join)))
def test_any_text_gives_entities_apart(text: str) -> None:
    found = FINDER.find(text, today=WEDNESDAY)
    assert all(text[entity.start : entity.end] == entity.text and entity.text for entity in found)
    ends = [0, *(entity.end for entity in found)]
    assert all(end <= entity.start for end, entity in zip(ends, found, strict=False))
