from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers import Identity, IdentityKind
from customers.errors import IdentityInvalid
from customers.identity import IdentityHash, normalised
from kit.ids import WorkspaceId


@dataclass(frozen=True)
class Case:
    kind: IdentityKind
    sent: str
    kept: str
    system: str = ""


CASES = [
    Case(IdentityKind.EMAIL, "  Ada.Lovelace@Example.COM ", "ada.lovelace@example.com"),
    Case(IdentityKind.EMAIL, "ada+shop@example.com", "ada+shop@example.com"),
    Case(IdentityKind.EMAIL, "ada@bücher.example", "ada@xn--bcher-kva.example"),
    Case(IdentityKind.PHONE, "+44 (0)20 7946-0000", "+442079460000"),
    Case(IdentityKind.PHONE, "0044 20 7946 0000", "+442079460000"),
    Case(IdentityKind.PHONE, "020 7946 0000", "+442079460000"),
    Case(IdentityKind.PHONE, "+1 (212) 555.0100", "+12125550100"),
    Case(IdentityKind.PHONE, "０２０ ７９４６ ００００", "+442079460000"),
    Case(IdentityKind.CRM, " 00Q5g00000ABCdE ", "00Q5g00000ABCdE", "salesforce"),
    Case(IdentityKind.VISITOR, "visitor_06db", "visitor_06db"),
    Case(IdentityKind.EXTERNAL, "K-4711", "K-4711"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sent)
def test_an_identity_is_written_the_one_way_in_which_it_is_compared(case: Case) -> None:
    found = normalised(Identity(case.kind, case.sent, case.system), country_code="44")
    assert found == Identity(case.kind, case.kept, case.system)
    assert normalised(found) == found


def test_the_zero_of_an_italian_number_is_part_of_it() -> None:
    for written in ("06 1234 5678", "+39 06 1234 5678", "0039 06 1234 5678"):
        found = normalised(Identity(IdentityKind.PHONE, written), country_code="39")
        assert found.value == "+390612345678"


@pytest.mark.parametrize(
    "identity",
    [
        Identity(IdentityKind.EMAIL, "ada"),
        Identity(IdentityKind.EMAIL, "ada@localhost"),
        Identity(IdentityKind.EMAIL, "ada@@example.com"),
        Identity(IdentityKind.EMAIL, "ada@example..com"),
        Identity(IdentityKind.EMAIL, "Ada <ada@example.com>"),
        Identity(IdentityKind.EMAIL, f"{'a' * 250}@example.com"),
        Identity(IdentityKind.PHONE, "12345"),
        Identity(IdentityKind.PHONE, "+0 20 7946 0000"),
        Identity(IdentityKind.PHONE, "call me"),
        Identity(IdentityKind.PHONE, "+4420794600001234567"),
        Identity(IdentityKind.CRM, "42"),
        Identity(IdentityKind.CRM, "42", "Sales Force"),
        Identity(IdentityKind.EXTERNAL, "42", "hubspot"),
        Identity(IdentityKind.EXTERNAL, "  "),
        Identity(IdentityKind.EXTERNAL, "a\x00b"),
        Identity(IdentityKind.VISITOR, "v" * 201),
    ],
    ids=lambda identity: f"{identity.kind} {identity.value[:20]!r} {identity.system}",
)
def test_what_is_no_identity_is_refused_without_being_repeated(identity: Identity) -> None:
    with pytest.raises(IdentityInvalid) as raised:
        normalised(identity, country_code="44")
    assert len(identity.value) < 5 or identity.value not in raised.value.detail


def test_a_national_number_is_anybody_s_without_a_country() -> None:
    with pytest.raises(IdentityInvalid, match="country code"):
        normalised(Identity(IdentityKind.PHONE, "020 7946 0000"))


@given(st.sampled_from(list(IdentityKind)), st.text(max_size=40), st.sampled_from(["", "hubspot"]))
def test_whatever_is_sent_is_refused_or_stable(kind: IdentityKind, value: str, system: str) -> None:
    try:
        found = normalised(Identity(kind, value, system), country_code="49")
    except IdentityInvalid:
        return
    assert normalised(found, country_code="49") == found


def test_the_hash_tells_workspaces_kinds_systems_and_keys_apart() -> None:
    first, second = IdentityHash(b"a" * 32), IdentityHash(b"b" * 32)
    space, other = WorkspaceId("default"), WorkspaceId("other")
    digests = {
        first.of(space, Identity(IdentityKind.EXTERNAL, "42")),
        first.of(other, Identity(IdentityKind.EXTERNAL, "42")),
        second.of(space, Identity(IdentityKind.EXTERNAL, "42")),
        first.of(space, Identity(IdentityKind.VISITOR, "42")),
        first.of(space, Identity(IdentityKind.CRM, "42", "hubspot")),
        first.of(space, Identity(IdentityKind.CRM, "42", "salesforce")),
    }
    assert len(digests) == 6
    assert all(len(digest) == 64 for digest in digests)
