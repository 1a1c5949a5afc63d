import math
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.text import rarity, sentences, words


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    expected: list[str]


CASES = [
    Case("full stops", "It is on. It is off!", ["It is on.", "It is off!"]),
    Case(
        "abbreviations",
        "Call Mr. Smith, e.g. today. Then wait.",
        ["Call Mr. Smith, e.g. today.", "Then wait."],
    ),
    Case(
        "decimals",
        "It costs £3.50 a month. Cancel any time.",
        ["It costs £3.50 a month.", "Cancel any time."],
    ),
    Case("lines", "- One\n- Two", ["- One", "- Two"]),
    Case("list numbers", "1. Unplug it.\n2. Wait.", ["1. Unplug it.", "2. Wait."]),
    Case("closing quotes", 'He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
    Case(
        "addresses",
        "Write to help@brightwater.example now. Thanks.",
        ["Write to help@brightwater.example now.", "Thanks."],
    ),
    Case("etc at the end", "Bring cables etc. We do the rest.", ["Bring cables etc.", "We do the rest."]),
    Case("full-width", "你好。再见。", ["你好。再见。"]),
    Case("nothing", " \n\t ", []),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_sentences(case: Case) -> None:
    assert [span.text for span in sentences(case.text)] == case.expected


@given(st.text(alphabet="ab. !?\n\t1é。\"'", max_size=80))
def test_sentences_keep_their_offsets_and_lose_nothing(text: str) -> None:
    spans = sentences(text)
    assert all(text[span.start : span.end] == span.text for span in spans)
    assert all(left.end <= right.start for left, right in pairwise(spans))
    assert "".join("".join(span.text.split()) for span in spans) == "".join(text.split())


def test_words_are_lower_case_and_keep_inner_marks() -> None:
    assert words("Don't use the Wi-Fi on v2.1, OK?") == ["don't", "use", "the", "wi-fi", "on", "v2.1", "ok"]


def test_full_width_letters_are_folded() -> None:
    assert words("\uff37\uff49\uff26\uff49 \uff15") == ["wifi", "5"]


def test_a_word_that_few_pieces_have_is_telling() -> None:
    assert rarity(1, 10) == pytest.approx(math.log(1 + 9.5 / 1.5))
    assert rarity(0, 10) > rarity(1, 10) > rarity(10, 10) > 0
