"""Where postal addresses stand in a text: streets, post codes, and what follows "I live at"."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Area letters of United Kingdom post codes (Royal Mail's postcode address file, 124 areas).
_AREAS = """
AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN
EX FK FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML
N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD
TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE
"""
_KNOWN_AREAS = frozenset(_AREAS.split())
_POSTCODE = re.compile(
    r"(?i)(?<!\w)(?P<area>[A-Z]{1,2})[0-9][0-9A-Z]?\s?(?![0-9](?:GB|TB|HZ|ND|RD|ST|TH)\b)"
    r"[0-9][ABD-HJLNP-UW-Z]{2}(?!\w)"
)
_KIND_OF_STREET = (
    r"Street|St|Road|Rd|Avenue|Ave|Av|Lane|Ln|Drive|Dr|Court|Ct|Close|Way|Place|Pl|Square|Sq|Crescent|"
    r"Terrace|Gardens|Grove|"
    r"Boulevard|Blvd|Hill|Park|Row|Mews|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Trail|Walk|Rise|Green|Quay|"
    r"Wharf|Alley|Loop|Plaza|"
    r"Esplanade|Parade|Vale|View|Croft|Heights"
)
_PLACE = r"[A-ZÀ-Þ](?:[^\W\d_]|['’.-]){0,30}"
_UNIT = r"(?:(?i:apt|apartment|suite|ste|flat|unit|room|floor)\.?\s?#?\s?[0-9A-Z][0-9A-Za-z-]{0,5})"
# What follows the street: units, towns, regions, countries, post codes, each after a comma or on its line.
_PART = (
    rf"(?:{_UNIT}|{_PLACE}(?:\s(?:{_PLACE}|de|del|de la|di|da|do|am|sur|upon|of)){{0,3}}(?:\s[0-9]{{4,6}})?"
    r"|[0-9]{4,6}(?:-[0-9]{4})?)"
)
_TAIL = (
    rf"(?:\s+{_UNIT}(?!\w)|(?:,\s*|\s*\n\s*,?\s*){_PART}(?=\s*(?:[\n,.;!?]|$)|\s[0-9]|"
    rf"\s[A-Z]{{1,2}}[0-9]|\s\()(?!\w))"
    r"{0,6}(?:,?\s+(?:(?:[A-Z]{2}\s)?[0-9]{4,5}(?:-[0-9]{4})?(?![\w.%])|"
    r"[A-Z]{1,2}[0-9][0-9A-Z]?\s?[0-9][A-Z]{2}(?!\w)))?"
)
_NUMBERED = re.compile(
    rf"(?<![\w$£€.])(?:{_UNIT},?\s+)?[0-9]{{1,5}}[A-Za-z]?,?\s(?:{_PLACE}\s){{1,4}}(?:{_KIND_OF_STREET})\b\.?{_TAIL}"
)
# Any street name, given away by a flat or suite after it.
_WITH_UNIT = re.compile(
    rf"(?<![\w$£€.])[0-9]{{1,5}}\s(?=[^\W_])[^\n,;?!]{{3,40}}?\s+(?:Apt|Suite|Flat|Unit|apt|suite|"
    rf"flat)\.?\s[0-9]{{1,5}}{_TAIL}"
)
# Mail to United States forces.
_FORCES = re.compile(
    r"(?:(?:(?:PSC|Unit|CMR)\s[0-9]+,?\sBox\s[0-9]+|US[A-Z]{1,4}\s[A-Z]\w+)\s*,?\s*)?"
    r"\b[AFD]PO\s,?\s?A[AEP]\s[0-9]{5}(?!\w)"
)
_LOWER_CASE = re.compile(
    r"(?i)(?<![\w$£€.])[0-9]{1,5}[a-z]?\s(?:[a-z'’]{3,20}\s){1,2}(?:street|road|avenue|lane|boulevard|"
    r"crescent|terrace)\b"
)
_EUROPEAN = re.compile(
    r"(?<!\w)(?:[A-ZÄÖÜ][a-zäöüß-]{2,30}(?:straße|strasse|str\.|weg|platz|allee|gasse|katu|gatan|straat|"
    r"laan|gade|vej)\s[0-9]{1,4}\s?[a-z]?"
    r"|(?:[0-9]{1,4},?\s)?(?i:rue|avenue|boulevard|calle|via|viale|piazza|plaza|rua|ulica|ul\.)\s"
    r"(?:(?i:de|du|des|la|las|los|el|"
    r"d')\s?){0,3}[A-ZÀ-Þ][\w'’-]{1,30}(?:\s[A-ZÀ-Þ][\w'’-]{1,30}){0,2},?\s?(?:[0-9]{1,5})?)(?!\w)"
)
_BOX = re.compile(r"(?i)(?<!\w)(?:p\.?\s?o\.?\s?box|postfach)\s#?[0-9]{1,7}(?!\w)")
_ZIP = re.compile(
    r"(?:(?<=\b[A-Z]{2}\s)[0-9]{5}(?:-[0-9]{4})?|(?i:\b(?:zip|postal|post)\s?code(?:\sis|:|"
    r"\s=)?\s+)(?P<value>[0-9][0-9 -]{1,8}[0-9]))(?!\w)"
)
# After words that announce an address.
_CUE = re.compile(
    r"(?i)\b(?:(?:my|our|new|old|home|billing|delivery|shipping|street|postal|email|the)\s(?:address|"
    r"office)|address)"
    r"(?:\sof\s[\w .&]{2,40})?(?:\sis(?:\sat|\snow)?|:|\sat)\s+"
    r"(?P<value>(?=[^\n]{0,60}[0-9])(?:the\scorner\sof\s)?[^\n.!?;@]{4,70}(?:\n\s?,?[^\n.!?;:@]{2,40}){0,4})"
)
# After words that announce a place: only where it begins with a house number.
_HOUSE = re.compile(
    r"(?i)\b(?:live[sd]?|living|reside|stay(?:ing)?|moved|moving|meet\s(?:me|you)|arrived|located|"
    r"office\sis|sent|deliver(?:ed)?|ship(?:ped)?|"
    r"send\s(?:it|them|this))\s(?:at|in|to|on)\s"
    r"(?P<value>(?:(?-i:[0-9]{1,5}[A-Za-z]?,?\s(?=[^\W\d_]*[A-ZÀ-Þ])|"
    r"[0-9]{2,5}\s[0-9]{1,5}\s[A-ZÀ-Þ]))(?!(?:gb|mb|mbps|gbps|kbps|am|pm)\b)"
    r"[^\n.!?;]{3,60}(?:\n\s?,?[^\n.!?;:]{2,40}){0,4})"
)
_DIGIT = re.compile(r"[0-9]").search
_ENDS = re.compile(
    r"(?i)\s+(?:and|but|so|because|since|please|can|how|when|what|is|which|from|on|next|last|in|after|"
    r"before|last|tomorrow|today|it|i|we)\s.*",
    re.DOTALL,
)


def find_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Offsets of postal addresses and post codes in ``text``; each has a digit. They may overlap."""
    if _DIGIT(text):
        yield from _announced(text)
        for pattern in (_WITH_UNIT, _NUMBERED, _FORCES, _EUROPEAN, _BOX, _LOWER_CASE):
            yield from (match.span() for match in pattern.finditer(text) if _DIGIT(match.group()))
        yield from _codes(text)


def _announced(text: str) -> Iterator[tuple[int, int]]:
    """What follows words such as "my address is", as far as it can be an address."""
    for pattern in (_CUE, _HOUSE):
        for match in pattern.finditer(text):
            start, value = match.start("value"), _ENDS.sub("", match["value"]).rstrip(" ,")
            if _DIGIT(value):
                yield start, start + len(value)


def _codes(text: str) -> Iterator[tuple[int, int]]:
    for match in _POSTCODE.finditer(text):
        if match["area"].upper() in _KNOWN_AREAS:
            yield match.span()
    for match in _ZIP.finditer(text):
        yield match.span("value") if match["value"] else match.span()
