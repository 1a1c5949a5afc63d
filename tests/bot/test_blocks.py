from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.blocks import BlockKind, blocks_of, cells, readable
from kit.text import sentences

MOVING = """\
## What it costs

Moving is simple. It takes a day.

| Situation | Fee |
|---|---|
| New term | free |
| Same term | £40 |

1. Choose **I'm moving**.
2. Enter the address.
   - If the plan is missing, choose another.
3. Pick two dates.

Bring along:

- the Hub;
- the cables.
"""


def kinds(text: str) -> list[BlockKind]:
    return [block.kind for block in blocks_of(text)]


def test_an_article_falls_into_headings_sentences_rows_and_whole_lists() -> None:
    assert kinds(MOVING) == [
        BlockKind.HEADING,
        BlockKind.SENTENCE,
        BlockKind.SENTENCE,
        BlockKind.ROW,
        BlockKind.ROW,
        BlockKind.STEPS,
        BlockKind.SENTENCE,
        BlockKind.BULLETS,
    ]


def test_steps_keep_what_is_nested_in_them() -> None:
    steps = next(block for block in blocks_of(MOVING) if block.kind is BlockKind.STEPS)
    assert steps.text.startswith("1. Choose")
    assert steps.text.endswith("3. Pick two dates.")
    assert "If the plan is missing" in steps.text
    assert len(steps.items) == 3


def test_a_row_knows_its_columns_and_where_they_stand() -> None:
    row = next(block for block in blocks_of(MOVING) if block.kind is BlockKind.ROW)
    assert row.columns == ("Situation", "Fee")
    assert row.header is not None
    assert MOVING[slice(*row.header)].strip() == "| Situation | Fee |"
    assert row.heading == "What it costs"


def test_a_table_that_was_cut_takes_its_columns_from_the_context() -> None:
    row = blocks_of("| Same term | £40 |", "| Situation | Fee |\n|---|---|")[0]
    assert row.columns == ("Situation", "Fee")
    assert row.header is None


def test_a_context_may_be_the_header_row_alone_or_no_table_at_all() -> None:
    assert blocks_of("| Same term | £40 |", "Fees\n| Situation | Fee |")[0].columns == ("Situation", "Fee")
    assert blocks_of("| Same term | £40 |", "Fees:")[0].columns == ()
    assert blocks_of("| Same term | £40 |")[0].columns == ()


def test_two_tables_do_not_share_their_columns() -> None:
    text = "| A | B |\n|---|---|\n| 1 | 2 |\n\n| C | D |\n|---|---|\n| 3 | 4 |"
    assert [block.columns for block in blocks_of(text)] == [("A", "B"), ("C", "D")]


def test_bold_words_that_open_a_paragraph_belong_to_what_follows() -> None:
    texts = [block.text for block in blocks_of("**Inside.** One hole is drilled. It is small.")]
    assert texts == ["**Inside.** One hole is drilled.", "It is small."]


def test_a_line_that_asks_or_names_is_a_heading() -> None:
    assert kinds("How do I apply?\nComplete the form.") == [BlockKind.HEADING, BlockKind.SENTENCE]
    assert kinds("Sharing Records\nWe share records.") == [BlockKind.HEADING, BlockKind.SENTENCE]


def test_a_last_line_is_no_heading_as_nothing_follows_it() -> None:
    assert kinds("Complete the form.\nSharing Records") == [BlockKind.SENTENCE, BlockKind.SENTENCE]


def test_a_long_line_is_a_sentence_even_without_a_full_stop() -> None:
    line = "We share the records of everybody who has asked us to share them with somebody else at all"
    assert kinds(f"{line}\nNext.")[0] is BlockKind.SENTENCE


def test_a_list_ends_where_prose_goes_on() -> None:
    assert kinds("- a\n- b\nAfterwards we call.") == [BlockKind.BULLETS, BlockKind.SENTENCE]


def test_cells_are_readable() -> None:
    assert cells(r"| [Red](red.md) | a \| b |") == ("Red", "a | b")


def test_links_inside_the_help_centre_become_words() -> None:
    assert readable("See [Fees](../fees.md), ![](a.png) or [us](https://x.example).") == (
        "See Fees,  or [us](https://x.example)."
    )


LINES = st.sampled_from(
    [
        "# Title",
        "Some words. More words.",
        "- item",
        "1. step",
        "   - nested",
        "| a | b |",
        "|---|---|",
        "",
        "Ask?",
        "Name",
    ]
)


@given(st.lists(LINES, max_size=12))
def test_blocks_are_slices_in_order_that_hold_whole_sentences(lines: list[str]) -> None:
    text = "\n".join(lines)
    spans = sentences(text)
    end = 0
    for block in blocks_of(text):
        assert end <= block.start < block.end <= len(text)
        assert text[block.start : block.end].strip() == block.text
        first, last = block.sentences
        assert all(block.start <= span.start and span.end <= block.end for span in spans[first:last])
        assert all(block.start <= start < stop <= block.end for start, stop in block.items)
        end = block.end
