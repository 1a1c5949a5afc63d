"""Is this office file safe to unpack? Checked from its directory, and again while unpacking it once."""

from __future__ import annotations

import io
import zipfile
import zlib

from knowledge_base.errors import CannotLoad
from knowledge_base.sources.limits import FileLimits

_CHUNK = 256 * 1024
_HARMLESS = 1024 * 1024  # bytes: whatever the ratio, so little hurts nobody
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # how binary Office files begin, and encrypted new ones
# OOXML forbids document type definitions (ECMA-376 part 2, 8.1.4); entities in them can explode in a parser.
_DOCTYPES = tuple(
    word.encode(encoding)
    for word in ("<!DOCTYPE", "<!ENTITY")
    for encoding in ("ascii", "utf-16-le", "utf-16-be")
)
_LONGEST_DOCTYPE = max(map(len, _DOCTYPES))
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


def check_archive(data: bytes, limits: FileLimits) -> None:
    """Raise ``CannotLoad`` unless ``data`` is a whole, unencrypted archive that stays within ``limits``.

    The sizes that the directory claims are checked first; then every member is unpacked and counted,
    since a directory can lie, and XML parts are searched for document type definitions.
    """
    if data.startswith(_OLE):
        raise CannotLoad("It is protected by a password, or in the binary format of Office 97 to 2003.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_directory(members, len(data), limits)
            _unpack_all(archive, members, _budget(len(data), limits))
    except _BROKEN as error:
        raise CannotLoad(f"It is damaged: {error}.") from None


def _budget(size: int, limits: FileLimits) -> int:
    return min(limits.unpacked_bytes, max(size * limits.unpacked_ratio, _HARMLESS))


def _check_directory(members: list[zipfile.ZipInfo], size: int, limits: FileLimits) -> None:
    if len(members) > limits.archive_members:
        raise CannotLoad(f"It holds more than {limits.archive_members:,} parts.")
    if len({member.header_offset for member in members}) < len(members):
        raise CannotLoad("Its parts overlap, as in a zip bomb.")
    claimed = sum(member.file_size for member in members)
    if claimed > _budget(size, limits):
        raise CannotLoad(f"It unpacks to {claimed:,} bytes, far more than its {size:,}: a zip bomb.")
    if any(member.flag_bits & 1 for member in members):
        raise CannotLoad("It is protected by a password.")


def _unpack_all(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], budget: int) -> None:
    left = budget
    for member in members:
        is_markup = member.filename.lower().endswith((".xml", ".rels", ".vml"))
        tail = b""
        with archive.open(member) as part:
            while chunk := part.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise CannotLoad(f"It unpacks to more than {budget:,} bytes: a zip bomb.")
                if is_markup:
                    window = tail + chunk
                    if any(word in window for word in _DOCTYPES):
                        raise CannotLoad(
                            "It holds a document type definition, which no office program writes."
                        )
                    tail = window[-_LONGEST_DOCTYPE:]
