from __future__ import annotations

import pytest

from knowledge_base.errors import CannotLoad
from knowledge_base.sources.decoding import decode

GERMAN = "Die Kündigung ist jederzeit möglich. Grüße aus München, schöne Zeit für alle Bürger."


@pytest.mark.parametrize(
    "data",
    [
        GERMAN.encode(),
        GERMAN.encode("utf-8-sig"),
        GERMAN.encode("utf-16"),
        GERMAN.encode("utf-32"),
        GERMAN.encode("latin-1"),
    ],
    ids=["utf-8", "with a byte order mark", "utf-16", "utf-32", "latin-1"],
)
def test_text_is_decoded_whatever_its_encoding(data: bytes) -> None:
    assert decode(data) == GERMAN


def test_a_few_broken_bytes_do_not_make_it_another_encoding() -> None:
    broken = (GERMAN * 20).encode() + b" end \xff."
    assert decode(broken) == GERMAN * 20 + " end \ufffd."


@pytest.mark.parametrize(
    "data", [b"\0" * 500, bytes(range(128, 256)) * 4 + b"\0" * 600], ids=["zeros", "noise"]
)
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(CannotLoad, match="not a text file"):
        decode(data)


def test_nothing_is_an_empty_text() -> None:
    assert decode(b"") == ""
