from __future__ import annotations

import pytest

from tests.triage.entities.cases import Case, assert_found, one

PRODUCTS = (
    one("my kestrel  box-75", "product", "kestrel  box-75", "Kestrel Box 75"),
    one("kestrel box 7", "product", "kestrel box", "Kestrel Box"),
    one("C++?", "product", "C++", "C++"),
    Case("kestrels boxes, C"),
)


@pytest.mark.parametrize("case", PRODUCTS, ids=lambda case: case.text)
def test_product_names_are_found_however_they_are_spelled(case: Case) -> None:
    assert_found(case)
