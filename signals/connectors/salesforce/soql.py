"""Questions in SOQL, with every value quoted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

_ESCAPED = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"})


def quoted(value: str) -> str:
    """``value`` as a SOQL text ("Quoted String Escape Sequences")."""
    return f"'{value.translate(_ESCAPED)}'"


def one_of(values: Iterable[str]) -> str:
    """``values`` as what may follow IN."""
    return f"({', '.join(quoted(value) for value in values)})"


def moment(value: datetime) -> str:
    """``value`` as a SOQL time."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"


def select(fields: Iterable[str], kind: str, where: str, *, rest: str = "") -> str:
    """A question for ``fields`` of ``kind``; ``where`` has its values quoted already."""
    return f"SELECT {', '.join(fields)} FROM {kind} WHERE {where}{rest and ' ' + rest}"  # noqa: S608 (as said)
