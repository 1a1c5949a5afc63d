"""Commands as JSON lines on standard input, results as JSON lines on standard output.

Standard library only: it runs in the virtual environment of every compared system.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

Handler = Callable[..., Any]


def answer_commands(handlers: Mapping[str, Handler]) -> None:
    """Serve until standard input ends. What libraries print goes to standard error instead."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    print(json.dumps("ready"), file=replies, flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        result = handlers[command.pop("do")](**command)
        print(json.dumps(result), file=replies, flush=True)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that ``work`` took, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result
