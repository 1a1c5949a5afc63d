"""What is in a file: by its ending, one document or one per row."""

from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from knowledge_base.errors import CannotLoad
from knowledge_base.sources.archives import check_archive
from knowledge_base.sources.articles import article, article_from_markdown
from knowledge_base.sources.converter import Converter, Format
from knowledge_base.sources.decoding import decode
from knowledge_base.sources.limits import FileLimits
from knowledge_base.sources.rows import rows_of_csv, rows_of_jsonl
from knowledge_base.sources.source import Loaded


class _Plain(Enum):
    MARKDOWN = "markdown"
    TEXT = "text"
    CSV = "csv"
    JSONL = "jsonl"


_KINDS: dict[str, _Plain | Format] = {
    ".md": _Plain.MARKDOWN,
    ".markdown": _Plain.MARKDOWN,
    ".txt": _Plain.TEXT,
    ".text": _Plain.TEXT,
    ".csv": _Plain.CSV,
    ".tsv": _Plain.CSV,
    ".jsonl": _Plain.JSONL,
    ".ndjson": _Plain.JSONL,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".xhtml": Format.HTML,
    ".pdf": Format.PDF,
    ".docx": Format.DOCX,
    ".pptx": Format.PPTX,
    ".xlsx": Format.XLSX,
}
_ARCHIVES = frozenset({Format.DOCX, Format.PPTX, Format.XLSX})
# Reproducible builds and archives set times to 1970 or 1980: such a time says nothing.
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class File:
    """A file that was listed: its key within the source, and where it really lies."""

    key: str
    path: Path


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read of a file, and its status at that moment."""

    data: bytes
    status: os.stat_result

    @property
    def modified(self) -> datetime:
        """When it was last written to."""
        return datetime.fromtimestamp(self.status.st_mtime, UTC)


def is_supported(path: Path) -> bool:
    """Whether a file with this name can be read."""
    return path.suffix.lower() in _KINDS


class FileReader:
    """Reads files within ``limits``; what is neither text nor a table goes through ``converter``."""

    def __init__(self, converter: Converter, limits: FileLimits) -> None:
        self._converter = converter
        self._limits = limits

    def read(self, file: File) -> Contents:
        """The bytes of a regular file. Raises ``CannotLoad`` with the reason, also when it is too large."""
        kind = _KINDS[file.path.suffix.lower()]
        most = self._limits.file_bytes if isinstance(kind, Format) else self._limits.text_bytes
        # The path was resolved when it was listed: a link in its place now was put there since. A pipe in
        # its place must not block.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(file.path, flags), "rb") as opened:
                status = os.fstat(opened.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise CannotLoad("It is not a regular file.")
                data = opened.read(most + 1)
        except OSError as error:
            raise CannotLoad(f"It cannot be opened: {error.strerror}.") from None
        if len(data) > most:
            raise CannotLoad(f"It is larger than {most // 2**20} MiB.")
        return Contents(data, status)

    async def load(self, file: File, contents: Contents) -> Loaded:
        """The documents in a file. Raises ``CannotLoad`` with the reason."""
        kind = _KINDS[file.path.suffix.lower()]
        if isinstance(kind, Format):
            loaded = await self._load_converted(file, contents.data, kind)
        else:
            loaded = await asyncio.to_thread(self._load_plain, file, contents.data, kind)
        if kind in {_Plain.CSV, _Plain.JSONL}:
            return loaded
        document = loaded.documents[0]
        if len(document.text) > self._limits.document_characters:
            raise CannotLoad(f"It holds more than {self._limits.document_characters:,} characters.")
        if document.updated_at is None and contents.modified > _EARLIEST:
            document = replace(document, updated_at=contents.modified)
        return Loaded((document,))

    def _load_plain(self, file: File, data: bytes, kind: _Plain) -> Loaded:
        text = decode(data)
        match kind:
            case _Plain.CSV:
                return rows_of_csv(file.key, text, most=self._limits.rows)
            case _Plain.JSONL:
                return rows_of_jsonl(file.key, text, most=self._limits.rows)
            case _Plain.MARKDOWN:
                return Loaded((article_from_markdown(file.key, file.path.stem, text),))
            case _Plain.TEXT:
                return Loaded((article(file.key, file.path.stem, text),))

    async def _load_converted(self, file: File, data: bytes, kind: Format) -> Loaded:
        if kind in _ARCHIVES:
            await asyncio.to_thread(check_archive, data, self._limits)
        converted = await self._converter.convert(data, kind=kind)
        if not converted.text.strip():
            hint = "it seems to hold scanned pages" if kind is Format.PDF else "it is empty"
            raise CannotLoad(f"There is no text in it: {hint}.")
        fields: dict[str, object] = {"title": converted.title, "updated": converted.updated}
        return Loaded((article(file.key, file.path.stem, converted.text, fields=fields),))
