"""Identifiers: typed by prefix, sortable by time of creation, safe in URLs."""

from __future__ import annotations

import secrets
import time
from typing import NewType

WorkspaceId = NewType("WorkspaceId", str)
DocumentId = NewType("DocumentId", str)
VersionId = NewType("VersionId", str)
PassageId = NewType("PassageId", int)
ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
CustomerId = NewType("CustomerId", str)
SignalId = NewType("SignalId", str)

DEFAULT_WORKSPACE = WorkspaceId("default")

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case


def new_id(prefix: str) -> str:
    """A fresh identifier ``<prefix>_<26 characters>``.

    48 bits of milliseconds come first, so that identifiers of one kind sort by age; 80 random bits
    follow (the layout of a ULID).
    """
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return f"{prefix}_" + "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))
