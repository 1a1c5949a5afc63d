from __future__ import annotations

import pytest

from tests.triage.entities.cases import Case, assert_found, one

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
    Case("the error 3 times"),
    Case("an error again"),
)


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case.text)
def test_error_codes_are_found(case: Case) -> None:
    assert_found(case)
