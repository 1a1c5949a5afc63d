"""Reversible redaction: personal data leaves a text as a placeholder and comes back unchanged.

The mapping from placeholder to value belongs to one conversation; it is a plain dictionary of strings,
so that it can be stored (encrypted) as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kit.personal_data import PersonalDataKind, PersonalDataSpan, find_personal_data

_PLACEHOLDER = re.compile(r"\[[A-Z][A-Z_]*_[0-9]{1,9}\]")
_LITERAL = "LITERAL"  # what a customer wrote that looks like one of our placeholders


@dataclass(frozen=True, slots=True)
class Redaction:
    """A text without its personal data.

    ``spans`` are the places in the original text, in order, not overlapping. ``mapping`` is the mapping
    that was passed in plus what was new: keep it for the rest of the conversation.
    """

    text: str
    spans: tuple[PersonalDataSpan, ...]
    mapping: Mapping[str, str]

    def before(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]`` stands in the original; a placeholder counts as a whole."""
        longer = 0  # by how much the original is longer, up to the placeholder at hand
        began = ended = None
        for match in _PLACEHOLDER.finditer(self.text) if "[" in self.text else ():
            value = self.mapping.get(match.group())
            if value is None:
                continue
            at, after = match.start() + longer, match.start() + longer + len(value)
            if began is None and start < match.end():
                began = at if start > match.start() else start + longer
            if ended is None and end <= match.end():
                ended = after if end > match.start() else end + longer
            longer = after - match.end()
        return start + longer if began is None else began, end + longer if ended is None else ended


def redact(text: str, mapping: Mapping[str, str] | None = None) -> Redaction:
    """Replace personal data in ``text`` by placeholders such as ``[EMAIL_1]``.

    A value that ``mapping`` knows gets its old placeholder, so that a model can follow it through the
    conversation. ``restore(redaction.text, redaction.mapping) == text`` for every text, also for one in
    which the customer typed something that looks like a placeholder.
    """
    known = dict(mapping or {})
    placeholders = {(_label_of(name), value): name for name, value in known.items()}
    literals = [(match.start(), match.end()) for match in _PLACEHOLDER.finditer(text)] if "[" in text else []
    spans = [span for span in find_personal_data(text) if not _cuts(span, literals)]
    literals = [place for place in literals if not any(span.start <= place[0] < span.end for span in spans)]
    cuts = sorted(
        [(span.start, span.end, span.kind.upper()) for span in spans] + [(*at, _LITERAL) for at in literals]
    )
    pieces, last = [], 0
    for start, end, label in cuts:
        value = text[start:end]
        name = placeholders.get((label, value))
        if name is None:
            name = placeholders[label, value] = _next_name(label, known)
            known[name] = value
        pieces += [text[last:start], name]
        last = end
    return Redaction("".join([*pieces, text[last:]]), tuple(spans), known)


def restore(text: str, mapping: Mapping[str, str]) -> str:
    """Put the values back; placeholders that ``mapping`` does not know stay as they are."""
    if "[" not in text:
        return text
    return _PLACEHOLDER.sub(lambda match: mapping.get(match.group(), match.group()), text)


def placeholders(text: str) -> list[str]:
    """Every placeholder in ``text``, in order."""
    return _PLACEHOLDER.findall(text)


def _label_of(name: str) -> str:
    return name[1:-1].rpartition("_")[0]


def _next_name(label: str, known: Mapping[str, str]) -> str:
    number = 1 + sum(_label_of(name) == label for name in known)
    while f"[{label}_{number}]" in known:
        number += 1
    return f"[{label}_{number}]"


def _cuts(span: PersonalDataSpan, places: list[tuple[int, int]]) -> bool:
    """Whether ``span`` holds a part of a place without holding all of it."""
    return any(
        span.start < end and start < span.end and not (span.start <= start and end <= span.end)
        for start, end in places
    )


__all__ = ["PersonalDataKind", "PersonalDataSpan", "Redaction", "placeholders", "redact", "restore"]
