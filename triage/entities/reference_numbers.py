"""Numbers of orders, invoices, tickets and parcels, where a word or their form says what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.entities.entity import Candidate
from triage.entities.numerals import COUNTED, DATE_SHAPE

_NUMBER_WORD = (
    r"(?:(?:number|no|nr|num|nummer|id|code|ref|reference|referenz|numéro|numero|número)\b|n[°º]|№)\.?"
)
_IDENTIFIER = (
    r"(?P<value>[A-Za-z]{0,8}[0-9][A-Za-z0-9]{0,24}(?:[-_/.][A-Za-z0-9]{1,24}){0,5}|"
    r"[A-Za-z]{1,8}(?:[-_/][A-Za-z0-9]{1,24}){1,5})(?![\w%€$£]|[.,][0-9])"
)
_DATED = r"(?:\s(?:vom|from|of|du|del|dated|placed\son)\s[0-9./-]{6,10},?)?"
_CONTEXT = {
    "order": r"(?:purchase\s)?orders?|p\.?o\.?|bestellung|bestell|auftrags?|commande|pedido|orden|ordine|"
    r"bestelling",
    "invoice": r"invoice|bill|rechnungs?|facture|factura|fattura|factuur",
    "ticket": r"ticket|case|incident|vorgangs?|fall|anfrage|dossier|ticketa|caso|incidencia|zaak",
    "tracking": r"tracking|track\s(?:and|&)\strace|parcel|shipment|sendungs?|sendungsverfolgungs?|paket|"
    r"suivi|colis|seguimiento|rastreo|envío|spedizione|tracciamento|zending",
}
_CUED = {
    kind: re.compile(
        rf"(?i)(?<![\w-])(?:{words})"
        rf"(?P<cue>-?\s?{_NUMBER_WORD}|\s?\#|\s(?:with|mit|avec|con)\s(?:the\s|der\s|le\s|el\s)?{_NUMBER_WORD})?"
        rf"{_DATED}(?P<cue2>\s?(?:{_NUMBER_WORD}|\#))?(?:\s?(?:is|was|ist|lautet|est|es|:|=)){{0,2}}"
        rf"\s{{0,3}}\(?(?P<cue3>\#)?\s?{_IDENTIFIER}"
    )
    for kind, words in _CONTEXT.items()
}
_FEWEST_DIGITS = {"order": 4, "invoice": 4, "ticket": 3, "tracking": 8}  # where nothing calls it a number
_PARCELS = re.compile(
    r"(?<!\w)(?P<value>1Z[0-9A-Z]{16}|(?P<post>[A-Z]{2}[0-9]{9}[A-Z]{2})|JJD[0-9]{10,20}|JVGL[0-9]{10,20}|"
    r"TBA[0-9]{12}|00[0-9]{18})(?!\w)"
)


def find_reference_numbers(text: str) -> Iterator[Candidate]:
    """Numbers that ``text`` calls an order's, an invoice's, a ticket's or a parcel's, in upper case."""
    for kind, pattern in _CUED.items():
        for found in pattern.finditer(text):
            named = bool(found["cue"] or found["cue2"] or found["cue3"])
            if _identifies(kind, text, found, named=named):
                value = found["value"].upper()
                yield Candidate(2, kind, *found.span("value"), value)
    for found in _PARCELS.finditer(text):
        if found["post"] is None or _post_number_valid(found["post"]):
            yield Candidate(1, "tracking", *found.span("value"), found["value"])


def _identifies(kind: str, text: str, found: re.Match[str], *, named: bool) -> bool:
    """Whether it is a number of something and not how many, how much or when."""
    value = found["value"]
    digits = sum(map(str.isdigit, value))
    if not digits or DATE_SHAPE.fullmatch(value):
        return False
    if named:
        return digits >= 2 or len(value) >= 4 or found["cue3"] is not None
    if value.isdigit():
        year = len(value) == 4 and value[:2] in {"19", "20"}
        return digits >= _FEWEST_DIGITS[kind] and not year and not COUNTED.match(text, found.end())
    return digits >= 2 and len(value) >= 5 and not re.match(r"[0-9]+[a-zäöü]{1,12}$", value)


def _post_number_valid(number: str) -> bool:
    """The check digit of a postal item (Universal Postal Union, S10)."""
    total = sum(
        int(digit) * weight for digit, weight in zip(number[2:10], (8, 6, 4, 2, 3, 5, 9, 7), strict=True)
    )
    return {10: 0, 11: 5}.get(11 - total % 11, 11 - total % 11) == int(number[10])
