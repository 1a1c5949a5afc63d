from __future__ import annotations

import pytest

from tests.triage.reading.mails import Case, assert_reads

SEEN = (
    Case("white space", "a\t b\u00a0\u00a0c \r\n\r\n\r\n d", "a b c\nd"),
    Case("controls", "a\x00b\u200bc\ufeff \x1b[0m", "abc [0m"),
    Case("surrogate", "a\ud800b", "ab"),
    Case("emoji", "👩\u200d👧 ❤\ufe0f", "👩\u200d👧 ❤\ufe0f"),
)


@pytest.mark.parametrize("case", SEEN, ids=lambda case: case.name)
def test_what_nobody_sees_is_not_read(case: Case) -> None:
    assert_reads(case)
