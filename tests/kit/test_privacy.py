"""Redaction: what goes, what stays, and that it all comes back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.check_digits import iban_valid, luhn_valid
from kit.personal_data import PersonalDataKind as Kind
from kit.personal_data import find_personal_data
from kit.privacy import placeholders, redact, restore


@dataclass(frozen=True)
class Case:
    text: str
    kind: Kind
    value: str


PERSONAL = [
    Case("write to jo.doe+x@mail.example.co.uk please", Kind.EMAIL, "jo.doe+x@mail.example.co.uk"),
    Case("E-Mail: käthe@müller.de.", Kind.EMAIL, "käthe@müller.de"),
    Case("my card is 4111 1111 1111 1111 ok?", Kind.CARD, "4111 1111 1111 1111"),
    Case("card 5500005555555559", Kind.CARD, "5500005555555559"),
    Case("IBAN DE89 3704 0044 0532 0130 00 thanks", Kind.IBAN, "DE89 3704 0044 0532 0130 00"),
    Case("gb29nwbk60161331926819", Kind.IBAN, "gb29nwbk60161331926819"),
    Case("from 84.17.44.2 I think", Kind.IP, "84.17.44.2"),
    Case("address 2a00:1450:4009:81f::200e it says", Kind.IP, "2a00:1450:4009:81f::200e"),
    Case("MAC is 00:1A:2b:3c:4d:5e", Kind.DEVICE, "00:1A:2b:3c:4d:5e"),
    Case("SSN 219-09-9999", Kind.NATIONAL_ID, "219-09-9999"),
    Case("NI AB 12 34 56 C", Kind.NATIONAL_ID, "AB 12 34 56 C"),
    Case("my passport number is 533401372", Kind.NATIONAL_ID, "533401372"),
    Case("driver's license is D123-4567-8901", Kind.NATIONAL_ID, "D123-4567-8901"),
    Case("call me on 07700 900123 please", Kind.PHONE, "07700 900123"),
    Case("it's +44 (0)20 7946 0958", Kind.PHONE, "+44 (0)20 7946 0958"),
    Case("(212) 555-0134 x12 is my work number", Kind.PHONE, "(212) 555-0134 x12"),
    Case("phone: 555 0134", Kind.PHONE, "555 0134"),
    Case("born on 3 March 1984", Kind.BIRTH_DATE, "3 March 1984"),
    Case("DOB: 03/04/1984", Kind.BIRTH_DATE, "03/04/1984"),
    Case("date of birth is March 3rd, 1984", Kind.BIRTH_DATE, "March 3rd, 1984"),
    Case("my account number is BW-4471902", Kind.ACCOUNT, "BW-4471902"),
    Case("order #88123 never came", Kind.ACCOUNT, "88123"),
    Case("Kundennummer 778812", Kind.ACCOUNT, "778812"),
    Case("it says 8842197 on the letter", Kind.ACCOUNT, "8842197"),
    Case("my password is Tr0ub4dor&3", Kind.SECRET, "Tr0ub4dor&3"),
    Case("password: bluewhale", Kind.SECRET, "bluewhale"),
    Case("I changed my password to abc123!", Kind.SECRET, "abc123!"),
    Case("PIN is 4821.", Kind.SECRET, "4821"),
    Case("the security code 123 was refused", Kind.SECRET, "123"),
    Case("ftp://jo:hunter2@files.example.org", Kind.SECRET, "jo:hunter2"),
    Case("https://x.example/reset?token=abcdef123&a=1", Kind.SECRET, "abcdef123"),
    Case("my username is jdoe_1984", Kind.USERNAME, "jdoe_1984"),
    Case("I live at 221b Baker Street", Kind.ADDRESS, "221b Baker Street"),
    Case("12 Acacia Avenue, Leeds LS1 4AP is wrong", Kind.ADDRESS, "12 Acacia Avenue, Leeds LS1 4AP"),
    Case("postcode sw1a 1aa", Kind.ADDRESS, "sw1a 1aa"),
    Case("Our office: Hauptstraße 12 in Bonn", Kind.ADDRESS, "Hauptstraße 12"),
    Case("5 Rue de la Paix 75002", Kind.ADDRESS, "5 Rue de la Paix 75002"),
    Case("send to P.O. Box 123", Kind.ADDRESS, "P.O. Box 123"),
    Case("zip code is 90210", Kind.ADDRESS, "90210"),
    Case("Meet me at PSC 0413, Box 8144\nAPO AA 42323", Kind.ADDRESS, "PSC 0413, Box 8144\nAPO AA 42323"),
    Case("lives in 88 Long Meadow, Apt 4", Kind.ADDRESS, "88 Long Meadow, Apt 4"),
    Case("My name is Ada Lovelace.", Kind.NAME, "Ada Lovelace"),
    Case("my name is ada lovelace", Kind.NAME, "ada lovelace"),
    Case("I'm Zbigniew, my line is dead", Kind.NAME, "Zbigniew"),
    Case("This is Ludwig van Beethoven from Bonn", Kind.NAME, "Ludwig van Beethoven"),
    Case("Dear Mr Holmes,", Kind.NAME, "Mr Holmes"),
    Case("the engineer, Mrs. Hudson, left", Kind.NAME, "Hudson"),
    Case("It does not work.\n\nKind regards,\nTeuta Krasniqi", Kind.NAME, "Teuta Krasniqi"),
    Case("Kevin from your team promised it", Kind.NAME, "Kevin"),
    Case("Please ask Sandra Okafor about it", Kind.NAME, "Sandra Okafor"),
    Case("Teuta Krasniqi\n07700 900123", Kind.NAME, "Teuta Krasniqi"),
]


@pytest.mark.parametrize("case", PERSONAL, ids=lambda case: f"{case.kind}: {case.value}")
def test_personal_data_is_found(case: Case) -> None:
    found = find_personal_data(case.text)

    assert (case.kind, case.value) in [(span.kind, span.text) for span in found]
    assert all(case.text[span.start : span.end] == span.text for span in found)


@pytest.mark.parametrize(
    "text",
    [
        "How much is Fibre 500 with 500 Mbps for 24 months?",
        "It costs £1,299.00 or $45.50, that is 2.5 % more",
        "I see error code 0x80070057 and E-1234",
        "The router is at 192.168.1.1 and DNS 8.8.8.8",
        "My password is not working",
        "my password is wrong, it was rejected",
        "the passcode to access my app",
        "my PIN is blocked",
        "version 10.4.1 of the app, iPhone 15 Pro",
        "Call 611 or 1-800 for help",
        "since 2024-01-05 12:30 it is down",
        "on 12/05/2024 you charged me twice",
        "I am Happy with it. This is URGENT",
        "Hi Team, hello there",
        "Dear Support, my name is wrong on the bill",
        "I moved to Fibre 500 last month",
        "we paid via SWIFT and via ACH",
        "Is the order of 2 items fine?",
        "the ratio is 10:20:30 and 1.2.3.4.5",
        "What does 5GB cost on the S10 5GB plan?",
        "I am in London, is the Wi-Fi hub 2.0 there?",
        "room 12, floor 3, step 4",
        "login is broken",
        "300.300.300.300 is no address",
        "the model is XQ1 2AB",
        "we go via Milano to 3 towns",
        "I live at an old farm. It has 3 doors",
        "my address is the old one since 2019",
    ],
)
def test_what_retrieval_needs_stays(text: str) -> None:
    texts = [span.text for span in find_personal_data(text)]

    assert texts == []


def test_one_value_has_one_placeholder_for_the_whole_conversation() -> None:
    first = redact("I am at jo@example.com")
    second = redact("Yes, jo@example.com, not al@example.com", first.mapping)

    assert first.text == "I am at [EMAIL_1]"
    assert second.text == "Yes, [EMAIL_1], not [EMAIL_2]"
    assert first.mapping == {"[EMAIL_1]": "jo@example.com"}
    assert json.loads(json.dumps(second.mapping)) == second.mapping
    assert restore("I wrote to [EMAIL_2] and [EMAIL_9].", second.mapping) == (
        "I wrote to al@example.com and [EMAIL_9]."
    )


def test_an_address_ends_where_a_phone_number_begins() -> None:
    redaction = redact("My address is 12 Long Acre, 07700 900123")

    assert redaction.text == "My address is [ADDRESS_1], [PHONE_1]"


def test_what_looks_like_a_placeholder_is_one_too() -> None:
    redaction = redact("Type [EMAIL_1] here: jo@example.com")

    assert redaction.text == "Type [LITERAL_1] here: [EMAIL_1]"
    assert restore(redaction.text, redaction.mapping) == "Type [EMAIL_1] here: jo@example.com"
    assert placeholders(redaction.text) == ["[LITERAL_1]", "[EMAIL_1]"]


def test_a_secret_that_holds_a_placeholder_goes_whole() -> None:
    redaction = redact("password: [A_1]secret9")

    assert redaction.text == "password: [SECRET_1]"
    assert restore(redaction.text, redaction.mapping) == "password: [A_1]secret9"


def test_numbers_are_never_given_twice() -> None:
    redaction = redact("jo@example.com", {"[EMAIL_2]": "al@example.com", "[NAME_1]": "Al"})

    assert redaction.text == "[EMAIL_3]"


PIECES = st.sampled_from(
    [*(case.text for case in PERSONAL), "[EMAIL_1]", "[LITERAL_1]", "[", "]", "[NAME_", "_1]", "\n", " ", "@"]
)


@given(
    st.lists(st.sampled_from([case.text for case in PERSONAL] + ["[EMAIL_1]", "and", "\n"]), max_size=6),
    st.data(),
)
def test_a_place_in_a_redacted_text_is_known_in_the_original(pieces: list[str], data: st.DataObject) -> None:
    original = " ".join(pieces)
    redaction = redact(original, {"[EMAIL_7]": "jo@example.org"})
    start = data.draw(st.integers(0, len(redaction.text)))
    end = data.draw(st.integers(start, len(redaction.text)))
    cut = [match.span() for match in re.finditer(r"\[[A-Z_]+_[0-9]+\]", redaction.text)]
    whole = slice(
        min([start, *(first for first, last in cut if first < start < last)]),
        max([end, *(last for first, last in cut if first < end < last)]),
    )
    found = slice(*redaction.before(start, end))
    assert restore(redaction.text[whole], redaction.mapping) == original[found]
    assert redaction.before(0, len(redaction.text)) == (0, len(original))


@given(st.lists(st.lists(st.one_of(PIECES, st.text())).map("".join), max_size=4))
def test_every_text_comes_back(texts: list[str]) -> None:
    mapping: dict[str, str] = {}
    redacted = []
    for text in texts:
        redaction = redact(text, mapping)
        mapping = dict(redaction.mapping)
        redacted.append(redaction.text)

    assert [restore(text, mapping) for text in redacted] == texts


@given(st.text(alphabet="0123456789abAB @.:-/\n[]_'=?", max_size=200))
def test_spans_are_in_order_and_apart(text: str) -> None:
    spans = find_personal_data(text)

    assert all(span.text and text[span.start : span.end] == span.text for span in spans)
    assert all(one.end <= two.start for one, two in pairwise(spans))


def test_check_digits() -> None:
    assert luhn_valid("79927398713")
    assert not luhn_valid("79927398710")
    assert not luhn_valid("0")
    assert iban_valid("GB82 WEST 1234 5698 7654 32")
    assert not iban_valid("GB82 WEST 1234 5698 7654 33")
    assert not iban_valid("GB82")
    assert not iban_valid("ÄB82 WEST 1234 5698 7654 32")


@pytest.mark.parametrize(
    "piece", ["a", "1", "A ", "1 ", "a@", "[A_", "Aa ", "12 Ab ", "http://", "my name is "]
)
def test_a_long_message_takes_no_longer_than_its_length(piece: str) -> None:
    # 8,000 characters is the longest message; a pattern that backtracks would hang here.
    redact((piece * 8000)[:8000])
