"""Structured logs that never carry what a customer wrote."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

# Keys under which message text could slip in; their values are replaced by their length.
TEXT_KEYS = frozenset(
    ["answer", "body", "content", "history", "message", "prompt", "query", "question", "quote", "text"]
)
_LONGEST_VALUE = 300  # characters; ids, paths and error codes are shorter


def configure_logging(*, level: str = "info", json: bool = True, stream: TextIO | None = None) -> None:
    """Send structured logs to ``stream`` (standard error unless given), one line an event.

    ``json`` writes JSON objects; otherwise lines for a person to read.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            without_text,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        # Standard error as it is when a line is written: it may be replaced and closed meanwhile.
        logger_factory=lambda *_: structlog.PrintLogger(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


def without_text(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace message text in a log event by its length: see ``TEXT_KEYS``; any long string likewise."""
    for key, value in event.items():
        if key in TEXT_KEYS or (isinstance(value, str) and len(value) > _LONGEST_VALUE):
            event[key] = f"<{len(str(value))} characters>"
    return event


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose events carry ``component=name``."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(component=name)
    return logger
