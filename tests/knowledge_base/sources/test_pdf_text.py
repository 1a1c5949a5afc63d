from __future__ import annotations

import pytest

from knowledge_base.sources.pdf_text import paragraphs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A line that is as wide as the page is,\nand goes on.",
            "A line that is as wide as the page is, and goes on.",
        ),
        ("One\n\nTwo\fThree", "One\n\nTwo\n\nThree"),
        ("• First\n• Second", "- First\n- Second"),
        (
            "1. First step of what you must do here\n2. Second",
            "1. First step of what you must do here\n2. Second",
        ),
        ("| a | b |\n| --- | --- |\n| c | d |", "| a | b |\n| --- | --- |\n| c | d |"),
        ("Head\nShort\nlines", "Head\nShort lines"),
        ("Hyphen-\nated", "Hyphenated"),
        ("Brightwater-\nBroadband", "Brightwater- Broadband"),
        ("", ""),
    ],
)
def test_lines_become_paragraphs(text: str, expected: str) -> None:
    assert paragraphs(text) == expected
