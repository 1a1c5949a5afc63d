"""Who wrote, below what was written: closings, names, firms and addresses, and "Sent from my iPhone"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from triage.reading.disclaimers import without_disclaimers
from triage.reading.plain_text import Cut, Line

_GREETING = (
    r"(?:(?:(?:(?:vielen|herzlichen|besten)\s)?danke?\sund\s)?(?:mit\s)?"
    r"(?:freundlichen?|besten?|herzlichen?|lieben?|viele[nr]?|schönen?|sonnigen?|kollegialen?)\s"
    r"(?:und\s\w+\s)?(?:gr(?:ü|ue)(?:ß|ss)(?:en|e)?)|hochachtungsvoll|"
    r"(?:(?:with\s)?(?:many\s|best\s|kind\s|kindest\s|warm\s|warmest\s){0,2}(?:thanks\s(?:and|&)\s)?"
    r"(?:best\s|kind\s|kindest\s|warm\s|warmest\s)?regards)|best\swishes|(?:yours\s)?(?:sincerely|faithfully|truly)"
    r"(?:\syours)?|all\sthe\sbest|"
    r"(?:bien\s)?cordialement|(?:très\s)?cordialement|bien\sà\s(?:vous|toi)|(?:mes\s)?(?:sincères\s|meilleures\s)?"
    r"salutations(?:\sdistinguées)?|"
    r"(?:un\s)?(?:cordial|atento)\ssaludo|(?:muchos\s)?saludos(?:\scordiales)?|atentamente|"
    r"(?:cordiali|distinti)\ssaluti|cordialmente|"
    r"(?:met\s)?(?:vriendelijke|hartelijke)\sgroet(?:en|jes)?|hoogachtend)"
)
_SHORT_GREETING = r"(?:mfg|lg|vg|mvg|br|rgds|kr|grüße|gruß|gruss|gruesse|cheers|best|saluti|groeten|groet)"
_NAME = r"(?-i:[A-ZÄÖÜÉÈÁÍÓÚÑ][\w.'’-]*)"
_CLOSING = re.compile(
    rf"(?i)(?:{_GREETING}(?:[\s,.!]+(?:from\s|aus\s|von\s)?{_NAME}(?:\s{_NAME}){{0,3}})?|"
    rf"{_SHORT_GREETING}(?:[\s,.!]+{_NAME})?)[\s,.!:)-]*$"
)
_THANKS = re.compile(
    r"(?i)(?:(?:many\s)?thanks(?:\s(?:a\slot|in\sadvance))?|thank\syou|danke(?:\sim\svoraus)?|vielen\sdank|"
    r"merci(?:\sd['’]avance)?|(?:muchas\s)?gracias|grazie|bedankt|alvast\sbedankt)[\s,.!]*$"
)
_SIGNED = re.compile(rf"{_NAME}(?:\s{_NAME}){{0,3}}$")
_PLACED_LAST = 25  # lines, among which a closing is looked for
_CONTACT = re.compile(
    r"(?i)@|www\.|https?:|\btel\b|\btelefon|\bfax\b|\bmobile?\b|\bphone\b|\bgmbh\b|\bltd\b|\binc\b|\bllc\b|"
    r"\bs\.?[ar]\.?l?\b\.|\bag\b|\bstreet\b|\bstr\.|stra(?:ß|ss)e\b|\brue\b|\bcalle\b|\bstraat\b|\bhrb\b|"
    r"\bamtsgericht\b|geschäftsführer|\bust-?id|\bvat\b|\biban\b|[|•·]|"
    r"\+?\d[\d ()/-]{7,30}\d|\b\d{4,5}\s[A-ZÄÖÜ]"
)
_MATTERS = re.compile(
    r"(?i)p\.?\s?s\.?\s?[:.]|.*\b(?:order|invoice|ticket|case|customer\s(?:no|num|id)|account|kunden\W?(?:nr|nummer)|"
    r"vertrag|bestell|auftrag|rechnung|vorgang|commande|facture|client|pedido|factura|cliente|ordine|fattura|"
    r"bestelling|factuur|klantnummer)"
)
_DEVICE = re.compile(
    r"(?i)(?:(?:sent|gesendet|envoyé|enviado|inviato|verzonden|verstuurd|skickat)\s"
    r"(?:from|via|using|with|von|mit|aus|über|de|depuis|à\spartir\sde|desde|da|dal|con|vanaf|vanuit|met|från)\b.{0,20}"
    r"|von\smeinem\s|get\s|holen\ssie\ssich\s|téléchargez\s|obtener\s|obtén\s|diese\snachricht\swurde\svon\smeinem\s)"
    r".{0,10}\b(?:iphone|ipad|apple|ios|android|samsung|galaxy|huawei|xiaomi|pixel|blackberry|nokia|outlook|mail|yahoo|gmail|"
    r"proton\s?mail|gmx|web\.de|t-online|windows|smartphone|mobiltelefon|handy|mobile(?:\sphone|\sdevice)?|phone|"
    r"téléphone|móvil|cellulare|telefoon)\b.{0,60}$"
)
_DELIMITER = frozenset({"--", "—", "__"})
_SIGNATURE_LINES = 15
_SIGNATURE_LENGTH = 1_200


def without_devices(lines: list[Line], cuts: set[Cut]) -> list[Line]:
    """``lines`` without what the markup says is a signature, and what a device adds by itself."""
    kept = [
        line
        for line in lines
        if line.mark is not Cut.SIGNATURE and not (len(line.words) <= 120 and _DEVICE.match(line.words))
    ]
    if len(kept) < len(lines):
        cuts.add(Cut.SIGNATURE)
    return kept


def without_signature(lines: list[Line], cuts: set[Cut]) -> list[Line]:
    """``lines`` without disclaimers and without who wrote; an order number below a name stays."""
    kept = _without_closing(_above_delimiter(without_disclaimers(lines)))
    if len(kept) < len(lines):
        cuts.add(Cut.SIGNATURE)
    return kept


def _above_delimiter(lines: list[Line]) -> list[Line]:
    for place in range(max(0, len(lines) - 3 * _SIGNATURE_LINES), len(lines)):
        if lines[place].text.strip() in _DELIMITER:
            below = [line for line in lines[place + 1 :] if line.words]
            if len(below) <= _SIGNATURE_LINES and sum(len(line.text) for line in below) <= _SIGNATURE_LENGTH:
                return [*lines[:place], *(line for line in below if _MATTERS.match(line.words[:200]))]
    return lines


def _without_closing(lines: list[Line]) -> list[Line]:
    first = max(0, len(lines) - 2 * _PLACED_LAST)
    for place in range(first, len(lines)):
        if 2 <= len(lines[place].words) <= 80 and _CLOSING.match(lines[place].words):
            return [*lines[:place], *_after_signature(lines[place + 1 :])]
        if _THANKS.match(lines[place].words):  # these stay: they say how somebody feels
            below = [line for line in lines[place + 1 :] if line.words]
            after = _after_signature(below)
            if (
                below
                and _SIGNED.match(below[0].words)
                and all(_MATTERS.match(line.words[:200]) for line in after)
            ):
                return [*lines[: place + 1], *after]
    return lines


def _short(words: str) -> bool:
    return len(words.split()) <= 5 and words[-1] != "."


def _after_signature(lines: Sequence[Line]) -> list[Line]:
    """What is said below a closing: not the name, the firm and the address, but the order number."""
    kept: list[Line] = []
    for place, line in enumerate(lines[:_SIGNATURE_LINES]):
        words = line.words
        if _MATTERS.match(words[:200]):
            kept.append(line)
        elif words and not (
            len(words) <= 120
            and words[-1] not in "?!"
            and (_CONTACT.search(words) or _SIGNED.match(words) or _short(words))
        ):
            return [*kept, *lines[place:]]
    return [*kept, *lines[_SIGNATURE_LINES:]]
