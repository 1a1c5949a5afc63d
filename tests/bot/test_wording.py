from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.wording import content_terms, is_function_word, stem, terms


@pytest.mark.parametrize(
    "family",
    [
        ("cancel", "cancels", "cancelled", "cancelling", "cancellation"),
        ("charge", "charges", "charged", "charging"),
        ("policy", "policies"),
        ("use", "used", "using"),
        ("stop", "stopped", "stopping"),
        ("activate", "activated", "activation"),
        ("12", "twelve", "12th"),
    ],
)
def test_forms_of_a_word_share_a_stem(family: tuple[str, ...]) -> None:
    assert len({stem(word) for word in family}) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("bill", "bell"), ("hub", "hubs2"), ("pause", "pass"), ("2", "3")]
)
def test_different_words_keep_apart(one: str, other: str) -> None:
    assert stem(one) != stem(other)


def test_one_is_a_pronoun_more_often_than_a_number() -> None:
    assert stem("one") == "one"


def test_negations_are_spelled_out() -> None:
    found = terms("You can't, won't and didn't.")
    assert found == ["you", "can", "not", stem("will"), "not", "and", "did", "not"]


def test_a_detached_negation_is_still_one() -> None:
    assert terms("it is n't") == ["it", "is", "not"]


def test_compounds_fall_apart_except_after_a_letter_or_two() -> None:
    assert terms("a 24-month plan on Wi-Fi") == ["a", "24", "month", "plan", "on", stem("wifi")]


def test_a_question_is_about_its_content_words() -> None:
    assert content_terms("How do I change my Wi-Fi password, please?") == {
        stem("change"),
        stem("wifi"),
        "password",
    }


def test_a_name_keeps_its_number() -> None:
    assert "hub 3" in content_terms("reset a Hub 3")
    assert "hub 3" not in content_terms("a Hub and 3 Pods")


def test_function_words_are_known_by_their_stem() -> None:
    assert is_function_word("the")
    assert is_function_word(stem("does"))
    assert not is_function_word("refund")


@given(st.text())
def test_any_text_has_terms(text: str) -> None:
    assert all(terms(text))
    assert all(content_terms(text))
