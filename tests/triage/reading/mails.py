"""Mails, and what is read of them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from triage.reading import Cut, read_message

BLOB = base64.b64encode(b"".join(hashlib.sha256(bytes([number])).digest() for number in range(60))).decode()
BLOB_LINES = "\n".join(BLOB[place : place + 76] for place in range(0, len(BLOB), 76))


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    reads: str
    cut: frozenset[Cut] = frozenset()


def quoted(name: str, text: str, reads: str) -> Case:
    return Case(name, text, reads, frozenset({Cut.QUOTED}))


def signed(name: str, text: str, reads: str) -> Case:
    return Case(name, text, reads, frozenset({Cut.SIGNATURE}))


def assert_reads(case: Case) -> None:
    """That what is said is read, what is cut is told, and every character is found again in the original."""
    reading = read_message(case.text)
    assert reading.text == case.reads
    assert reading.dropped == case.cut
    assert all(
        case.text[slice(*reading.original_span(place, place + 1))] == character
        for place, character in enumerate(reading.text)
        if not character.isspace()
    )
