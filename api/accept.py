"""Which of several forms a client wants, by its ``Accept`` header (RFC 9110, 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The one of ``offered`` that ``accept`` gives the most weight; of equals, and of none, the first."""
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    weights = [_weight(one, ranges) for one in offered]
    return offered[weights.index(max(weights))]


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weight = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                weight = float(parameter[2:])
            except ValueError:
                weight = 0.0
    return name, weight


def _weight(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """That of the range that says most about ``media_type``; 0 where none does."""
    family = media_type.partition("/")[0]
    found = dict(ranges)
    return next((found[name] for name in (media_type, f"{family}/*", "*/*") if name in found), 0.0)
