"""What people said a message is, where the model said otherwise or was not asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import NewType

from triage.csv_rows import CsvRow, read_csv, why_cells_differ
from triage.errors import CorrectionsInvalid
from triage.examples import Example
from triage.labels import Origin, Priority, Sentiment, Signal, Urgency
from triage.text_hash import normalised

TicketId = NewType("TicketId", str)
CorrectionId = NewType("CorrectionId", int)

_LONGEST_NAME = 200  # of labels and people, as the database keeps them


class LabelKind(StrEnum):
    """Which label of a message."""

    INTENT = "intent"
    QUEUE = "queue"
    PRIORITY = "priority"
    SENTIMENT = "sentiment"
    SIGNAL = "signal"
    URGENCY = "urgency"
    ORIGIN = "origin"
    LANGUAGE = "language"


class CorrectionSource(StrEnum):
    """Where a correction was made."""

    API = "api"
    CSV = "csv"
    HELPDESK = "helpdesk"


# Kinds of which a message has any number; a correction adds one (``was`` empty) or takes it away.
SEVERAL = frozenset({LabelKind.SIGNAL, LabelKind.URGENCY})
_NAMES: Mapping[LabelKind, type[StrEnum]] = {
    LabelKind.PRIORITY: Priority,
    LabelKind.SENTIMENT: Sentiment,
    LabelKind.SIGNAL: Signal,
    LabelKind.URGENCY: Urgency,
    LabelKind.ORIGIN: Origin,
}


@dataclass(frozen=True, slots=True)
class Correction:
    """Somebody's word on one label of ``text``, which is what the model read of a message.

    ``became`` equal to ``was`` confirms. ``id`` grows with every correction that is stored; a withdrawn
    one stays, and counts for nothing.
    """

    text: str
    kind: LabelKind
    became: str | None
    was: str | None
    who: str
    source: CorrectionSource
    at: datetime
    ticket: TicketId | None = None
    id: CorrectionId | None = None
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Labels that one text was given, the first word first; the last one holds."""

    labels: tuple[str, ...]
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lessons:
    """What corrections teach: the last word on each text, the oldest first.

    ``repeated`` counts corrections that say again what was said of the same text.
    """

    corrections: tuple[Correction, ...]
    conflicts: tuple[Conflict, ...] = ()
    repeated: int = 0

    @property
    def examples(self) -> list[Example]:
        """One for each of ``corrections``, in their order."""
        return as_examples(self.corrections)


def as_examples(corrections: Iterable[Correction]) -> list[Example]:
    """An example of each, its label what the correction made of it."""
    return [Example(correction.text, correction.became or "") for correction in corrections]


def lessons(corrections: Iterable[Correction], kind: LabelKind = LabelKind.INTENT) -> Lessons:
    """The last word on each text among corrections of ``kind`` that were not withdrawn.

    Texts that differ by case and white space only are the same. Not for kinds of which a message has
    several.
    """
    said: dict[str, list[Correction]] = {}
    for correction in in_order_of_time(corrections):
        if correction.kind is kind and correction.became and correction.withdrawn_at is None:
            said.setdefault(normalised(correction.text), []).append(correction)
    conflicts = tuple(_conflict(words) for words in said.values() if len({word.became for word in words}) > 1)
    repeated = sum(len(words) - len({word.became for word in words}) for words in said.values())
    return Lessons(tuple(in_order_of_time(words[-1] for words in said.values())), conflicts, repeated)


def in_order_of_time(corrections: Iterable[Correction]) -> list[Correction]:
    """The oldest first; of one moment, the first stored first."""
    return sorted(corrections, key=lambda correction: (correction.at, correction.id or 0))


def check_correction(correction: Correction) -> None:
    """Raise ``CorrectionsInvalid`` when a correction says nothing, or names a label that does not exist."""
    reason = _why_invalid(
        correction.text, correction.kind, became=correction.became, was=correction.was, who=correction.who
    )
    if reason is not None:
        raise CorrectionsInvalid(f"The correction cannot be used: {reason}.")


def read_corrections(
    file: Path,
    *,
    now: datetime,
    text: str = "text",
    became: str = "label",
    was: str = "was",
    who: str = "who",
    at: str = "at",
    kind: str = "kind",
) -> list[Correction]:
    """The rows of a CSV file (UTF-8, with a header) in their order.

    ``text`` and ``became`` name columns that must be there. ``was`` is empty where nobody recorded it, the
    person ("csv" where no column says), the time (ISO 8601, UTC where it has no zone; ``now`` where there is
    none) and the kind (intent) may be missing. Raises ``CorrectionsInvalid``, which names the first broken
    rows and why each is broken; the header is row 1.
    """
    names = _Columns(text=text, became=became, was=was, who=who, at=at, kind=kind)
    return read_csv(
        file, lambda row: _read_row(row, names, now=now), columns=(text, became), invalid=CorrectionsInvalid
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    text: str
    became: str
    was: str
    who: str
    at: str
    kind: str


def _conflict(words: Sequence[Correction]) -> Conflict:
    return Conflict(
        tuple(dict.fromkeys(word.became or "" for word in words)), tuple(Counter(word.who for word in words))
    )


def _why_invalid(text: str, kind: LabelKind, *, became: str | None, was: str | None, who: str) -> str | None:
    labels = [label for label in (was, became) if label]
    if not text.strip():
        return "its text is empty"
    if not who.strip():
        return "nobody is named who made it"
    if not became and not (kind in SEVERAL and was):
        return f"it says no {kind}"
    if any(len(name) > _LONGEST_NAME for name in (*labels, who)):
        return f"a name is longer than {_LONGEST_NAME} characters"
    known = _NAMES.get(kind)
    strange = [label for label in labels if known is not None and label not in set(known)]
    if known is not None and strange:
        return f"there is no {kind} {strange[0]}, only {', '.join(known)}"
    return None


def _read_row(row: CsvRow, names: _Columns, *, now: datetime) -> Correction | str:
    """The correction, or why there is none."""
    if (reason := why_cells_differ(row, row)) is not None:
        return reason
    cells = {cell: value.strip() for cell, value in row.items()}
    try:
        kind = LabelKind(cells.get(names.kind) or LabelKind.INTENT)
    except ValueError:
        return f"there is no kind {cells[names.kind]}, only {', '.join(LabelKind)}"
    try:
        at = datetime.fromisoformat(cells[names.at]) if cells.get(names.at) else now
    except ValueError:
        return f"{cells[names.at]} is not a time such as 2026-01-31T09:00:00+01:00"
    text, became, was = cells[names.text], cells[names.became] or None, cells.get(names.was) or None
    who = cells.get(names.who) or str(CorrectionSource.CSV)
    reason = _why_invalid(text, kind, became=became, was=was, who=who)
    if reason is not None:
        return reason
    return Correction(
        text=text,
        kind=kind,
        became=became,
        was=was,
        who=who,
        source=CorrectionSource.CSV,
        at=at if at.tzinfo else at.replace(tzinfo=UTC),
    )
