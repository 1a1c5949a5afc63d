from __future__ import annotations

from tests.triage.reading.mails import Case, assert_reads
from triage.reading import LONGEST, Cut, read_message


def test_a_line_that_the_mail_program_wrapped_is_one() -> None:
    assert_reads(
        Case(
            "wrapped by the mail program",
            "my order that I placed with you two weeks ago has still not been\ndelivered",
            "my order that I placed with you two weeks ago has still not been delivered",
        )
    )


def test_a_long_text_keeps_how_it_begins_and_ends() -> None:
    reading = read_message("\n".join(["My box is dead.", *["It goes on and on."] * 2_000, "Please call me."]))
    assert len(reading.text) <= LONGEST
    assert reading.text.startswith("My box is dead.")
    assert reading.text.endswith("Please call me.")
    assert reading.dropped == {Cut.TOO_LONG}
