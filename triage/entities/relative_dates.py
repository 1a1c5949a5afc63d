"""Dates told from the day a message is written: tomorrow, next Monday, two weeks ago."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from triage.entities.entity import Candidate

_Resolve = Callable[[re.Match[str], date], str | None]

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


def find_relative_dates(text: str, today: date) -> Iterator[Candidate]:
    """Days, weeks ("2026-W45") and months ("2026-12") in ISO 8601, as said on ``today``."""
    said = _words(text)
    for words, patterns in _RELATIVE:
        if said.isdisjoint(words):
            continue
        for pattern, resolve in patterns:
            for found in pattern.finditer(text):
                if value := _resolved(resolve, found, today):
                    yield Candidate(3, "date", *found.span("day"), value)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


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


def _away(days: int) -> _Resolve:
    return lambda _found, today: (today + timedelta(days=days)).isoformat()


_DAY_PATTERNS: list[tuple[re.Pattern[str], _Resolve]] = [
    (re.compile(rf"(?i)(?<!\w)(?P<day>{words})(?!\w)"), _away(days)) for days, words in _DAYS_AWAY.items()
]
_UNIT_PATTERNS: list[tuple[re.Pattern[str], _Resolve]] = [
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
    (re.compile(rf"(?i)(?<!\w)(?P<day>{_EITHER}\s(?P<unit>{_UNIT}))(?!\w)"), _span_away),
    (re.compile(rf"(?i)(?<!\w)(?P<day>(?P<unit>{_UNIT})\s{_EITHER_AFTER})(?!\w)"), _span_away),
]
_WEEKDAY_PATTERNS: list[tuple[re.Pattern[str], _Resolve]] = [
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
]
_DAY_WORDS = (
    "yesterday today tonight tomorrow tmrw gestern vorgestern heute morgen übermorgen uebermorgen hier hui "
    "demain ayer anteayer hoy mañana ieri oggi domani dopodomani gisteren eergisteren vandaag overmorgen"
)
_UNIT_WORDS = (
    "day days tag tage tagen jour jours día días giorno giorni dag dagen week weeks woche wochen semaine "
    "semaines semana semanas settimana settimane weken month months monat monate monaten mois mes meses mese "
    "mesi maand maanden"
)
# Patterns, and words without one of which none of them matches: most messages have none of the three kinds.
_RELATIVE = (
    (frozenset(_DAY_WORDS.split()), _DAY_PATTERNS),
    (frozenset(_UNIT_WORDS.split()), _UNIT_PATTERNS),
    (frozenset(_WEEKDAYS), _WEEKDAY_PATTERNS),
)
_WORD = re.compile(r"\w+")


def _resolved(resolve: _Resolve, found: re.Match[str], today: date) -> str | None:
    try:
        return resolve(found, today)
    except (OverflowError, ValueError):  # before the year 1 or after 9999
        return None
