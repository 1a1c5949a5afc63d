from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.citations import cite, is_verbatim
from tests.bot.passages import passage

VERSION = "# Fees\n\nMoving costs £40. It is free with a new term.\n"


def test_a_citation_counts_characters_of_the_version() -> None:
    start = VERSION.index("Moving")
    citation = cite(passage(VERSION[start:], start=start, headings=("Fees",)), 0, 17)
    assert citation.quote == "Moving costs £40."
    assert VERSION[citation.start : citation.end] == citation.quote
    assert citation.headings == ("Fees",)


@given(st.data())
def test_any_span_is_cited_verbatim(data: st.DataObject) -> None:
    version = data.draw(st.text(min_size=1))
    start = data.draw(st.integers(0, len(version) - 1))
    one = passage(version[start:], start=start)
    begin = data.draw(st.integers(0, len(one.text) - 1))
    end = data.draw(st.integers(begin + 1, len(one.text)))
    assume(one.text[begin:end].strip())
    citation = cite(one, begin, end)
    assert is_verbatim(citation, version)
    assert citation.quote == citation.quote.strip()


@pytest.mark.parametrize(("start", "end"), [(3, 3), (-1, 2), (0, 99), (5, 2)])
def test_a_span_outside_the_passage_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="no span"):
        cite(passage("Moving is free."), start, end)


def test_white_space_is_nothing_to_quote() -> None:
    with pytest.raises(ValueError, match="white space"):
        cite(passage("a   b"), 1, 4)


def test_a_changed_version_no_longer_holds_the_quote() -> None:
    citation = cite(passage("Moving costs £40."), 0, 17)
    assert not is_verbatim(citation, "Moving costs £45.")
