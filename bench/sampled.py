"""``python -m bench.sampled OUT.json serve ...``: the command line under a sampling profiler.

A thread looks at every other thread's stack 200 times a second and notes which part it is in; a cProfile
would miss the encoder, which runs in worker threads outside the interpreter.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from careloop.cli import main

_INTERVAL = 0.005
# A stack belongs to the first of these that is found in it, from the innermost frame outwards.
_PARTS = {
    "inference/encoder.py": "encoder",
    "chromadb/": "vector index",
    "retrieval/": "retrieval",
    "aiosqlite/": "database",
    "sqlalchemy/": "database",
    "bot/": "assistant",
    "kit/": "assistant",
    "api/": "api",
    "starlette/": "api",
    "fastapi/": "api",
    "uvicorn/": "api",
}
_IDLE = ("threading.py", "selectors.py", "queue.py", "concurrent/futures/thread.py", "asyncio/base_events.py")


def part_of(frame: FrameType | None) -> str | None:
    """The part that a stack is in; none while it waits for work."""
    if frame is None or frame.f_code.co_filename.endswith(_IDLE):
        return None
    while frame is not None:
        name = frame.f_code.co_filename
        for mark, part in _PARTS.items():
            if mark in name:
                return None if part == "database" and _waits(frame) else part
        frame = frame.f_back
    return "other"


def _waits(frame: FrameType) -> bool:
    """Whether a thread of the database driver waits for its next statement."""
    return frame.f_code.co_name == "run" or "queue" in frame.f_code.co_name


def sample(output: Path) -> None:
    """Sample for ever; write the counts once a second, so that a killed process leaves them too."""
    mine, counts, samples = threading.get_ident(), Counter[str](), 0
    while True:
        for _ in range(int(1 / _INTERVAL)):
            time.sleep(_INTERVAL)
            frames = sys._current_frames()  # noqa: SLF001 (what every sampling profiler reads)
            parts = {part_of(frame) for ident, frame in frames.items() if ident != mine}
            counts.update(part for part in parts if part)
            samples += 1
        cpu = os.times()
        found = {"samples": samples, "cpu_seconds": cpu.user + cpu.system, "parts": counts}
        output.write_text(json.dumps(found))


if __name__ == "__main__":
    threading.Thread(target=sample, args=[Path(sys.argv.pop(1))], daemon=True).start()
    main()
