from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.grounding import rarity, support

PASSAGE = (
    "Moving costs £40 if you keep your contract. It is free with a new 24-month term. "
    "You cannot pause during a move. Telling us takes 10 working days. Call Brightwater on 0800 496 0100."
)


def score(sentence: str, passage: str = PASSAGE) -> float:
    return support(sentence, [passage]).score


@dataclass(frozen=True)
class Case:
    name: str
    sentence: str


SUPPORTED = [
    Case("word for word", "Moving costs £40 if you keep your contract."),
    Case("a part", "Moving costs £40."),
    Case("with a yes", "Yes, moving costs £40 if you keep your contract."),
    Case("in another form", "It costs £40 to move if you keep the contract."),
    Case("a number in words", "Telling us takes ten working days."),
]
UNSUPPORTED = [
    Case("another number", "Moving costs £45 if you keep your contract."),
    Case("the opposite", "You can pause during a move."),
    Case("something else", "The Hub 3 has a purple ring when it is too hot."),
    Case("half invented", "Moving costs £40 and a technician repaints the hallway afterwards."),
    Case("nothing", "..."),
]


@pytest.mark.parametrize("case", SUPPORTED, ids=lambda case: case.name)
def test_what_the_passage_says_is_supported(case: Case) -> None:
    assert score(case.sentence) >= 0.5


@pytest.mark.parametrize("case", UNSUPPORTED, ids=lambda case: case.name)
def test_what_it_does_not_say_is_not(case: Case) -> None:
    assert score(case.sentence) < 0.5


def test_a_number_the_passage_lacks_is_named() -> None:
    assert support("Moving costs £45.", [PASSAGE]).numbers == ("45",)


def test_a_name_the_passage_lacks_counts_against_it() -> None:
    found = support("Call Netgear on 0800 496 0100.", [PASSAGE])
    assert found.names == ("Netgear",)
    assert found.score < score("Call Brightwater on 0800 496 0100.")


def test_a_negation_on_one_side_only_is_told() -> None:
    assert support("You can pause during a move.", [PASSAGE]).negation
    assert not support("You cannot pause during a move.", [PASSAGE]).negation


def test_opinions_and_questions_are_worth_less() -> None:
    plain = score("Moving costs £40.")
    assert score("I think moving costs £40.") < plain
    assert score("Moving costs £40?") < plain


def test_passages_support_together_what_neither_says_alone() -> None:
    halves = ["Moving costs £40.", "Pausing takes two days."]
    sentence = "Moving costs £40, pausing takes two days."
    assert support(sentence, halves).score > max(support(sentence, [half]).score for half in halves)


def test_no_passage_supports_nothing() -> None:
    assert support("Moving costs £40.", []).score == 0
    assert support("Moving costs £40.", ["..."]).score == 0


def test_a_rare_missing_word_costs_more_than_a_common_one() -> None:
    weight = rarity(
        [PASSAGE, "you keep your contract", "your contract", "the router overheats in your attic"]
    )
    rare = support("Moving costs £40 in your attic", [PASSAGE], weight=weight)
    common = support("Moving costs £40 in your contract", [PASSAGE], weight=weight)
    assert rare.coverage < common.coverage
    assert weight("contract") < weight("attic") < weight("unheard")


@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=3))
def test_support_is_a_share(sentence: str, passages: list[str]) -> None:
    found = support(sentence, passages)
    assert 0 <= found.score <= 1
    assert 0 <= found.coverage <= 1 + 1e-9


@given(st.sampled_from([case.sentence for case in SUPPORTED[:2]]), st.text(max_size=80))
def test_more_passages_never_take_coverage_away(sentence: str, other: str) -> None:
    assert support(sentence, [PASSAGE, other]).coverage >= support(sentence, [PASSAGE]).coverage - 1e-9
