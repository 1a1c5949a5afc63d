from __future__ import annotations

import io
import struct
import zipfile

import pytest

from knowledge_base.errors import CannotLoad
from knowledge_base.sources.archives import check_archive
from knowledge_base.sources.limits import FileLimits
from tests.knowledge_base.sources.conftest import docx

LIMITS = FileLimits(unpacked_bytes=5_000_000, archive_members=50)


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_an_honest_document_passes() -> None:
    check_archive(docx("Title", "Text"), LIMITS)


def test_a_bomb_is_known_by_its_directory() -> None:
    with pytest.raises(CannotLoad, match="zip bomb"):
        check_archive(docx("Title", extra={"word/media/a.bin": b"\0" * 20_000_000}), LIMITS)


def test_a_bomb_that_lies_in_its_directory_is_caught_while_unpacking() -> None:
    data = bytearray(zipped(a=b"\0" * 4_000_000))
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", 1000)  # the size it claims
    with pytest.raises(CannotLoad, match=r"damaged|zip bomb"):
        check_archive(bytes(data), LIMITS)


def test_too_much_is_too_much_even_if_the_directory_hid_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge_base.sources.archives._check_directory", lambda *_: None)
    with pytest.raises(CannotLoad, match="unpacks to more than"):
        check_archive(zipped(a=b"\0" * 20_000_000), LIMITS)


def test_overlapping_members_are_a_bomb() -> None:
    data = zipped(a=b"x" * 100, b=b"x" * 100)
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 1)
    overlapping = bytearray(data)
    overlapping[second + 42 : second + 46] = overlapping[first + 42 : first + 46]
    with pytest.raises(CannotLoad, match="overlap"):
        check_archive(bytes(overlapping), LIMITS)


def test_too_many_members_are_refused() -> None:
    with pytest.raises(CannotLoad, match="more than 50 parts"):
        check_archive(zipped(**{f"m{number}": b"x" for number in range(51)}), LIMITS)


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le"])
@pytest.mark.parametrize("before", [0, 262_140], ids=["at the start", "across two chunks"])
def test_an_entity_bomb_is_refused(encoding: str, before: int) -> None:
    part = b" " * before + '<!DOCTYPE lolz [<!ENTITY lol "lol">]>'.encode(encoding)
    with pytest.raises(CannotLoad, match="document type definition"):
        check_archive(docx("Title", extra={"word/footnotes.xml": part}), LIMITS)


def test_encrypted_members_are_refused() -> None:
    data = bytearray(zipped(a=b"secret"))
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    with pytest.raises(CannotLoad, match="password"):
        check_archive(bytes(data), LIMITS)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old", "password, or in the binary format"),
        (b"not a zip", "damaged"),
        (docx("Title", "Text")[:-30], "damaged"),
        (docx("Title", "Text" * 5000).replace(b"\x4b\x03\x04", b"\x4b\x03\x05", 3), "damaged"),
    ],
    ids=["binary Office", "no archive", "cut short", "broken"],
)
def test_damaged_archives_say_so(data: bytes, reason: str) -> None:
    with pytest.raises(CannotLoad, match=reason):
        check_archive(data, LIMITS)
