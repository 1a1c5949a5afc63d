from __future__ import annotations

import pytest

from tests.triage.entities.cases import Case, assert_found, one

CONTACTS = (
    one("mail a.b@Example.org", "email", "a.b@Example.org", "a.b@example.org"),
    one("call +49 30 1234567", "phone", "+49 30 1234567", "+49301234567"),
)


@pytest.mark.parametrize("case", CONTACTS, ids=lambda case: case.text)
def test_addresses_and_telephone_numbers_are_found(case: Case) -> None:
    assert_found(case)
