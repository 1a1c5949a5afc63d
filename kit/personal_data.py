"""Where personal data stands in a text: rules, no model."""

from __future__ import annotations

from dataclasses import dataclass

from kit.person_names import find_names
from kit.personal_data_rules import RULES, PersonalDataKind
from kit.street_address import find_addresses


@dataclass(frozen=True, slots=True)
class PersonalDataSpan:
    """One piece of personal data: ``text[start:end] == text_of_span``; offsets count characters."""

    start: int
    end: int
    kind: PersonalDataKind
    text: str


def find_personal_data(text: str, *, prose: bool = True) -> list[PersonalDataSpan]:
    """Personal data in ``text``, in order of appearance.

    Spans do not overlap: the surer kind comes first, and a later one ends where it would run into it.
    Without ``prose``, names and street addresses, which take most of the time, are not looked for.
    """
    found: list[PersonalDataSpan] = []
    lowered = text.lower()
    taken = bytearray(len(text))

    def take(kind: PersonalDataKind, start: int, end: int) -> None:
        cut = taken.find(1, start, end)
        if cut >= 0:
            end = start + len(text[start:cut].rstrip(" ,;:(\n"))
        if start < end:
            taken[start:end] = b"\x01" * (end - start)
            found.append(PersonalDataSpan(start, end, kind, text[start:end]))

    for rule in RULES:
        if rule.needs(lowered):
            for match in rule.pattern.finditer(text):
                if rule.accept(match["value"]):
                    take(rule.kind, *match.span("value"))
    for start, end in find_addresses(text) if prose else ():
        take(PersonalDataKind.ADDRESS, start, end)
    for start, end in find_names(text, signed=bool(found)) if prose else ():
        take(PersonalDataKind.NAME, start, end)
    return sorted(found, key=lambda span: span.start)


__all__ = ["PersonalDataKind", "PersonalDataSpan", "find_personal_data"]
