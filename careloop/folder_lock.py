"""A lock on a folder that ends with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class FolderLock:
    """An advisory lock on ``<folder>/.lock``; one process of this machine holds it at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self) -> bool:
        """Take the lock; false when another process has it."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)
