"""Where postal addresses stand in a text: streets, post codes, and what follows "I live at"."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Area letters of United Kingdom post codes (Royal Mail's postcode address file, 124 areas).
_AREAS = (
    "AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY G GL "
    "GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX "
    "PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR "
    "WS WV YO ZE"
).split()
_POSTCODE = re.compile(
    rf"(?i)(?<!\w)(?:{'|'.join(sorted(_AREAS, key=len, reverse=True))})[0-9][0-9A-Z]?\s?(?![0-9](?:GB|TB|HZ|ND|RD|ST|TH)\b)"
    r"[0-9][ABD-HJLNP-UW-Z]{2}(?!\w)"
)
_KIND_OF_STREET = (
    r"Street|St|Road|Rd|Avenue|Ave|Av|Lane|Ln|Drive|Dr|Court|Ct|Close|Way|Place|Pl|Square|Sq|Crescent|Terrace|Gardens|Grove|"
    r"Boulevard|Blvd|Hill|Park|Row|Mews|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Trail|Walk|Rise|Green|Quay|Wharf|Alley|Loop|Plaza|"
    r"Esplanade|Parade|Vale|View|Croft|Heights"
)
_PLACE = r"[A-ZÀ-Þ][\w'’.-]{0,30}"
_UNIT = r"(?:(?i:apt|apartment|suite|ste|flat|unit|room|floor)\.?\s?#?\s?[0-9A-Z][0-9A-Za-z-]{0,5})"
_TAIL = rf"(?:(?:,\s*|\s*\n\s*|\s+(?={_UNIT}))(?:{_UNIT}|{_PLACE}(?:\s{_PLACE}){{0,2}})){{0,4}}(?:,?\s*(?:[A-Z]{{2}}\s?)?[0-9]{{4,5}}(?:-[0-9]{{4}})?(?![\w.%]))?"
_NUMBERED = re.compile(
    rf"(?<![\w$£€.])(?:{_UNIT},?\s+)?[0-9]{{1,5}}[A-Za-z]?,?\s(?:{_PLACE}\s){{1,4}}(?:{_KIND_OF_STREET})\b\.?{_TAIL}"
)
_LOWER_CASE = re.compile(
    r"(?i)(?<![\w$£€.])[0-9]{1,5}[a-z]?\s(?:[a-z'’]{3,20}\s){1,2}(?:street|road|avenue|lane|boulevard|crescent|terrace)\b"
)
_EUROPEAN = re.compile(
    r"(?<!\w)(?:[A-ZÄÖÜ][a-zäöüß-]{2,30}(?:straße|strasse|str\.|weg|platz|allee|gasse|katu|gatan|straat|laan|gade|vej)\s[0-9]{1,4}\s?[a-z]?"
    r"|(?:[0-9]{1,4},?\s)?(?i:rue|avenue|boulevard|calle|via|viale|piazza|plaza|rua|ulica|ul\.)\s"
    r"(?:(?i:de|du|des|la|las|los|el|d')\s?){0,3}[A-ZÀ-Þ][\w'’-]{1,30}(?:\s[A-ZÀ-Þ][\w'’-]{1,30}){0,2},?\s?(?:[0-9]{1,4})?)(?!\w)"
)
_BOX = re.compile(r"(?i)(?<!\w)(?:p\.?\s?o\.?\s?box|postfach)\s#?[0-9]{1,7}(?!\w)")
_ZIP = re.compile(r"(?:(?<=\b[A-Z]{2}\s)|(?i:(?<=zip\s)|(?<=zip:\s)|(?<=zip\scode\s)|(?<=zip\scode\sis\s)|(?<=postcode\s)|(?<=post\scode\s)|(?<=postcode\sis\s)))[0-9]{4,5}(?:-[0-9]{4})?(?!\w)")
_CUE = re.compile(
    r"(?i)\b(?:(?:my|our|new|old|home|billing|delivery|shipping|street|postal|the)\s(?:address|office)(?:\sof\s[\w ]{2,30})?(?:\sis(?:\sat)?|:|\sat)"
    r"|(?:i|we)(?:[’']m|\sam|\sare)?\s(?:live|living|reside|stay|moved|moving)\s(?:at|to)|(?:deliver|ship|send)\s(?:it|them|this)\sto)\s+"
    r"(?P<value>(?=[^\n,]{0,60}[0-9])[^\n.!?;]{4,60}(?:\n[^\n.!?;]{2,40}){0,3})"
)
_DIGIT = re.compile(r"[0-9]").search
_ENDS = re.compile(r"(?i)\s+(?:and|but|so|because|since|please|can|how|when|what|is|which|from|on|next|last|in)\s.*", re.DOTALL)


def find_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Offsets of postal addresses and post codes in ``text``; each has a digit. They may overlap."""
    if not _DIGIT(text):
        return
    for match in _CUE.finditer(text):
        start, value = match.start("value"), _ENDS.sub("", match["value"]).rstrip(" ,")
        if _DIGIT(value):
            yield start, start + len(value)
    for pattern in (_NUMBERED, _EUROPEAN, _BOX, _POSTCODE, _LOWER_CASE, _ZIP):
        for match in pattern.finditer(text):
            yield match.span()
