"""Encryption at rest: AES-256-GCM under a key that lives outside the database."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from store.errors import WrongEncryptionKey

_NONCE_BYTES = 12  # what NIST SP 800-38D recommends for GCM


class Cipher:
    """Encrypts and decrypts short texts with one 256-bit key."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def encrypt(self, text: str) -> bytes:
        """``text`` encrypted: a random nonce, then ciphertext and tag."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, text.encode(), None)

    def decrypt(self, data: bytes) -> str:
        """The text again. Raises ``WrongEncryptionKey`` if it was encrypted with another key or changed."""
        try:
            return self._aead.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], None).decode()
        except InvalidTag:
            raise WrongEncryptionKey(
                "Stored text cannot be decrypted: CARELOOP_ENCRYPTION_KEY or the key file is not the one "
                "it was written with."
            ) from None


def load_or_create_key(path: Path) -> bytes:
    """The 32-byte key in file ``path``; made, readable by its owner only, when there is none yet."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return base64.urlsafe_b64decode(path.read_bytes())
    with os.fdopen(descriptor, "wb") as file:
        key = secrets.token_bytes(32)
        file.write(base64.urlsafe_b64encode(key))
        file.flush()
        os.fsync(file.fileno())
    return key
