"""E-mail addresses and telephone numbers, as kit/personal_data.py finds them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kit.personal_data import PersonalDataKind, find_personal_data
from triage.entities.entity import Candidate

# Every address and every telephone number has one of these; looked for first, as most messages have none.
_MAY_HOLD = re.compile(r"@|(?:[0-9][ ().+/-]{0,2}){7}")


def find_contacts(text: str) -> Iterator[Candidate]:
    """Addresses in lower case; numbers as digits, with the plus sign they may begin with."""
    if not _MAY_HOLD.search(text):
        return
    for span in find_personal_data(text, prose=False):
        if span.kind is PersonalDataKind.EMAIL:
            yield Candidate(1, "email", span.start, span.end, span.text.lower())
        elif span.kind is PersonalDataKind.PHONE:
            plus = "+" if span.text.lstrip("( ").startswith("+") else ""
            yield Candidate(5, "phone", span.start, span.end, plus + re.sub(r"\D", "", span.text))
