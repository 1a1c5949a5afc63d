"""A keyed hash that tells whether two encrypted texts are the same."""

from __future__ import annotations

import hashlib
import hmac

_PURPOSE = b"careloop: hashes of ticket texts"


class TextHash:
    """HMAC-SHA256 under a key derived from the one that encrypts.

    A plain hash would tell whoever has the database which of the texts they can think of was written: of
    "my number is 0171..." there are few.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, _PURPOSE, hashlib.sha256)

    def of(self, text: str) -> str:
        """64 hexadecimal digits, the same for texts that differ by case and white space only."""
        return hmac.new(self._key, normalised(text).encode(), hashlib.sha256).hexdigest()


def normalised(text: str) -> str:
    """``text`` without what makes no difference to what it says: case, and how much white space."""
    return " ".join(text.casefold().split())
