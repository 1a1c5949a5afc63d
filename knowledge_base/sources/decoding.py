"""Text out of bytes of whatever encoding."""

from __future__ import annotations

import codecs

from charset_normalizer import from_bytes

from knowledge_base.errors import CannotLoad

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 256 * 1024  # bytes to guess from
_TOLERABLE = 0.01  # share of broken characters up to which broken UTF-8 is still UTF-8, not another encoding


def decode(data: bytes) -> str:
    """The text in ``data``: by its byte order mark, else as UTF-8, else by a guess from its letters.

    Text that is UTF-8 but for a few broken bytes gets U+FFFD in their places. Raises ``CannotLoad`` for
    what is no text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = _guess(data)
    if text.count("\0") > len(text) * _TOLERABLE:
        raise CannotLoad("It is not a text file.")
    return text


def _guess(data: bytes) -> str:
    mended = data.decode("utf-8", "replace")
    other_letters = len(mended.encode()) - len(mended)  # more than none: some multi-byte sequences are whole
    broken = mended.count("\ufffd")
    if broken <= max(1, len(mended) * _TOLERABLE) and other_letters > 2 * broken:
        return mended
    best = from_bytes(data[:_SAMPLE]).best()
    if best is None:
        raise CannotLoad("It is not a text file, or in an encoding that cannot be told.")
    return data.decode(best.encoding, "replace")
