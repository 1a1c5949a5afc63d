from __future__ import annotations

from dataclasses import dataclass

import pytest

from triage.reading import read_message


@dataclass(frozen=True)
class Titled:
    subject: str
    text: str
    reads: str


@pytest.mark.parametrize(
    "case",
    [
        Titled("Router dead", "please help", "Router dead\nplease help"),
        Titled(" Router\tdead ", "", "Router dead"),
        Titled("Re: Your order", "thanks, solved", "thanks, solved"),
        Titled("AW: Re[2]: Kündigung", "👍", "Kündigung\n👍"),
        Titled("Fwd: Your order", "what is this about then?", "Your order\nwhat is this about then?"),
        Titled("Router dead", "Router dead since noon", "Router dead since noon"),
        Titled("Re:", "hello", "hello"),
    ],
    ids=lambda case: case.subject,
)
def test_a_subject_is_read_where_it_is_new(case: Titled) -> None:
    reading = read_message(case.text, subject=case.subject)
    assert reading.text == case.reads
    body = reading.text[reading.body_start :]
    assert case.text[slice(*reading.original_span(0, len(reading.text)))] == body
