"""Things a message names: order, invoice, product, money, date, error code, and a company's own patterns.

The patterns are linear or bounded, and dates are parsed here: ``dateparser`` finds more languages, but takes
1 to 5 ms a candidate and reads "may" and "12" as dates.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from re import _constants as op  # type: ignore[attr-defined]  # the parser of re: typeshed leaves it out
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from typing import Any

from kit.personal_data import PersonalDataKind, find_personal_data
from triage.errors import PatternInvalid

LONGEST = 20_000  # characters of a text in which entities are looked for


@dataclass(frozen=True, slots=True)
class Entity:
    """``text[start:end]`` of the message, of ``kind``; ``value`` in a normal form (ISO 8601, "EUR 12.50")."""

    kind: str
    start: int
    end: int
    text: str
    value: str


@dataclass(frozen=True, slots=True)
class EntityPattern:
    """A company's own ``kind`` of entity; a group named ``value``, if there is one, is the entity.

    Raises ``PatternInvalid`` when ``kind`` is no plain name, or ``regex`` is none, matches an empty text, or
    may try more than ``_MOST_STEPS`` ways from one place (counted on the parsed pattern, not by the clock).
    """

    kind: str
    regex: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", self.kind):
            raise PatternInvalid(f"The entity kind {self.kind!r} is not lower-case letters, digits and _.")
        _check_regex(self.kind, self.regex)


class EntityFinder:
    """Finds entities. ``products`` are names, found in any case as whole words; ``patterns`` the company's.

    ``day_first`` says how 11/03/2026 is meant; while it is none, the value of such a date is the set of both
    days, "[2026-03-11,2026-11-03]" (ISO 8601-2, one of).
    """

    def __init__(
        self,
        patterns: Sequence[EntityPattern] = (),
        products: Sequence[str] = (),
        *,
        day_first: bool | None = None,
    ) -> None:
        self._patterns = [(pattern.kind, re.compile(pattern.regex)) for pattern in patterns]
        self._products = _by_first_word(products)
        self._day_first = day_first

    def find(self, text: str, *, today: date | None = None) -> tuple[Entity, ...]:
        """Entities of the first ``LONGEST`` characters, by their start; none overlaps another.

        Where two would, the company's own patterns win, then whatever says more (an error code with its
        word, an order number rather than a telephone number), then the longer. "Tomorrow" is found only when
        it is known when ``today`` is; a day without a year is the one nearest to it ("XXXX-11-03" without).
        """
        text = text[:LONGEST]
        found = sorted(
            self._candidates(text, today), key=lambda one: (one.rank, one.start - one.end, one.start)
        )
        taken = bytearray(len(text))
        kept: list[Entity] = []
        for one in found:
            if taken.find(1, one.start, one.end) < 0:
                taken[one.start : one.end] = b"\x01" * (one.end - one.start)
                kept.append(Entity(one.kind, one.start, one.end, text[one.start : one.end], one.value))
        return tuple(sorted(kept, key=lambda entity: entity.start))

    def _candidates(self, text: str, today: date | None) -> Iterator[_Found]:
        for kind, pattern in self._patterns:
            yield from _own(kind, pattern, text)
        yield from self._named_products(text)
        yield from _identifiers(text)
        yield from _errors(text)
        yield from _money(text)
        yield from _dates(text, today, day_first=self._day_first)
        yield from _times(text)
        yield from _personal(text)

    def _named_products(self, text: str) -> Iterator[_Found]:
        if not self._products:
            return
        for word in _WORD.finditer(text):
            for before, pattern, name in self._products.get(word.group().lower(), ()):
                start = word.start() - before
                if start >= 0 and (found := pattern.match(text, start)):
                    yield _Found(1, "product", *found.span(), name)


@dataclass(frozen=True, slots=True)
class _Found:
    """A candidate; of two that overlap, the one with the lower ``rank`` stays."""

    rank: int
    kind: str
    start: int
    end: int
    value: str


_DIGIT = re.compile(r"[0-9]")


# Products.

_WORD = re.compile(r"\w+")
_Products = dict[str, list[tuple[int, re.Pattern[str], str]]]


def _by_first_word(names: Sequence[str]) -> _Products:
    """By the first word of each name: how much stands before it, what the name looks like, and the name.

    Ten thousand names cost one look-up a word, and not an alternation that is tried at every character.
    """
    found: _Products = {}
    for name in names:
        parts = name.split()
        first = _WORD.search(" ".join(parts))
        if first is not None:
            spelled = r"[\s-]{1,3}".join(map(re.escape, parts))
            pattern = re.compile(rf"(?<!\w){spelled}(?!\w)", re.IGNORECASE)
            found.setdefault(first.group().lower(), []).append((first.start(), pattern, name))
    return found


# Numbers of orders and the like: only where a word says what they are.

_NUMBER_WORD = (
    r"(?:(?:number|no|nr|num|nummer|id|code|ref|reference|referenz|numéro|numero|número)\b|n[°º]|№)\.?"
)
_IDENTIFIER = r"(?P<value>[A-Za-z]{0,8}[0-9][A-Za-z0-9]{0,24}(?:[-_/.][A-Za-z0-9]{1,24}){0,5}|"
_IDENTIFIER += r"[A-Za-z]{1,8}(?:[-_/][A-Za-z0-9]{1,24}){1,5})(?![\w%€$£]|[.,][0-9])"
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
_AMOUNTS = re.compile(
    r"(?i)\s?(?:pieces?|pcs|units?|items?|stück|stk|pièces|piezas|unidades|times|mal|x|more|of|days?|weeks?|"
    r"tage|wochen|euros?|eur|dollars?|usd|per|percent|prozent|minutes?|hours?)\b"
)
_DATE_SHAPE = re.compile(r"[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{1,4}")
_FEWEST_DIGITS = {
    "order": 4,
    "invoice": 4,
    "ticket": 3,
    "tracking": 8,
}  # of a number that nothing calls a number
_PARCELS = re.compile(
    r"(?<!\w)(?P<value>1Z[0-9A-Z]{16}|(?P<post>[A-Z]{2}[0-9]{9}[A-Z]{2})|JJD[0-9]{10,20}|JVGL[0-9]{10,20}|"
    r"TBA[0-9]{12}|00[0-9]{18})(?!\w)"
)


def _identifiers(text: str) -> Iterator[_Found]:
    if not _DIGIT.search(text):
        return
    for kind, pattern in _CUED.items():
        for found in pattern.finditer(text):
            named = bool(found["cue"] or found["cue2"] or found["cue3"])
            if _identifies(kind, text, found, named=named):
                value = found["value"].upper()
                yield _Found(2, kind, *found.span("value"), value)
    for found in _PARCELS.finditer(text):
        if found["post"] is None or _post_number_valid(found["post"]):
            yield _Found(1, "tracking", *found.span("value"), found["value"])


def _identifies(kind: str, text: str, found: re.Match[str], *, named: bool) -> bool:
    """Whether it is a number of something and not how many, how much or when."""
    value = found["value"]
    digits = sum(map(str.isdigit, value))
    if not digits or _DATE_SHAPE.fullmatch(value):
        return False
    if named:
        return digits >= 2 or len(value) >= 4 or found["cue3"] is not None
    if value.isdigit():
        year = len(value) == 4 and value[:2] in {"19", "20"}
        return digits >= _FEWEST_DIGITS[kind] and not year and not _AMOUNTS.match(text, found.end())
    return digits >= 2 and len(value) >= 5 and not re.match(r"[0-9]+[a-zäöü]{1,12}$", value)


def _post_number_valid(number: str) -> bool:
    """The check digit of a postal item (Universal Postal Union, S10)."""
    total = sum(
        int(digit) * weight for digit, weight in zip(number[2:10], (8, 6, 4, 2, 3, 5, 9, 7), strict=True)
    )
    return {10: 0, 11: 5}.get(11 - total % 11, 11 - total % 11) == int(number[10])


# Error codes.

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
_ORDINARY = re.compile(r"[0-9]+(?:x|mal|times|st|nd|rd|th|h|am|pm|min|ms|s|kb|mb|gb)?", re.IGNORECASE)


def _errors(text: str) -> Iterator[_Found]:
    for found in _ERRORS.finditer(text):
        if found["hex"]:
            value = found["hex"].lower()
        elif found["http"]:
            value = f"HTTP {found['status']}"
        elif found["said"]:
            code = found["code"]
            counted = _AMOUNTS.match(text, found.end()) or (not code.isdigit() and _ORDINARY.fullmatch(code))
            if counted or _DATE_SHAPE.fullmatch(code):
                continue
            value = code.lower() if code.lower().startswith("0x") else code.upper()
        else:
            value = found["name"] or found["letter"]
        yield _Found(2, "error_code", *found.span(), value)


# Money.

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


def _money(text: str) -> Iterator[_Found]:
    if not _DIGIT.search(text):
        return
    for found in _MONEY.finditer(text):
        code = next(
            code
            for code, words in _CURRENCIES.items()
            if re.fullmatch(words, found["before"] or found["after"], re.IGNORECASE)
        )
        times = 1_000 if found["thousand"] or found["thousands"] else 1
        value = _amount(found["first"] or found["second"], times=times)
        shown = value.split(".")[0] if code in _WHOLE else value
        yield _Found(3, "money", *found.span(), f"{code} {shown}")


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


# Dates and times.

_MONTH_NAMES = (
    "january jan januar jänner janvier janv enero ene gennaio januari",
    "february feb februar février févr fév febrero febbraio februari",
    "march mar märz mrz mars marzo maart",
    "april apr avril avr abril aprile",
    "may mai mayo maggio mei",
    "june jun juni juin junio giugno",
    "july jul juli juillet juil julio luglio",
    "august aug août aout agosto augustus",
    "september sept sep septembre septiembre settembre",
    "october oct oktober okt octobre octubre ottobre",
    "november nov novembre noviembre",
    "december dec dezember dez décembre déc diciembre dicembre",
)
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
_MONTH = "|".join(sorted(_MONTHS, key=lambda name: (-len(name), name)))
_WRITTEN_DATES = re.compile(
    rf"(?i)(?<![\w.,:/-])(?:"
    rf"(?P<y>[0-9]{{4}})[-/](?P<m>[0-9]{{1,2}})[-/](?P<d>[0-9]{{1,2}})(?!\d|[-/]\d)|"
    rf"(?P<dd>[0-9]{{1,2}})\.\s?(?P<dm>[0-9]{{1,2}})\.(?:\s?(?P<dy>[0-9]{{4}}|[0-9]{{2}})(?!\d))?(?!\d|[./-]\d)|"
    rf"(?P<s1>[0-9]{{1,2}})(?P<sep>[/-])(?P<s2>[0-9]{{1,2}})(?P=sep)(?P<sy>[0-9]{{4}}|[0-9]{{2}})(?!\d|[./-]\d)|"
    rf"(?P<nd>[0-9]{{1,2}})(?:st|nd|rd|th|er|\.|[ºª])?\s?(?:of\s|de\s|di\s)?(?P<nm>{_MONTH})(?!\w)\.?"
    rf"(?:,?\s(?:de\s|del\s)?(?P<ny>[0-9]{{4}})(?!\d))?|"
    rf"(?P<mm>{_MONTH})\.?\s(?:the\s)?(?P<md>[0-9]{{1,2}})(?:st|nd|rd|th)?(?!\w|[.:,]\d|[/-]\d)"
    rf"(?:,?\s(?P<my>[0-9]{{4}})(?!\d))?)"
)
_VERSION = re.compile(r"(?i)(?:\bv|version|release|firmware|build|ios|android|windows|macos|update)\.?\s?$")


def _dates(text: str, today: date | None, *, day_first: bool | None) -> Iterator[_Found]:
    for found in _WRITTEN_DATES.finditer(text):
        if value := _written_date(text, found, today, day_first=day_first):
            yield _Found(3, "date", found.start(), found.end(), value)
    if today is not None:
        for pattern, resolve in _RELATIVE:
            for found in pattern.finditer(text):
                if value := _resolved(resolve, found, today):
                    yield _Found(3, "date", *found.span("day"), value)


def _written_date(
    text: str, found: re.Match[str], today: date | None, *, day_first: bool | None
) -> str | None:
    if found["y"]:
        return _iso(found["y"], int(found["m"]), int(found["d"]), today)
    if found["dd"]:
        if _VERSION.search(text[max(0, found.start() - 12) : found.start()]):
            return None
        return _iso(found["dy"], int(found["dm"]), int(found["dd"]), today)
    if found["s1"]:
        return _slashed(int(found["s1"]), int(found["s2"]), found["sy"], day_first=day_first)
    if found["nd"]:
        return _iso(found["ny"], _MONTHS[found["nm"].lower()], int(found["nd"]), today)
    return _iso(found["my"], _MONTHS[found["mm"].lower()], int(found["md"]), today)


def _slashed(first: int, second: int, year: str, *, day_first: bool | None) -> str | None:
    """A date with slashes: a number above 12 is the day, else ``day_first`` says, else it is one of two."""
    days = _iso(year, second, first, None), _iso(year, first, second, None)
    if days[0] is None or days[1] is None or days[0] == days[1]:
        return days[0] or days[1]
    if day_first is not None:
        return days[0] if day_first else days[1]
    return f"[{min(days[0], days[1])},{max(days[0], days[1])}]"


def _iso(year: str | None, month: int, day: int, today: date | None) -> str | None:
    """The date in ISO 8601, of the year nearest to ``today`` where none is given; none for 31 February."""
    try:
        if year:
            return date(int(year) + (2000 if len(year) == 2 else 0), month, day).isoformat()
        if today is None:
            return f"XXXX-{date(2000, month, day):%m-%d}"
        near = [
            date(number, month, day)
            for number in (today.year - 1, today.year, today.year + 1)
            if (month, day) != (2, 29) or (number % 4 == 0 and (number % 100 or number % 400 == 0))
        ]
        return min(near, key=lambda one: abs(one - today)).isoformat()
    except ValueError:
        return None


_DAYS_AWAY = {
    -2: r"(?:the\s)?day\sbefore\syesterday|vorgestern|avant-hier|anteayer|antes\sde\sayer|"
    r"l['’]altro\sieri|eergisteren",
    -1: r"yesterday|gestern|ayer|ieri|gisteren",
    0: r"today|tonight|heute|aujourd['’]hui|hoy|oggi|vandaag",
    1: r"tomorrow|tmrw|demain|domani|"
    r"(?<!guten\s)(?<!heute\s)(?<!gestern\s)(?<!jeden\s)(?<!goede\s)(?<!am\s)(?<!deze\s)(?-i:morgen)|"
    r"(?<!la\s)(?<!esta\s)(?<!cada\s)(?<!pasado\s)mañana",
    2: r"(?:the\s)?day\safter\stomorrow|übermorgen|uebermorgen|après-demain|pasado\smañana|"
    r"dopodomani|overmorgen",
}
_WEEKDAY_NAMES = (
    "monday montag lundi lunes lunedì maandag",
    "tuesday dienstag mardi martes martedì dinsdag",
    "wednesday mittwoch mercredi miércoles mercoledì woensdag",
    "thursday donnerstag jeudi jueves giovedì donderdag",
    "friday freitag vendredi viernes venerdì vrijdag",
    "saturday samstag sonnabend samedi sábado sabato zaterdag",
    "sunday sonntag dimanche domingo domenica zondag",
)
_WEEKDAYS = {name: number for number, names in enumerate(_WEEKDAY_NAMES) for name in names.split()}
_WEEKDAY = "|".join(sorted(_WEEKDAYS, key=lambda name: (-len(name), name)))
_AHEAD = r"next|nächste[nrms]?|kommende[nrms]?|volgende|prochaine?|próxim[oa]|prossim[oa]|que\sviene"
_BACK = (
    r"last|past|previous|letzte[nrms]?|vergangene[nrms]?|vorige[nrms]?|derni(?:er|ère)|passée?|pasad[oa]|"
    r"scors[oa]|afgelopen"
)
_UNITS = {
    "day": r"days?|tag(?:e|en)?|jours?|días?|giorn[oi]|dag(?:en)?",
    "week": r"weeks?|wochen?|semaines?|semanas?|settiman[ae]|weken",
    "month": r"months?|monat(?:e|en)?|mois|mes(?:es)?|mes[ei]|maand(?:en)?",
}
_UNIT = "|".join(_UNITS.values())
_ONE = "a an one ein einem einer einen eine un une uno una een"
_COUNT_NAMES = (
    "two zwei deux dos due twee",
    "three drei trois tres tre drie",
    "four vier quatre cuatro quattro",
    "five fünf cinq cinco cinque vijf",
)
_COUNT = dict.fromkeys(_ONE.split(), 1) | {
    name: number for number, names in enumerate(_COUNT_NAMES, 2) for name in names.split()
}
_HOW_MANY = rf"(?P<count>[0-9]{{1,3}}|{'|'.join(sorted(_COUNT, key=lambda name: (-len(name), name)))})"
_EITHER = rf"(?:(?P<ahead>{_AHEAD})|(?P<back>{_BACK}))"
_EITHER_AFTER = _EITHER.replace("<ahead>", "<ahead2>").replace("<back>", "<back2>")


def _shifted(found: re.Match[str], today: date) -> str | None:
    """In three days, vor zwei Wochen."""
    count = found["count"].lower()
    number = int(count) if count.isdigit() else _COUNT[count]
    sign = -1 if found["ago"] or found["before"] else 1
    match _unit(found["unit"]):
        case "day":
            return (today + timedelta(days=sign * number)).isoformat()
        case "week":
            return (today + timedelta(weeks=sign * number)).isoformat()
        case _:
            return _month_away(today, sign * number)


def _month_away(today: date, number: int) -> str:
    year, month = divmod(today.year * 12 + today.month - 1 + number, 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(today.day, last)).isoformat()


def _unit(written: str) -> str:
    return next(unit for unit, words in _UNITS.items() if re.fullmatch(words, written, re.IGNORECASE))


def _weekday(found: re.Match[str], today: date) -> str:
    """Next Monday, letzten Freitag, until Friday: the first such day after today, or before it."""
    groups = found.groupdict()
    number = _WEEKDAYS[found["weekday"].lower()]
    if groups.get("back") or groups.get("back2") or groups.get("since"):
        return (today - timedelta(days=(today.weekday() - number - 1) % 7 + 1)).isoformat()
    near = groups.get("until") is not None  # by Friday, said on a Friday, is today
    days = (number - today.weekday()) % 7 if near else (number - today.weekday() - 1) % 7 + 1
    return (today + timedelta(days=days)).isoformat()


def _span_away(found: re.Match[str], today: date) -> str | None:
    """Next week, letzten Monat: a week or month of ISO 8601 ("2026-W45", "2026-12")."""
    groups = found.groupdict()
    sign = -1 if groups.get("back") or groups.get("back2") else 1
    match _unit(found["unit"]):
        case "week":
            year, week, _ = (today + timedelta(weeks=sign)).isocalendar()
            return f"{year:04}-W{week:02}"
        case "month":
            return _month_away(today, sign)[:7]
        case _:
            return None


def _away(days: int) -> Callable[[re.Match[str], date], str | None]:
    return lambda _found, today: (today + timedelta(days=days)).isoformat()


_RELATIVE: list[tuple[re.Pattern[str], Callable[[re.Match[str], date], str | None]]] = [
    *((re.compile(rf"(?i)(?<!\w)(?P<day>{words})(?!\w)"), _away(days)) for days, words in _DAYS_AWAY.items()),
    (
        re.compile(
            rf"(?i)(?<!\w)(?P<day>(?:(?P<before>vor|il\sy\sa|hace)|in|dans|en|tra|fra|over)\s{_HOW_MANY}\s"
            rf"(?P<unit>{_UNIT})(?!\w)(?P<ago>(?!))?)"
        ),
        _shifted,
    ),
    (
        re.compile(
            rf"(?i)(?<!\w)(?P<day>{_HOW_MANY}\s(?P<unit>{_UNIT})\s(?P<ago>ago|fa|geleden))(?!\w)(?P<before>(?!))?"
        ),
        _shifted,
    ),
    (re.compile(rf"(?i)(?<!\w)(?P<day>{_EITHER}\s(?P<weekday>{_WEEKDAY}))(?!\w)"), _weekday),
    (re.compile(rf"(?i)(?<!\w)(?P<day>(?P<weekday>{_WEEKDAY})\s{_EITHER_AFTER})(?!\w)"), _weekday),
    (
        re.compile(
            rf"(?i)(?<!\w)(?:(?P<until>by|until|till|before|this|bis(?:\szum)?|spätestens(?:\sam)?|"
            rf"diesen|d['’]ici|avant|antes\sdel|entro|voor)|(?P<since>since|seit|depuis|desde\sel|sinds))\s"
            rf"(?P<day>(?P<weekday>{_WEEKDAY}))(?!\w)"
        ),
        _weekday,
    ),
    (re.compile(rf"(?i)(?<!\w)(?P<day>{_EITHER}\s(?P<unit>{_UNIT}))(?!\w)"), _span_away),
    (re.compile(rf"(?i)(?<!\w)(?P<day>(?P<unit>{_UNIT})\s{_EITHER_AFTER})(?!\w)"), _span_away),
]


def _resolved(
    resolve: Callable[[re.Match[str], date], str | None], found: re.Match[str], today: date
) -> str | None:
    try:
        return resolve(found, today)
    except (OverflowError, ValueError):  # before the year 1 or after 9999
        return None


_TIMES = re.compile(
    r"(?i)(?<![\w:.,/-])(?P<hour>[0-9]{1,2})(?:(?P<colon>:)(?P<minute>[0-5][0-9])(?::[0-5][0-9])?)?"
    r"(?:\s?(?:(?P<half>[ap])\.?m\b\.?|(?P<clock>uhr|o['’]clock)\b))?(?![\w:])"
)


def _times(text: str) -> Iterator[_Found]:
    for found in _TIMES.finditer(text):
        if not (found["colon"] or found["half"] or found["clock"]):
            continue
        hour, half = int(found["hour"]), (found["half"] or "").lower()
        if hour > (12 if half else 24) or (half and not hour):
            continue
        if half:
            hour = hour % 12 + (12 if half == "p" else 0)
        yield _Found(4, "time", *found.span(), f"{hour % 24:02}:{found['minute'] or '00'}")


# What kit/personal_data.py finds, of the kinds that an agent acts on.

_PERSONAL = {PersonalDataKind.EMAIL: "email", PersonalDataKind.PHONE: "phone"}


def _personal(text: str) -> Iterator[_Found]:
    if "@" not in text and not _DIGIT.search(text):
        return
    for span in find_personal_data(text):
        if span.kind is PersonalDataKind.EMAIL:
            yield _Found(1, "email", span.start, span.end, span.text.lower())
        elif span.kind is PersonalDataKind.PHONE:
            plus = "+" if span.text.lstrip("( ").startswith("+") else ""
            yield _Found(5, "phone", span.start, span.end, plus + re.sub(r"\D", "", span.text))


# A company's own patterns, tried on windows: an entity is at most _WINDOW - _STEP long.

_WINDOW, _STEP = 512, 384
_MOST_STEPS = 2_000


def _own(kind: str, pattern: re.Pattern[str], text: str) -> Iterator[_Found]:
    group = "value" if "value" in pattern.groupindex else 0
    for begin in range(0, len(text) or 1, _STEP):
        for found in pattern.finditer(text, begin, begin + _WINDOW):
            start, end = found.span(group)
            whole = found.end() < begin + _WINDOW or found.end() == len(text)
            inside = whole and found.start() < begin + _STEP
            if inside and 0 <= start < end and end - start <= _WINDOW - _STEP:
                yield _Found(0, kind, start, end, text[start:end])


def _check_regex(kind: str, regex: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # "[[" will mean something else one day
            compiled = re.compile(regex)
            tree = parser.parse(regex)
    except (re.error, RecursionError, OverflowError, Warning) as error:
        raise PatternInvalid(f"The pattern of {kind} is no regular expression: {error}.") from None
    if compiled.match("") or not regex:
        raise PatternInvalid(f"The pattern of {kind} matches an empty text.")
    steps = _before(tree, _END).steps
    if steps > _MOST_STEPS:
        raise PatternInvalid(
            f"The pattern of {kind} may try more than {_MOST_STEPS} ways from one place. Bound its repeats "
            "({1,20} for + or *), and let what follows a repeat begin with another character."
        )


@dataclass(frozen=True, slots=True)
class _Rest:
    """What follows in a pattern: what it may begin with, the most steps it takes, and if it cannot fail."""

    first: frozenset[int]
    steps: float
    sure: bool


_Node = Any  # of the parser of re, which has no types
_Nodes = Any
_ALPHABET = range(0x251)  # and one character, its last, that stands for every other
_ALL = frozenset(_ALPHABET)
_END = _Rest(_ALL, 0, sure=True)
_REPEATS = {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}
_UNROLLED = 12  # repeats of a group
_CATEGORIES: dict[_Node, Callable[[str], bool]] = {
    op.CATEGORY_DIGIT: str.isdigit,
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_WORD: lambda character: character.isalnum() or character == "_",
}


def _before(items: _Nodes, rest: _Rest) -> _Rest:
    """What follows from the start of ``items``, a parsed pattern, when ``rest`` follows it."""
    for code, argument in reversed(list(items)):
        rest = _one_before(code, argument, rest)
        if rest.steps > 10**9:
            break
    return rest


def _one_before(code: _Node, argument: _Node, rest: _Rest) -> _Rest:
    single = _single(code, argument)
    if single is not None:
        return _Rest(single, 1 + rest.steps, sure=False)
    if code in _REPEATS:
        return _repeated(argument[0], argument[1], argument[2], rest)
    if code is op.BRANCH:
        ways = [_before(branch, rest) for branch in argument[1]]
        first = frozenset[int]().union(*(way.first for way in ways))
        return _Rest(first, sum(way.steps for way in ways), any(way.sure for way in ways))
    if code in {op.SUBPATTERN, op.ATOMIC_GROUP}:
        return _before(argument[3] if code is op.SUBPATTERN else argument, rest)
    if code in {op.ASSERT, op.ASSERT_NOT, op.AT}:
        inside = 1 if code is op.AT else _before(argument[1], _END).steps
        return _Rest(rest.first, inside + rest.steps, sure=False)
    return _Rest(_ALL, float("inf"), sure=False)  # references to a group: their cost is not known


def _repeated(least: int, most: int, items: _Nodes, rest: _Rest) -> _Rest:
    most = min(int(most), _WINDOW)
    least = min(int(least), most)
    single = _single(*items[0]) if len(items) == 1 else None
    choices = most - least + 1
    if single is not None:
        again = rest.steps * (choices if single & rest.first and not rest.sure else 1)
        first = single if least else single | rest.first
        return _Rest(first, most + again, sure=rest.sure and not least)
    if most > _UNROLLED:
        return _chained(least, items, rest)
    end = rest
    for number in range(most, 0, -1):
        once = _before(items, rest)
        optional = number > least
        rest = _Rest(
            once.first | end.first if optional else once.first,
            once.steps + (end.steps if optional else 0),
            sure=end.sure and optional,
        )
    return rest


def _chained(least: int, items: _Nodes, rest: _Rest) -> _Rest:
    """A group that repeats often: it must begin with a character that nothing else in it may be.

    Then each end of the whole is reached in one way, and what follows is tried at most once from each.
    """
    begin = _single(*items[0]) if len(items) else None
    inner = [_repeated_single(code, argument) for code, argument in list(items)[1:]]
    inside = [one for one in inner if one is not None]
    apart = all(not one & other for one, other in pairwise([*inside, begin or _ALL]))
    if begin is None or len(inside) < len(inner) or any(one & begin for one in inside) or not apart:
        return _Rest(_ALL, float("inf"), sure=False)
    steps = 2 * _WINDOW + rest.steps * (1 if rest.sure else _WINDOW)
    return _Rest(begin if least else begin | rest.first, steps, sure=rest.sure and not least)


def _repeated_single(code: _Node, argument: _Node) -> frozenset[int] | None:
    if code in _REPEATS and len(argument[2]) == 1:
        return _single(*argument[2][0])
    return _single(code, argument)


def _single(code: _Node, argument: _Node) -> frozenset[int] | None:
    """The characters of what matches exactly one, in either case, or none for what does not."""
    if code is op.ANY:
        return _ALL
    if code is op.LITERAL:
        return _both_cases({min(argument, _ALPHABET[-1])})
    if code is op.NOT_LITERAL:
        return _ALL - {argument} | {_ALPHABET[-1]}
    if code is not op.IN:
        return None
    members: set[int] = set()
    negated = False
    for kind, value in argument:
        if kind is op.NEGATE:
            negated = True
        elif kind is op.LITERAL:
            members.add(min(value, _ALPHABET[-1]))
        elif kind is op.RANGE:
            members.update(range(min(value[0], _ALPHABET[-1]), min(value[1], _ALPHABET[-1]) + 1))
        else:
            members |= _category(value)
    if negated:
        return _ALL - members | {_ALPHABET[-1]}
    return _both_cases(members)


def _category(code: _Node) -> frozenset[int]:
    if code in _CATEGORIES:
        return frozenset(one for one in _ALPHABET if _CATEGORIES[code](chr(one))) | {_ALPHABET[-1]}
    opposite = {op.CATEGORY_NOT_DIGIT: op.CATEGORY_DIGIT, op.CATEGORY_NOT_SPACE: op.CATEGORY_SPACE}
    inside = _CATEGORIES[opposite.get(code, op.CATEGORY_WORD)]
    return frozenset(one for one in _ALPHABET if not inside(chr(one))) | {_ALPHABET[-1]}


def _both_cases(members: set[int]) -> frozenset[int]:
    cased = {ord(one) for number in members for one in chr(number).swapcase() if ord(one) in _ALPHABET}
    return frozenset(members | cased)
