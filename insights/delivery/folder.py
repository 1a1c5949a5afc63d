"""Digests as files: one HTML document, Markdown with its pictures beside it, and JSON."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from insights.delivery.edition import Edition
from insights.errors import DigestNotDelivered


class FolderChannel:
    """Writes the files of each week into a folder of its own; the same week again replaces them."""

    name = "folder"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, edition: Edition) -> None:
        """See ``Channel``."""
        await asyncio.to_thread(self._write, edition)

    def _write(self, edition: Edition) -> None:
        folder = self._folder / edition.workspace / edition.digest.week.name
        files = {f"{picture.name}.png": picture.png for picture in edition.pictures.values()}
        files["digest.html"] = edition.html().encode()
        files["digest.md"] = edition.markdown(lambda picture: f"{picture.name}.png").encode()
        files["digest.json"] = edition.json.encode()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                write_whole(folder / name, content)
        except OSError as error:
            raise DigestNotDelivered(f"The folder of digests cannot be written: {error.strerror}.") from None


def write_whole(file: Path, content: bytes) -> None:
    """Write ``content`` so that nobody ever reads a part of it. Raises ``OSError``."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(file)
