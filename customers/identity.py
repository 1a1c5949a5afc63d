"""Identities: by what a customer is known, written the one way in which it is looked up."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from customers.errors import IdentityInvalid
from kit.ids import CustomerId, WorkspaceId

IdentityId = NewType("IdentityId", str)

_PURPOSE = b"careloop: hashes of customer identities"
_LONGEST = 200
_LONGEST_EMAIL = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f<>,;:\"\\]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f.]{2,}")
_SYSTEM = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_PHONE_FILLER = re.compile(r"[\s().\-/\u2010-\u2015]+")
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")  # +44 (0) 20 ...: dialled within the country only
# Where the first 0 is dialled from abroad, too: Italy, San Marino, the Vatican.
_ZERO_IS_DIALLED = frozenset({"39", "378", "379"})
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")  # ITU-T E.164: 15 digits at most
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class IdentityKind(StrEnum):
    """What kind of name a customer is known by."""

    EMAIL = "email"
    PHONE = "phone"
    CRM = "crm"  # the id in one of several systems
    VISITOR = "visitor"  # of the chat widget
    EXTERNAL = "external"  # the company's own customer number


@dataclass(frozen=True, slots=True)
class Identity:
    """One name of a customer. ``system`` says whose id it is, of kind ``CRM``; else it is empty."""

    kind: IdentityKind
    value: str
    system: str = ""


@dataclass(frozen=True, slots=True)
class StoredIdentity:
    """An identity as it is kept. ``origin`` had it before a merge, else it is the customer."""

    id: IdentityId
    identity: Identity
    origin: CustomerId
    added_at: datetime


def normalised(identity: Identity, *, country_code: str | None = None) -> Identity:
    """``identity`` as it is compared: an address in lower case, a number as in E.164, an id without blanks.

    ``country_code`` (``44``) is that of numbers which are written as dialled within a country; without one
    they are refused, for they could be anybody's. Raises ``IdentityInvalid``.
    """
    value = unicodedata.normalize("NFKC", identity.value).strip()
    if identity.kind is IdentityKind.CRM:
        if not _SYSTEM.fullmatch(identity.system):
            raise IdentityInvalid("An id of a CRM needs its `system`: a short name in lower case.")
    elif identity.system:
        raise IdentityInvalid(f"An identity of kind {identity.kind} has no `system`.")
    match identity.kind:
        case IdentityKind.EMAIL:
            value = _email(value)
        case IdentityKind.PHONE:
            value = _phone(value, country_code)
        case _:
            if not value or len(value) > _LONGEST or _CONTROL.search(value):
                raise IdentityInvalid(f"An id of kind {identity.kind} has 1 to {_LONGEST} characters.")
    return Identity(identity.kind, value, identity.system)


class IdentityHash:
    """HMAC-SHA256 under a key derived from the one that encrypts.

    There are few telephone numbers: a plain hash of one tells it to whoever tries them all. The workspace
    is hashed as well, so that two workspaces cannot find their common customers.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, _PURPOSE, hashlib.sha256)

    def of(self, workspace: WorkspaceId, identity: Identity) -> str:
        """64 hexadecimal digits of a normalised ``identity``."""
        parts = (workspace, identity.kind, identity.system, identity.value)
        return hmac.new(self._key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()


def _email(value: str) -> str:
    """In lower case as a whole: RFC 5321 allows a local part to differ by case, and no provider does it."""
    value = value.lower()
    if len(value) > _LONGEST_EMAIL or not _EMAIL.fullmatch(value) or ".." in value:
        raise IdentityInvalid("That is no e-mail address.")
    name, _, domain = value.rpartition("@")
    try:
        return f"{name}@{domain.encode('idna').decode()}"
    except UnicodeError:
        raise IdentityInvalid("That is no e-mail address: its domain is none.") from None


def _phone(value: str, country_code: str | None) -> str:
    digits = _PHONE_FILLER.sub("", _TRUNK_ZERO.sub("", value))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    elif digits.startswith("0") and country_code is not None:
        digits = f"+{country_code}{digits[country_code not in _ZERO_IS_DIALLED :]}"
    if not _E164.fullmatch(digits):
        raise IdentityInvalid("That is no telephone number with its country code, such as +44 800 496 0100.")
    return digits
