"""A compared system in a process of its own, spoken to in JSON lines."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parent.parent
THREADS = 2

# The same for every system: two threads, nothing looked up, nothing sent.
QUIET = {
    "OMP_NUM_THREADS": str(THREADS),
    "MKL_NUM_THREADS": str(THREADS),
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "DO_NOT_TRACK": "1",
}


def child_environment(**more: str) -> dict[str, str]:
    """This process's environment without Careloop's settings, with ``QUIET`` and ``more``."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CARELOOP_")}  # noqa: TID251
    return inherited | QUIET | more


class Worker:
    """One running system. ``do`` sends a command and waits for its result."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self.start_seconds = 0.0
        self._command = command
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        start = time.perf_counter()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=child_environment(),
        )
        self._read()
        self.start_seconds = time.perf_counter() - start
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(30)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        finally:
            self._process.stdout.close()

    def do(self, command: str, **arguments: Any) -> Any:  # noqa: ANN401 (JSON)
        """The result of ``command``. Raises ``RuntimeError`` when the process has died."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:  # noqa: ANN401
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with status {self._process.wait()}; see its output above.")
        return json.loads(line)
