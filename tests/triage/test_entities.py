"""What a message names, and which patterns of a company are let in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.entities import LONGEST, EntityFinder, EntityPattern
from triage.errors import PatternInvalid

WEDNESDAY = date(2026, 11, 4)
FINDER = EntityFinder((EntityPattern("contract", r"\bCT-\d{6}\b"),), ("Kestrel Box 75", "C++", "Kestrel Box"))


@dataclass(frozen=True)
class Case:
    text: str
    found: tuple[tuple[str, str, str], ...] = ()  # kind, text, value


def one(text: str, kind: str, words: str, value: str) -> Case:
    return Case(text, ((kind, words, value),))


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
MONEY = (
    one("paid EUR 12,50 twice", "money", "EUR 12,50", "EUR 12.50"),
    one("$12.50 please", "money", "$12.50", "USD 12.50"),
    one("12 euros", "money", "12 euros", "EUR 12.00"),
    one("£5!", "money", "£5", "GBP 5.00"),
    one("das sind 1.234,56 €", "money", "1.234,56 €", "EUR 1234.56"),
    one("1,234.56 USD", "money", "1,234.56 USD", "USD 1234.56"),
    one("1'234.50 CHF", "money", "1'234.50 CHF", "CHF 1234.50"),
    one("€5k a year", "money", "€5k", "EUR 5000.00"),
    one("12,- €", "money", "12,- €", "EUR 12.00"),
    one("1.000 €", "money", "1.000 €", "EUR 1000.00"),
    one("500 yen", "money", "500 yen", "JPY 500"),
    Case("50 % off"),
    Case("12 eurostar tickets"),
)
DATES = (
    one("since 2026-11-03", "date", "2026-11-03", "2026-11-03"),
    one("am 3.11.2026.", "date", "3.11.2026", "2026-11-03"),
    one("bis 3.11.", "date", "3.11.", "2026-11-03"),
    one("on 11/03/2026", "date", "11/03/2026", "[2026-03-11,2026-11-03]"),
    one("on 25/12/2026", "date", "25/12/2026", "2026-12-25"),
    one("on 12/25/26", "date", "12/25/26", "2026-12-25"),
    one("on 04/04/2026", "date", "04/04/2026", "2026-04-04"),
    one("the 3rd of May", "date", "3rd of May", "2027-05-03"),
    one("March 5", "date", "March 5", "2027-03-05"),
    one("October 5", "date", "October 5", "2026-10-05"),
    one("5. März 2027", "date", "5. März 2027", "2027-03-05"),
    one("May 5th, 2026", "date", "May 5th, 2026", "2026-05-05"),
    one("el 3 de mayo de 2026", "date", "3 de mayo de 2026", "2026-05-03"),
    one("le 1er août 2026", "date", "1er août 2026", "2026-08-01"),
    one("tomorrow please", "date", "tomorrow", "2026-11-05"),
    one("gestern ging es", "date", "gestern", "2026-11-03"),
    one("bis übermorgen", "date", "übermorgen", "2026-11-06"),
    one("next Monday", "date", "next Monday", "2026-11-09"),
    one("next Wednesday", "date", "next Wednesday", "2026-11-11"),
    one("last Wednesday", "date", "last Wednesday", "2026-10-28"),
    one("letzten Freitag", "date", "letzten Freitag", "2026-10-30"),
    one("by Friday", "date", "Friday", "2026-11-06"),
    one("by Wednesday", "date", "Wednesday", "2026-11-04"),
    one("seit Montag", "date", "Montag", "2026-11-02"),
    one("lundi prochain", "date", "lundi prochain", "2026-11-09"),
    one("in 3 days", "date", "in 3 days", "2026-11-07"),
    one("vor zwei Wochen", "date", "vor zwei Wochen", "2026-10-21"),
    one("2 months ago", "date", "2 months ago", "2026-09-04"),
    one("il y a 3 jours", "date", "il y a 3 jours", "2026-11-01"),
    one("next week", "date", "next week", "2026-W46"),
    one("letzten Monat", "date", "letzten Monat", "2026-10"),
    Case("Guten Morgen"),
    Case("es geht hier nicht"),
    Case("31.02.2026"),
    Case("firmware 7.57.12 and v 1.2.26"),
    Case("I may call"),
    Case("10.20.30.40"),
)
TIMES = (
    one("at 14:30", "time", "14:30", "14:30"),
    one("at 3pm", "time", "3pm", "15:00"),
    one("12 am", "time", "12 am", "00:00"),
    one("ab 15 Uhr", "time", "15 Uhr", "15:00"),
    Case("25:10 and 15 pm"),
)
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
OTHERS = (
    one("mail a.b@Example.org", "email", "a.b@Example.org", "a.b@example.org"),
    one("call +49 30 1234567", "phone", "+49 30 1234567", "+49301234567"),
    one("my kestrel  box-75", "product", "kestrel  box-75", "Kestrel Box 75"),
    one("kestrel box 7", "product", "kestrel box", "Kestrel Box"),
    one("C++?", "product", "C++", "C++"),
    one("contract CT-123456", "contract", "CT-123456", "CT-123456"),
    Case("kestrels boxes, C"),
    Case(""),
)


@pytest.mark.parametrize(
    "case", [*NUMBERS, *MONEY, *DATES, *TIMES, *ERRORS, *OTHERS], ids=lambda case: case.text or "nothing"
)
def test_what_is_named_is_found(case: Case) -> None:
    found = FINDER.find(case.text, today=WEDNESDAY)
    assert tuple((entity.kind, entity.text, entity.value) for entity in found) == case.found


def test_several_are_found_in_order() -> None:
    text = "Order #A-10293 of 3.11.2026 for 59,90 € fails with error 651, CT-123456"
    found = FINDER.find(text)
    assert [entity.kind for entity in found] == ["order", "date", "money", "error_code", "contract"]
    assert all(text[entity.start : entity.end] == entity.text for entity in found)


def test_a_company_says_which_comes_first() -> None:
    day = EntityFinder(day_first=True).find("11/03/2026")
    month = EntityFinder(day_first=False).find("11/03/2026")
    assert (day[0].value, month[0].value) == ("2026-03-11", "2026-11-03")


def test_without_a_today_no_day_is_made_up() -> None:
    assert [entity.value for entity in FINDER.find("tomorrow or March 5 or 29 February")] == [
        "XXXX-03-05",
        "XXXX-02-29",
    ]


def test_a_day_at_the_end_of_a_month_and_of_time() -> None:
    assert FINDER.find("in one month", today=date(2027, 1, 31))[0].value == "2027-02-28"
    assert FINDER.find("in 12 months", today=date(2027, 12, 31))[0].value == "2028-12-31"
    assert FINDER.find("tomorrow", today=date.max) == ()


def test_an_own_pattern_wins_over_the_rest() -> None:
    finder = EntityFinder((EntityPattern("meter", r"order (?P<value>\d{5})"),))
    (entity,) = finder.find("order 10293")
    assert (entity.kind, entity.text) == ("meter", "10293")


def test_an_own_pattern_finds_each_once_in_a_long_text() -> None:
    text = ("x" * 97 + " CT-123456 ") * 150
    assert len(FINDER.find(text)) == 150


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    assert FINDER.find("x" * LONGEST + " CT-123456") == ()


@pytest.mark.parametrize(
    "regex",
    [
        r"[A-Z]{2}\d{6}",
        r"\b[A-Z]+-\d+\b",
        r"(?:SN|serial)[ :#]*(?P<value>[A-Z0-9-]{6,20})",
        r"\d{4}(?:-\d{2}){1,3}",
        r"AB\d+(?:-\d+)*",
        r"(?i)lic-[0-9a-f]{4}(-[0-9a-f]{4}){3}",
        r"(?<!\w)MX[^\W\d]\d{5}(?!\w)",
    ],
)
def test_a_plain_pattern_is_let_in(regex: str) -> None:
    assert EntityPattern("own", regex).regex == regex


@pytest.mark.parametrize(
    ("regex", "says"),
    [
        ("(", "no regular expression"),
        ("[[a]", "nested set"),
        ("", "empty text"),
        (r"\d*", "empty text"),
        (r"(a+)+$", "Bound its repeats"),
        (r"(a|a)*b", "Bound its repeats"),
        (r"(\w+\s?)*x", "Bound its repeats"),
        (r"(.*)(.*)(.*)x", "Bound its repeats"),
        (r"(?:-\d+\d+)*x", "Bound its repeats"),
        (r"(a?){30}a{30}", "Bound its repeats"),
        (r"(a+)\1", "Bound its repeats"),
        (r"(?=(a+)+b)a", "Bound its repeats"),
        (r"\w+\d+\w+x", "Bound its repeats"),
    ],
)
def test_a_pattern_that_could_take_for_ever_is_refused(regex: str, says: str) -> None:
    with pytest.raises(PatternInvalid, match=says):
        EntityPattern("own", regex)


def test_a_kind_is_a_plain_name() -> None:
    with pytest.raises(PatternInvalid, match="My Kind"):
        EntityPattern("My Kind", "abc")


PIECES = (
    "order ", "#", "12", ".", ",", "/", "-", "€", " ", "error ", "May ", "next ", "Monday", "in ", "days",
    "@a.de",
)  # fmt: skip


@given(st.one_of(st.text(st.characters()), st.lists(st.sampled_from(PIECES)).map("".join)))
def test_any_text_gives_entities_apart(text: str) -> None:
    found = FINDER.find(text, today=WEDNESDAY)
    assert all(text[entity.start : entity.end] == entity.text and entity.text for entity in found)
    ends = [0, *(entity.end for entity in found)]
    assert all(end <= entity.start for end, entity in zip(ends, found, strict=False))


@given(st.text("ab\\d+*?{}()[]|^$.,-123", max_size=12))
def test_any_pattern_is_let_in_or_refused(regex: str) -> None:
    try:
        pattern = EntityPattern("own", regex)
    except PatternInvalid:
        return
    text = "aab1-2b" * 9
    assert all(entity.text in text for entity in EntityFinder((pattern,)).find(text))
