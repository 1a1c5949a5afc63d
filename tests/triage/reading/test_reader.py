"""What is new in a message, and that every word of it is found again in the original."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.triage.reading.mails import BLOB_LINES
from triage.reading import LONGEST, read_message

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too


@pytest.mark.parametrize(
    ("text", "empty"), [(None, True), ("", True), ("👍 12 !", True), ("ok", False), ("是", False)]
)
def test_a_message_without_words_is_empty(text: str | None, empty: bool) -> None:
    assert read_message(text).empty is empty


PIECES = (
    "word ",
    "It is. ",
    "\n",
    "\n\n",
    "> ",
    "-- \n",
    "Regards\n",
    "On 5 Jan 2026 Ann wrote:\n",
    "From: a@b\n",
    "Sent: x\n",
    "<p>",
    "</p>",
    "<blockquote>",
    "</div>",
    "&amp;",
    "&#0;",
    "<",
    '="',
    "<!--",
    "\u200b",
    "\t",
    "10:00:00 INFO a\n",
    BLOB_LINES,
    "Sent from my iPhone\n",
    "é",
    "👍",
)
MAILS = st.one_of(ANY_TEXT, st.lists(st.sampled_from(PIECES), max_size=40).map("".join))


@given(MAILS, st.one_of(st.none(), ANY_TEXT))
def test_each_character_of_a_text_stands_where_it_stood(text: str, subject: str | None) -> None:
    reading = read_message(text, subject=subject, html=False)
    for place in range(reading.body_start, len(reading.text)):
        character = reading.text[place]
        shown = text[slice(*reading.original_span(place, place + 1))]
        assert shown == character or (character.isspace() and not shown.strip())
    assert len(reading.offsets) == len(reading.text)


@given(MAILS, st.integers(0, 200), st.integers(0, 200))
def test_a_span_holds_the_words_of_the_reading_in_order(text: str, start: int, end: int) -> None:
    reading = read_message(text, html=False)
    left, right = reading.original_span(start, end)
    rest = iter(text[left:right])
    assert all(character in rest for character in reading.text[start:end] if not character.isspace())


@given(MAILS, st.one_of(st.none(), ANY_TEXT), st.one_of(st.none(), st.booleans()))
def test_anything_is_read(text: str, subject: str | None, html: bool | None) -> None:
    reading = read_message(text, subject=subject, html=html)
    assert len(reading.text) <= LONGEST + 301
    assert len(reading.offsets) == len(reading.text)
    assert all(0 <= start <= end <= len(text) for start, end in reading.offsets)
    assert reading.text.encode().decode() == reading.text  # no half of a surrogate pair
