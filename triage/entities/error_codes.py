"""Error codes: of programs and devices, of HTTP, and whatever a word calls an error."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.entities.entity import Candidate
from triage.entities.numerals import COUNTED, DATE_SHAPE

_ERRORS = re.compile(
    r"(?P<hex>(?<!\w)0x[0-9A-Fa-f]{4,16}(?!\w))|"
    r"(?P<http>(?<!\w)(?i:http)(?:/[0-9.]{1,3})?[\s-]?(?:(?i:errors?|status|code|fehler|erreur)\s?){0,2}:?\s?"
    r"(?P<status>[1-5][0-9]{2})(?!\w|[.,][0-9]))|"
    r"(?P<name>(?<!\w)(?:(?:ERR|ERROR|DNS|NET|SSL|SEC|STATUS|PR|WSA|INET|TLS|NS|PROBE)_"
    r"[A-Z0-9]{1,40}(?:_[A-Z0-9]{1,40}){0,8}|"
    r"E(?:CONN[A-Z]{3,10}|TIMEDOUT|NOTFOUND|ACCES|NOENT|PIPE|HOSTUNREACH|NETUNREACH|ADDRINUSE|PERM|AI_AGAIN)|"
    r"ORA-[0-9]{5}|SQLSTATE\[?\s?[0-9A-Z]{5}|[A-Z][A-Za-z]{2,60}(?:Exception|Error))(?!\w))|"
    r"(?P<letter>(?<![\w-])(?:E-?[0-9]{3,5}|F[0-9]{3,4})(?![\w-]|[.,][0-9]))|"
    r"(?P<said>(?<!\w)(?i:error|fehler|erreur|errore|fout|störungs?)-?"
    r"(?:\s?(?i:code|message|number|nummer|no\.?|nr\.?|"
    r"meldung|melding|id))?(?:\s(?i:is|ist|was))?\s?[:=#]?\s{0,2}[\"'(]?"
    r"(?P<code>[A-Za-z]{0,6}[-_]?[0-9][A-Za-z0-9]{0,12}(?:[-._][A-Za-z0-9]{1,8}){0,3})(?!\w|[.,:][0-9]))"
)
# Every error code has one of these; looked for first, as most messages have none.
_MAY_HOLD = re.compile(r"[0-9_]|E[A-Z]{3}|Exception|Error|SQLSTATE")
_ORDINARY = re.compile(r"[0-9]+(?:x|mal|times|st|nd|rd|th|h|am|pm|min|ms|s|kb|mb|gb)?", re.IGNORECASE)


def find_error_codes(text: str) -> Iterator[Candidate]:
    """Codes in one spelling ("HTTP 404", "0x80070005"), each with the word that calls it an error."""
    if not _MAY_HOLD.search(text):
        return
    for found in _ERRORS.finditer(text):
        if found["hex"]:
            value = found["hex"].lower()
        elif found["http"]:
            value = f"HTTP {found['status']}"
        elif found["said"]:
            code = found["code"]
            counted = COUNTED.match(text, found.end()) or (not code.isdigit() and _ORDINARY.fullmatch(code))
            if counted or DATE_SHAPE.fullmatch(code):
                continue
            value = code.lower() if code.lower().startswith("0x") else code.upper()
        else:
            value = found["name"] or found["letter"]
        yield Candidate(2, "error_code", *found.span(), value)
