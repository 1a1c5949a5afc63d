"""A signal as text and back: what is kept, encrypted, of a signal as it was at one revision."""

from __future__ import annotations

from pydantic import TypeAdapter

from signals.signal import Signal
from store.encryption import Cipher

_SIGNAL = TypeAdapter(Signal)


def freeze(signal: Signal, cipher: Cipher) -> bytes:
    """``signal``, encrypted."""
    return cipher.encrypt(_SIGNAL.dump_json(signal).decode())


def thaw(frozen: bytes, cipher: Cipher) -> Signal:
    """The signal again. Raises ``WrongEncryptionKey``."""
    return _SIGNAL.validate_json(cipher.decrypt(frozen))
