from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.contact import ContactKind
from insights.quotes import LONGEST, Quoter, anonymous, excerpt, hide
from tests.insights.said import contact, turn

QUOTER = Quoter("https://care.example/")


def test_a_quote_is_the_sentence_that_speaks_for_it_with_a_link() -> None:
    text = "Hello there. I am moving to Skylink next month. Thanks."
    start = text.index("Skylink")
    said = contact(turn(text))
    quote = QUOTER.quote(said, said.turns[0], ((start, start + 7),))
    assert quote.text == "I am moving to Skylink next month."
    assert quote.link == "https://care.example/v1/conversations/conv_1"
    assert QUOTER.link(contact(turn("x"), name="tkt_1", kind=ContactKind.TICKET)).endswith(
        "/v1/tickets/tkt_1"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mail jo.bloggs@example.org or call 07700 900123 please.", "Mail [email] or call [phone] please."),
        ("My name is Zorblax Quintana and I am cross.", "My name is [name] and I am cross."),
        ("My account number is 8841207733.", "My account number is [account]."),
    ],
)
def test_what_rules_know_as_personal_is_left_out(text: str, shown: str) -> None:
    assert anonymous(text, {}) == shown


def test_what_is_known_of_the_customer_is_left_out_without_a_hint_in_the_text() -> None:
    personal = {"Zorblax Quintana": "name", "ACME Lamps": "company", "jo@example.org": "email"}
    assert anonymous("zorblax here again, from acme lamps", personal) == "[name] here again, from [company]"
    assert anonymous("It's QUINTANA!", personal) == "It's [name]!"
    assert anonymous("Quintanas are birds", personal) == "Quintanas are birds"


def test_names_in_other_sentences_say_what_is_a_name_in_this_one() -> None:
    text = "Regards to all.\nMy email is zed@leak.example, zed@leak.example is right.\nIt drops out."
    assert excerpt(text, ((text.index("It drops"), len(text)),), {}) == "It drops out."


def test_a_quote_is_short_and_ends_at_a_word() -> None:
    shown = excerpt("word " * 200, (), {})
    assert len(shown) <= LONGEST
    assert shown.endswith("word…")


@given(st.text(alphabet="abxyAB. -\n", max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_no_part_of_a_text_shows_a_name_that_is_known(text: str, one: int, other: int) -> None:
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    hidden = hide(text, {"Ab Xy": "name"})
    shown = {word.lower() for word in re.findall(r"[^\W\d_]+", hidden.of(0, len(text)))}
    assert "ab xy" not in hidden.of(0, len(text)).lower()
    assert len(hidden.of(start, end)) <= end - start + len("[name]") * len(hidden.places)
    assert hidden.of(start, end) == text[start:end] or hidden.places
    assert shown <= {"name", *(word.lower() for word in re.findall(r"[^\W\d_]+", text))}
