"""Data that a company writes in YAML: rules, catalogues, sequences, claims."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from signals.errors import SignalDataInvalid
from triage.errors import RoutingInvalid
from triage.rules_text import mapping_of

_SHOWN = 10
M = TypeVar("M", bound=BaseModel)


def read_data(file: Path, model: type[M]) -> M:
    """What ``file`` holds, as ``model``. Raises ``SignalDataInvalid``, which names file, places, reasons."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SignalDataInvalid(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise SignalDataInvalid(f"{file} is not UTF-8: {error.reason} at byte {error.start}.") from None
    return parse_data(text, model, source=str(file))


def parse_data(text: str, model: type[M], *, source: str) -> M:
    """The same of ``text``, which is from ``source``."""
    try:
        data = mapping_of(text, source=source, keys=model.model_fields)
    except RoutingInvalid as error:
        raise SignalDataInvalid(error.detail) from None
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = [(_place(one["loc"]), _reason(one["msg"])) for one in error.errors()]
        raise invalid(source, found) from None


def invalid(source: str, problems: list[tuple[str, str]]) -> SignalDataInvalid:
    """The error that tells of ``problems``: places and reasons."""
    shown = "; ".join(f"{place}: {reason}" if place else reason for place, reason in problems[:_SHOWN])
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return SignalDataInvalid(f"{source}: {shown}{more}.", problems)


def _place(location: Iterable[str | int]) -> str:
    """Such as "rules[2].when", without the tags of conditions, which stand in angle brackets."""
    steps = (step for step in location if not str(step).startswith("<") and step != "[key]")
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def _reason(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return "it is not known here" if message.startswith("Extra inputs") else message
