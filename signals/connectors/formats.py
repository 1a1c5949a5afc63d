"""How a value of ours is written for a target: dates, percentages, quotes, lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from enum import Enum

from signals.connectors.answer import Json
from signals.signal import Quote


def plain(value: object) -> Json:  # noqa: PLR0911 (one a type)
    """``value`` as JSON has it: an enumeration as its text, a time as ISO 8601 in UTC."""
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case str() | int() | float() | bool() | None:
            return value
        case Mapping():
            return {str(name): plain(part) for name, part in value.items()}
        case Sequence() | set() | frozenset():
            return [plain(part) for part in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return plain(asdict(value))
        case _:
            return str(value)


def _date(value: object) -> str:
    return str(_moment(value).date())


def _milliseconds(value: object) -> int:
    return int(_moment(value).timestamp() * 1000)


def _moment(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError("a time is expected")
    return value.astimezone(UTC)


def _number(value: object) -> float:
    if not isinstance(value, int | float | str):
        raise TypeError("a number is expected")
    return float(value)


def _percent(value: object) -> int:
    return round(_number(value) * 100)


def _percent_text(value: object) -> str:
    return f"{_percent(value)} %"


def _text(value: object) -> str:
    written = plain(value)
    if isinstance(written, bool):
        return "true" if written else "false"
    if isinstance(written, list):
        return ", ".join(str(part) for part in written)
    return str(written)


def _title(value: object) -> str:
    return _text(value).replace("_", " ").capitalize()


def _quotes(value: object) -> str:
    """One line a quote, the weightiest first."""
    if not isinstance(value, tuple | list):
        raise TypeError("quotes are expected")
    quotes = [quote for quote in value if isinstance(quote, Quote)]
    quotes.sort(key=lambda quote: -quote.weight)
    return "\n".join(f"“{' '.join(quote.text.split())}”" for quote in quotes)


FORMATS: Mapping[str, Callable[[object], Json]] = {
    "date": _date,
    "milliseconds": _milliseconds,
    "number": _number,
    "percent": _percent,
    "percent_text": _percent_text,
    "quotes": _quotes,
    "text": _text,
    "title": _title,
}


def shortened(text: str, longest: int) -> str:
    """``text`` of at most ``longest`` characters; an ellipsis stands for what is left out."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
