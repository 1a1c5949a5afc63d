"""Whether a sentence makes an offer, or only speaks of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from signals.brand.claims import Campaign
from signals.brand.sentences import clause_of, is_denied

_OFFERS = re.compile(
    r"(?i)\b(?:order|orders|get|sign up|join|buy|choose|take|ask|claim|use|enjoy|save|available|open|now"
    r"|enter|hurry|qualify|as part of|last chance|ends (?:this|today|tomorrow|soon|on)"
    r"|today|still|starts?|is on|costs?|would be|free|voucher|appl\w+|price|until|jetzt|bestell\w*|sparen"
    r"|erhältlich|sicher\w*)\b|[£€$]\s?\d"
)
_ENDED = re.compile(
    r"(?i)\b(?:ended|expired|closed|was|were|had|over|stops?|ordered|again|abgelaufen|vorbei|beendet)\b"
)
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def made(offer: Campaign, pattern: re.Pattern[str], text: str, *, whole: str) -> Iterator[tuple[int, int]]:
    """Where ``text``, a sentence of ``whole``, makes ``offer``, whose names are ``pattern``.

    To name one is not to make it, and neither is to say that it is over. A text that says when the offer
    comes, every year, is right on every day.
    """
    if not _OFFERS.search(text) or (offer.yearly and _says_when(whole, offer)):
        return
    for said in pattern.finditer(text):
        low, high = clause_of(text, *said.span())
        if not is_denied(text, said.span()) and not _ENDED.search(text, low, high):
            yield said.span()


def _says_when(text: str, offer: Campaign) -> bool:
    start, end = (
        rf"(?:{day.day}(?:st|nd|rd|th)? (?:of )?{month}|{month} {day.day}|{day.day}\. {month})"
        for day in (offer.from_, offer.until)
        if day is not None
        for month in [_MONTHS[day.month - 1]]
    )
    return re.search(rf"(?is)\b{start}\b.{{1,40}}\b{end}\b", text) is not None
