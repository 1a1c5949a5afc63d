"""Work in a thread that can be left: a thread cannot be cancelled, and a server that stops waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


class Stopped(Exception):
    """Nobody waits any more for what was being worked out."""


async def in_thread(
    work: Callable[..., Result],
    *arguments: Any,  # noqa: ANN401 (passed on)
    **options: Any,  # noqa: ANN401
) -> Result:
    """What ``work`` gives, called in a thread with a ``stop`` besides, which is set once nobody waits."""
    stop = threading.Event()
    try:
        return await asyncio.to_thread(work, *arguments, **options, stop=stop)
    finally:
        stop.set()


def go_on(stop: threading.Event | None) -> None:
    """Raise ``Stopped`` once ``stop`` is set; for places where nothing is half done."""
    if stop is not None and stop.is_set():
        raise Stopped
