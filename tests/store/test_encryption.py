from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.encryption import Cipher, load_or_create_key
from store.errors import WrongEncryptionKey

KEY = bytes(range(32))


@given(st.text())
def test_what_was_encrypted_comes_back(text: str) -> None:
    assert Cipher(KEY).decrypt(Cipher(KEY).encrypt(text)) == text


def test_the_same_text_never_looks_the_same() -> None:
    cipher = Cipher(KEY)
    assert cipher.encrypt("hello") != cipher.encrypt("hello")
    assert b"hello" not in cipher.encrypt("hello")


def test_another_key_is_refused_with_a_reason() -> None:
    with pytest.raises(WrongEncryptionKey, match="CARELOOP_ENCRYPTION_KEY"):
        Cipher(bytes(32)).decrypt(Cipher(KEY).encrypt("hello"))


def test_a_changed_text_is_refused() -> None:
    data = bytearray(Cipher(KEY).encrypt("hello"))
    data[-1] ^= 1
    with pytest.raises(WrongEncryptionKey):
        Cipher(KEY).decrypt(bytes(data))


def test_the_key_file_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "encryption.key"
    key = load_or_create_key(path)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create_key(path) == key
