"""Files that hold what customers said: made anew, and readable by their owner alone."""

from __future__ import annotations

import os
from pathlib import Path

from kit.errors import InvalidInput


def write_private(path: Path, text: str) -> None:
    """Write ``text`` in UTF-8 to a new file of mode 0600.

    Raises ``InvalidInput`` where there is one already, whose readers nobody knows, or it cannot be made.
    """
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(text.encode())
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from error
