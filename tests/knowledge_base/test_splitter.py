import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.document import Document, DocumentKind, PassageDraft, PassageKind
from knowledge_base.splitter import split


def _split(
    text: str, *, title: str = "Guide", kind: DocumentKind = DocumentKind.ARTICLE
) -> list[PassageDraft]:
    return split(Document(key="guide.md", title=title, text=text, kind=kind))


def _sentence(number: int) -> str:
    return f"Sentence number {number} says something about routers and their many lights."


def _paragraph(sentences: int) -> str:
    return " ".join(_sentence(number) for number in range(sentences))


LINES = st.one_of(
    st.from_regex(r"#{1,4} [A-Z][a-z]{2,8}", fullmatch=True),
    st.from_regex(r"[-*] [a-z]{1,9}( [a-z]{1,9}){0,30}", fullmatch=True),
    st.from_regex(r"[1-9]\. [a-z]{1,9}( [a-z]{1,9}){0,30}", fullmatch=True),
    st.from_regex(r"  [a-z]{1,9}( [a-z]{1,9}){0,5}", fullmatch=True),
    st.from_regex(r"\| [a-z]{1,9} \| [a-z]{1,9} \|", fullmatch=True),
    st.from_regex(r"[A-Z][a-z]{1,9}( [a-z]{1,9}){0,60}[.:]", fullmatch=True),
    st.sampled_from(["", "", "|---|---|", "```", "~~~", "   ", "\t", "é ñ 漢字。", "- ", "#"]),
)
TEXTS = st.one_of(st.lists(LINES, max_size=40).map("\n".join), st.text(max_size=400))


@given(TEXTS)
def test_passages_are_slices_in_order_that_do_not_overlap(text: str) -> None:
    passages = _split(text)

    assert [passage.ordinal for passage in passages] == list(range(len(passages)))
    end = 0
    for passage in passages:
        assert passage.text == text[passage.start : passage.end]
        assert passage.text
        assert passage.text == passage.text.strip()
        assert passage.start >= end
        end = passage.end


@given(TEXTS)
def test_no_passage_begins_or_ends_within_a_word(text: str) -> None:
    for passage in _split(text):
        assert passage.start == 0 or text[passage.start - 1].isspace()
        assert passage.end == len(text) or text[passage.end].isspace()


@given(TEXTS)
def test_every_word_is_in_a_passage_or_a_heading(text: str) -> None:
    passages = _split(text)

    covered = [False] * len(text)
    for passage in passages:
        covered[passage.start : passage.end] = [True] * len(passage.text)
    named = " ".join(heading for passage in passages for heading in passage.headings).split()
    for word in re.finditer(r"\S+", text):
        if not all(covered[word.start() : word.end()]):
            assert word.group().strip("#") in {"", "Guide", *named}


@given(TEXTS)
def test_a_question_and_its_answer_stay_one_passage(text: str) -> None:
    passages = _split(text, kind=DocumentKind.QUESTION_ANSWER)

    assert [passage.text for passage in passages] == ([text.strip()] if text.strip() else [])
    assert all(passage.kind is PassageKind.QUESTION_ANSWER for passage in passages)


def test_no_passage_crosses_a_heading_and_each_carries_its_path() -> None:
    passages = _split(
        "# Guide\n\nIntro.\n\n## Router\n\nPlug it in.\n\n### Lights\n\nGreen is good.\n\n## Bills\n\nPay."
    )

    assert [(passage.headings, passage.text) for passage in passages] == [
        ((), "Intro."),
        (("Router",), "Plug it in."),
        (("Router", "Lights"), "Green is good."),
        (("Bills",), "Pay."),
    ]


def test_a_heading_that_nothing_stands_under_is_kept_as_text() -> None:
    passages = _split("## Call us\n\nAny time.\n\n## 0800 123 456\n\n## Write to us\n\nPO box 1.")

    assert [passage.text for passage in passages] == ["Any time.", "## 0800 123 456", "PO box 1."]
    assert passages[1].headings == ()


def test_a_document_of_headings_only_still_has_text() -> None:
    assert [passage.text for passage in _split("# One\n## Two\n# Three")] == ["## Two", "# Three"]


def test_a_heading_within_a_code_block_is_code() -> None:
    code = "```\n# not a heading\nreboot\n```"

    assert [passage.text for passage in _split(f"## Reset\n\n{code}\n\n## End\n\nDone.")] == [code, "Done."]


def test_an_unclosed_code_block_runs_to_the_end() -> None:
    assert [passage.text for passage in _split("~~~\nreboot\n# now")] == ["~~~\nreboot\n# now"]


@dataclass(frozen=True)
class Case:
    text: str
    kind: PassageKind


STEPS = "1. Open the app.\n2. Tap **Help**.\n\n   It takes a while.\n3. Wait."
TABLE = "| Code | Meaning |\n|---|---|\n| E1 | off |\n| E2 | broken |"


@pytest.mark.parametrize(
    "case",
    [
        Case(STEPS, PassageKind.STEPS),
        Case("- one\n- two\n  - nested\n- three", PassageKind.LIST),
        Case(TABLE, PassageKind.TABLE),
        Case("| Code | Meaning |\n|---|---|", PassageKind.TABLE),
        Case("Just words.", PassageKind.PROSE),
        Case(f"Short.\n\n{TABLE}", PassageKind.TABLE),
        Case(f"{_paragraph(5)}\n\n- one", PassageKind.PROSE),
        Case(f"{STEPS}\n\n{TABLE}", PassageKind.PROSE),
    ],
)
def test_a_small_structure_is_one_passage_of_its_kind(case: Case) -> None:
    (passage,) = _split(case.text)

    assert passage.text == case.text
    assert passage.kind is case.kind


def test_a_list_ends_where_a_paragraph_begins() -> None:
    (passage,) = _split("- one\n- two\n\nAfterwards, rest.")

    assert passage.text.endswith("Afterwards, rest.")


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    passages = _split(_paragraph(60))

    assert len(passages) > 3
    assert all(len(passage.text) <= 900 for passage in passages)
    assert all(passage.text.endswith("lights.") for passage in passages)


def test_a_sentence_without_end_is_cut_between_words() -> None:
    passages = _split(" ".join(["word"] * 600))

    assert all(len(passage.text) <= 900 for passage in passages)
    assert sum(len(passage.text.split()) for passage in passages) == 600


def test_paragraphs_fill_a_passage_and_a_short_last_one_joins_it() -> None:
    first, last = _paragraph(11), "That is all."

    (passage,) = _split(f"{first}\n\n{last}")

    assert len(first) < 900
    assert passage.text.endswith(last)


def test_a_procedure_stays_with_what_announces_it() -> None:
    steps = "\n".join(f"{number}. {_sentence(number)}" for number in range(1, 13))

    passages = _split(f"{_paragraph(9)}\n\nTo reset it:\n\n{steps}")

    assert [passage.text for passage in passages] == [_paragraph(9), f"To reset it:\n\n{steps}"]
    assert passages[-1].kind is PassageKind.STEPS


def test_a_procedure_that_is_too_long_parts_between_steps_and_keeps_its_lead_in_beside_it() -> None:
    steps = "\n".join(f"{number}. {_sentence(number)}" for number in range(1, 40))

    passages = _split(f"To reset it:\n\n{steps}")

    assert len(passages) > 2
    assert passages[0].text.startswith("To reset it:\n\n1. ")
    assert all(re.match(r"\d+\. ", passage.text) for passage in passages[1:])
    assert all(passage.context == "To reset it:" for passage in passages[1:])
    assert all(passage.kind is PassageKind.STEPS for passage in passages)


def test_a_table_that_is_too_long_parts_between_rows_and_keeps_its_header_beside_it() -> None:
    rows = "\n".join(f"| E{number} | {_sentence(number)} |" for number in range(40))

    passages = _split(f"| Code | Meaning |\n|---|---|\n{rows}")

    assert passages[0].text.startswith("| Code | Meaning |")
    assert passages[0].context == ""
    assert all(passage.text.startswith("| E") for passage in passages[1:])
    assert all(passage.context == "| Code | Meaning |" for passage in passages[1:])


def test_what_the_encoder_reads_names_the_passage() -> None:
    (_, passage) = _split("Intro.\n\n## Lights\n\nGreen is good.")

    assert passage.embedding_text("Guide") == "Guide › Lights\nGreen is good."


def test_tags_help_every_passage_to_be_found_and_are_quoted_by_none() -> None:
    tagged = Document(
        key="a.md",
        title="Guide",
        text=_paragraph(3) + "\n\n## Fees\n\nIt is free.",
        metadata={"tags": "costs, price"},
    )
    passages = split(tagged)
    assert [passage.context for passage in passages] == ["costs, price"] * 2
    assert not any("costs" in passage.text for passage in passages)
