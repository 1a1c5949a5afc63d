from __future__ import annotations

import pytest

from tests.triage.entities.cases import Case, assert_found, one

NUMBERS = (
    one("where is order #A-10293?", "order", "A-10293", "A-10293"),
    one("order number is: 10293", "order", "10293", "10293"),
    one("meine Bestellung 4711-22 fehlt", "order", "4711-22", "4711-22"),
    one("Bestellnr. 88213", "order", "88213", "88213"),
    one("Bestellnummer: ab12345", "order", "ab12345", "AB12345"),
    one("ma commande n° 4455 svp", "order", "4455", "4455"),
    one("pedido nº 55521", "order", "55521", "55521"),
    one("Rechnung Nr. 2026-1234", "invoice", "2026-1234", "2026-1234"),
    one("invoice INV/2026/0007 is wrong", "invoice", "INV/2026/0007", "INV/2026/0007"),
    one("case 00123456", "ticket", "00123456", "00123456"),
    one("Vorgang: 2024-55", "ticket", "2024-55", "2024-55"),
    one("1Z999AA10123456784", "tracking", "1Z999AA10123456784", "1Z999AA10123456784"),
    one("RR473124829GB came", "tracking", "RR473124829GB", "RR473124829GB"),
    one("Sendungsnummer 340434161094", "tracking", "340434161094", "340434161094"),
    Case("a postal number with a wrong check digit: RR473124820GB"),
    Case("I want to order 100 chairs"),
    Case("we order 2000 pieces a month"),
    Case("order 2026 calendars"),
    Case("in order 2 get there"),
    Case("order ABC-DEF please"),
    Case("my model is 7590"),
)


@pytest.mark.parametrize("case", NUMBERS, ids=lambda case: case.text)
def test_numbers_that_a_word_or_their_form_names_are_found(case: Case) -> None:
    assert_found(case)
