from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.triage.entities.cases import Case, assert_found, one
from triage.entities.error_codes import _ERRORS, find_error_codes

ERRORS = (
    one("it says E1042", "error_code", "E1042", "E1042"),
    one("0x80070005", "error_code", "0x80070005", "0x80070005"),
    one("HTTP 503", "error_code", "HTTP 503", "HTTP 503"),
    one("http error 404", "error_code", "http error 404", "HTTP 404"),
    one("ERR_CONNECTION_RESET", "error_code", "ERR_CONNECTION_RESET", "ERR_CONNECTION_RESET"),
    one("error 651", "error_code", "error 651", "651"),
    one("Fehler 12", "error_code", "Fehler 12", "12"),
    one("error code: xy-12.", "error_code", "error code: xy-12", "XY-12"),
    one("a NullPointerException", "error_code", "NullPointerException", "NullPointerException"),
    one("getaddrinfo EAI_AGAIN", "error_code", "EAI_AGAIN", "EAI_AGAIN"),
    one("it was ENOENT again", "error_code", "ENOENT", "ENOENT"),
    one("SQLSTATE HYABC", "error_code", "SQLSTATE HYABC", "SQLSTATE HYABC"),
    one("a TypeError", "error_code", "TypeError", "TypeError"),
    Case("the error 3 times"),
    Case("an error again"),
)


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case.text)
def test_error_codes_are_found(case: Case) -> None:
    assert_found(case)


WORDS = (
    "ERR_",
    "ERROR_",
    "E",
    "CONN",
    "RESET",
    "PERM",
    "SQLSTATE",
    "HYABC",
    "My",
    "Error",
    "Exception",
    " ",
    "x",
    "7",
)


@given(st.lists(st.sampled_from(WORDS), max_size=6).map("".join))
def test_no_text_with_an_error_code_is_passed_over(text: str) -> None:
    assert bool([*find_error_codes(text)]) or not any(
        found["name"] or found["hex"] or found["letter"] for found in _ERRORS.finditer(text)
    )
