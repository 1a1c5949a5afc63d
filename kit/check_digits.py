"""Check digits of numbers that people type: payment cards and bank accounts."""

from __future__ import annotations

import re


def luhn_valid(number: str) -> bool:
    """Whether the digits of ``number`` end in the check digit of ISO/IEC 7812 (payment cards)."""
    digits = [int(character) for character in number if character in "0123456789"]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(digits) > 1 and (sum(digits[::-2]) + sum(doubled)) % 10 == 0


def iban_valid(value: str) -> bool:
    """Whether ``value`` satisfies ISO 13616: 15 to 34 characters whose rearrangement is 1 modulo 97."""
    compact = re.sub(r"[\s-]", "", value).upper()
    if not 15 <= len(compact) <= 34 or not compact.isascii() or not compact.isalnum():
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1
