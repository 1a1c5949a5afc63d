"""Deliveries as lines of JSON in a folder, one file a day: for whoever loads files, and for trying things."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from signals.connectors.connector import (
    DeliveryFailed,
    Dispatch,
    Health,
    OutcomePage,
    PreparedRequest,
    Receipt,
)
from signals.connectors.signal_document import dispatch_document, instant


class JsonLinesSettings(BaseModel):
    """Where the ``file`` connector writes."""

    folder: Path = Field(description="Folder that gets one file of JSON lines a day.")


class JsonLines:
    """Appends to ``<folder>/<day of the dispatch, UTC>.jsonl``, one line for each dispatch key.

    Several processes may share a folder of one machine. A line that a crash cut short is removed by the next
    one who writes to that file. Readers take lines that end in a newline; nothing is changed once written.
    """

    name = "file"

    def __init__(self, settings: JsonLinesSettings) -> None:
        self._folder = settings.folder
        self._taken: dict[Path, _Taken] = {}
        self._lock = asyncio.Lock()

    async def deliver(self, dispatch: Dispatch) -> Receipt:
        """Append the dispatch, on disk when this returns. Raises ``DeliveryFailed``."""
        async with self._lock:
            try:
                repeated = await asyncio.to_thread(self._append, dispatch)
            except OSError as error:
                raise DeliveryFailed(f"The folder cannot be written to: {error.strerror}.") from error
        return Receipt({"line": dispatch.key}, repeated=repeated)

    def preview(self, dispatch: Dispatch) -> Sequence[PreparedRequest]:
        """The line, and the file it goes to."""
        return [PreparedRequest("APPEND", str(self._path(dispatch)), _line(dispatch))]

    async def health(self) -> Health:
        """Whether the folder can be written to, or made."""
        nearest = next(path for path in (self._folder, *self._folder.parents) if path.exists())
        if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
            return Health(ok=True, detail="The folder can be written to.")
        return Health(ok=False, detail=f"{nearest} is not a folder that can be written to.")

    async def poll(self, cursor: str | None) -> OutcomePage:
        """Nothing: a folder does not answer."""
        return OutcomePage((), cursor)

    async def close(self) -> None:
        """Nothing is kept open."""

    def _path(self, dispatch: Dispatch) -> Path:
        return self._folder / f"{dispatch.at.astimezone(UTC):%Y-%m-%d}.jsonl"

    def _append(self, dispatch: Dispatch) -> bool:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(dispatch)
        with _locked(path) as file:
            taken = self._taken.setdefault(path, _Taken())
            taken.catch_up(file)
            if dispatch.key in taken.keys:
                return True
            line = json.dumps(_line(dispatch), ensure_ascii=False).encode() + b"\n"
            os.pwrite(file, line, taken.end)
            os.fsync(file)
            taken.catch_up(file)
            if dispatch.key not in taken.keys:
                raise OSError(errno.EIO, "the line was cut short")
        for day in sorted(self._taken)[:-3]:  # what is older is read again if it is ever needed
            del self._taken[day]
        return False


class _Taken:
    """The keys in one file, as far as it was read."""

    def __init__(self) -> None:
        self.end = 0
        self.keys: set[str] = set()
        self._inode = 0

    def catch_up(self, file: int) -> None:
        """Read what others have appended; cut off a line that was never finished."""
        status = os.fstat(file)
        size = status.st_size
        if size < self.end or status.st_ino != self._inode:  # somebody emptied or replaced it
            self.end, self.keys, self._inode = 0, set(), status.st_ino
        new = os.pread(file, size - self.end, self.end)
        whole = new[: new.rfind(b"\n") + 1]
        self.keys.update(filter(None, map(_key, whole.split(b"\n"))))
        self.end += len(whole)
        if self.end < size:
            os.ftruncate(file, self.end)


def _key(line: bytes) -> str | None:
    """The dispatch key of a line; none if the line is not ours."""
    try:
        return str(json.loads(line)["key"])
    except (ValueError, KeyError, TypeError):
        return None


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _line(dispatch: Dispatch) -> dict[str, Any]:
    return {"key": dispatch.key, "at": instant(dispatch.at)} | dispatch_document(dispatch)
