"""Amounts of money, with the currency before or after them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.entities.entity import Candidate

_CURRENCIES = {
    "EUR": r"€|eur(?:os?)?|eur",
    "USD": r"us\$|\$|usd|(?:us\s)?dollars?|bucks",
    "GBP": r"£|gbp|pounds|quid|pound\ssterling",
    "CHF": r"chf|sfr\.?|franken",
    "JPY": r"¥|jpy|yen",
    "INR": r"₹|inr|rs\.?|rupees?",
    "CAD": r"ca\$|cad",
    "AUD": r"au\$|aud",
    "SEK": r"sek",
    "NOK": r"nok",
    "DKK": r"dkk",
    "PLN": r"pln|zł(?:oty)?",
    "CZK": r"czk|kč",
    "BRL": r"r\$|brl",
}
_ANY_CURRENCY = "|".join(
    sorted("|".join(_CURRENCIES.values()).split("|"), key=lambda word: (-len(word), word))
)
_AMOUNT = (
    r"(?:[0-9]{1,3}(?:[.,'’\s][0-9]{3}){1,4}(?:[.,][0-9]{1,2})?|[0-9]{1,10}(?:[.,][0-9]{1,2})?)"
    r"(?:[.,][-–])?"
)
_MONEY = re.compile(
    rf"(?i)(?<![\w.,])(?:(?P<before>{_ANY_CURRENCY})\s?(?P<first>{_AMOUNT})(?P<thousand>k\b)?(?![\w%]|[.,][0-9])|"
    rf"(?P<second>{_AMOUNT})(?P<thousands>k)?[\s-]?(?P<after>{_ANY_CURRENCY})(?!\w))"
)
_WHOLE = frozenset({"JPY"})


def find_money(text: str) -> Iterator[Candidate]:
    """Amounts as "EUR 12.50", currencies by their ISO 4217 code; without cents where there are none (yen)."""
    for found in _MONEY.finditer(text):
        code = next(
            code
            for code, words in _CURRENCIES.items()
            if re.fullmatch(words, found["before"] or found["after"], re.IGNORECASE)
        )
        times = 1_000 if found["thousand"] or found["thousands"] else 1
        value = _amount(found["first"] or found["second"], times=times)
        shown = value.split(".")[0] if code in _WHOLE else value
        yield Candidate(3, "money", *found.span(), f"{code} {shown}")


def _amount(written: str, *, times: int = 1) -> str:
    """``written`` (1.234,56 or 1,234.56 or 12,-) ``times`` that, as "1234.56".

    The last separator is the decimal one, unless three digits follow it.
    """
    digits = re.sub(r"[.,][-–]$|['’\s]", "", written)
    place = max(digits.rfind("."), digits.rfind(","))
    if place < 0 or len(digits) - place == 4:
        whole, cents = re.sub(r"[.,]", "", digits), ""
    else:
        whole, cents = re.sub(r"[.,]", "", digits[:place]), digits[place + 1 :]
    total = (int(whole) * 100 + int(cents.ljust(2, "0") or 0)) * times
    return f"{total // 100}.{total % 100:02}"
