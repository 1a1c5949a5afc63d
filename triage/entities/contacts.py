"""E-mail addresses and telephone numbers, as kit/personal_data.py finds them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kit.personal_data import PersonalDataKind, find_personal_data
from triage.entities.entity import Candidate
from triage.entities.numerals import DIGIT


def find_contacts(text: str) -> Iterator[Candidate]:
    """Addresses in lower case; numbers as digits, with the plus sign they may begin with."""
    if "@" not in text and not DIGIT.search(text):
        return
    for span in find_personal_data(text, prose=False):
        if span.kind is PersonalDataKind.EMAIL:
            yield Candidate(1, "email", span.start, span.end, span.text.lower())
        elif span.kind is PersonalDataKind.PHONE:
            plus = "+" if span.text.lstrip("( ").startswith("+") else ""
            yield Candidate(5, "phone", span.start, span.end, plus + re.sub(r"\D", "", span.text))
