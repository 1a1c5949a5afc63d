"""How much of anything is read. A file beyond a limit is reported, never cut short in silence."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Limits on files. The defaults take every manual and export of a real help centre seen so far.

    ``file_bytes`` bounds office files, PDF and HTML, ``text_bytes`` plain text and tables. Archives
    (DOCX, PPTX, XLSX) may unpack to ``unpacked_bytes`` and ``unpacked_ratio`` times their size; an office
    file of text rarely reaches 20, a bomb begins at 1,000. ``conversion_seconds`` and
    ``conversion_bytes`` (address space) bound the process that converts.
    """

    files: int = 200_000
    file_bytes: int = 64 * MEBIBYTE
    text_bytes: int = 32 * MEBIBYTE
    document_characters: int = 4_000_000
    rows: int = 500_000
    archive_members: int = 10_000
    unpacked_bytes: int = 512 * MEBIBYTE
    unpacked_ratio: int = 200
    conversion_seconds: float = 60.0
    conversion_bytes: int = 4096 * MEBIBYTE
