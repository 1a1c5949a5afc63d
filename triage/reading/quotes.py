"""The thread below a reply: where mail programs say that a quote begins, in the languages they say it in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from triage.reading.plain_text import Cut, Line, say_something

_LEVELS = 5  # of a thread, down to which a mail that is only a quote is searched for something said
_WROTE = (
    r"(?:(?<!\bi )(?<!\bwe )wrote|writes|schrieb(?!\s(?:ich|wir)\b)|hat\s.{0,60}\sgeschrieben|a\s[ée]crit|"
    r"escribi[óo]|ha\sscritto|schreef|escreveu|skrev|napisał(?:\(a\))?|написал(?:\(а\))?)"
)
_OPENS = r"(?:on|am|le|el|il|op|em|den|på|dnia|w\sdniu)"
_WROTE_BEGIN = re.compile(rf"(?i){_OPENS}\s")
_WROTE_END = re.compile(rf"(?i)\b{_WROTE}(?!\w)(?:[^:?!]|:(?=[0-9])){{0,120}}\s?:$")
_DATE_OR_ADDRESS = re.compile(r"\d|@")
_SEPARATED = (
    r"original\smessage|ursprüngliche\snachricht|original-?nachricht|urspr\.\snachricht|message\sd[’']origine|"
    r"mensaje\soriginal|messaggio\soriginale|oorspronkelijk\sbericht|origineel\sbericht|mensagem\soriginal"
)
_FORWARDED = (
    r"forwarded\smessage|weitergeleitete\snachricht|message\stransféré|mensaje\sreenviado|"
    r"messaggio\sinoltrato|doorgestuurd\sbericht|mensagem\sencaminhada"
)
_BEGIN_FORWARDED = (
    r"begin\sforwarded\smessage|anfang\sder\sweitergeleiteten\s(?:nachricht|e-mail)|"
    r"début\sdu\smessage\sréexpédié|inicio\sdel\smensaje\sreenviado|inizio\smessaggio\sinoltrato|"
    r"begin\sdoorgestuurd\sbericht"
)
_SEPARATOR = re.compile(rf"(?i)-{{2,20}}\s?(?:(?P<forward>{_FORWARDED})|{_SEPARATED})(?:\s?-{{2,20}}|$)")
_BEGIN = re.compile(rf"(?i)(?:{_BEGIN_FORWARDED})\s?:$")
_ABOVE = re.compile(
    r"(?i)\W{0,12}(?:please\s)?(?:(?:type|write)\syour\sreply|reply)\s(?:above|over)\sthis\sline|"
    r"\W{0,12}.{0,60}\bantwort\w{0,3}\s(?:bitte\s)?(?:oberhalb|über)\sdiese|"
    r"\W{0,12}.{0,60}\b(?:au-dessus\sde\scette\sligne|encima\sde\sesta\slínea|sopra\squesta\sriga|"
    r"boven\sdeze\s(?:regel|lijn))"
)
_RULE = re.compile(r"[_-]{10,}$")
_FROM = r"from|von|de|da|van|från|fra"
_SENT = r"sent|gesendet|envoyé|enviado(?:\sel)?|inviato|verzonden|skickat|sendt|enviada"
_WHEN = r"date|datum|fecha|data"
_ABOUT = r"subject|betreff|objet|asunto|oggetto|onderwerp|assunto|ämne|emne"
_OTHERS = r"to|an|à|para|a|aan|til|till|cc|kopie|kopia|reply-to|antwort\san|organization"
_FIELD = re.compile(
    rf"(?i)[*_]{{0,2}}(?:(?P<origin>{_FROM})|(?P<sent>{_SENT})|(?P<when>{_WHEN})|(?P<about>{_ABOUT})|{_OTHERS})"
    r"\s?[*_]{0,2}\s?:"
)
_INLINE_QUOTE = re.compile(
    rf"(?i)\b{_OPENS}\s[^\n<>]{{6,120}}<[^<>\s@]{{1,64}}@[^<>\s]{{1,200}}>\)?\s?,?\s?{_WROTE}[^:\n?!]{{0,40}}:|"
    rf"(?<!-)-{{4,20}}\s?(?:{_SEPARATED}|{_FORWARDED})\s?-{{4,20}}"
)
_LONGEST_HEADER = 300
_HEADER_LINES = 12


def parted_at_quote(line: Line) -> Iterator[Line]:
    """``line`` in two where a quote begins in it, as where someone's tool took the line breaks out."""
    if "@" in line.text or "----" in line.text:
        found = _INLINE_QUOTE.search(line.text)
        if found and found.start() and line.text[: found.start()].strip(" \t>*_-"):
            yield line.part(0, found.start())
            yield line.part(found.start(), found.end())
            yield line.part(found.end())
            return
    yield line


def split_quotes(lines: Sequence[Line]) -> tuple[list[Line], list[Line], bool]:
    """What is new, what is quoted, and whether that was forwarded."""
    new: list[Line] = []
    old: list[Line] = []
    forwarded = False
    place = 0
    while place < len(lines):
        line = lines[place]
        header = 0
        if _quoted(line):
            old.append(line)
            header = 1
        elif header := _header(lines, place):
            forwarded = forwarded or any(_forwards(one) for one in lines[place : place + header])
            below = next((line for line in lines[place + header :] if line.words), None)
            if below is not None and not _quoted(below):
                old += lines[place + header :]
                break
        else:
            new.append(line)
            header = 1
        place += header
    return new, old, forwarded


def last_said(old: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """The topmost message of a thread that says something, and the thread below."""
    for _ in range(_LEVELS):
        new, old, _ = split_quotes([_unquoted(line) for line in old])
        if say_something(new) or not old:
            return new, old
    return [], list(old)


def _quoted(line: Line) -> bool:
    return line.mark is Cut.QUOTED or line.text.lstrip()[:1] == ">"


def _unquoted(line: Line) -> Line:
    bare = line.text.lstrip()
    if bare[:1] == ">":
        return replace(line.part(len(line.text) - len(bare[1:].lstrip(" "))), mark=None)
    return replace(line, mark=None) if line.mark is Cut.QUOTED else line


def _forwards(line: Line) -> bool:
    separator = _SEPARATOR.match(line.words)
    return bool(separator and separator["forward"]) or bool(_BEGIN.match(line.words))


def _header(lines: Sequence[Line], place: int) -> int:
    """How many lines from ``place`` introduce a quote; 0 when they do not."""
    words = lines[place].words
    if len(words) > _LONGEST_HEADER or not (words or lines[place].text):
        return 0
    if _SEPARATOR.match(words) or _BEGIN.match(words) or _ABOVE.match(words):
        return 1 + _fields(lines, place + 1)[0]
    rule = 1 if _RULE.match(lines[place].text.strip()) else 0  # underscores are no words
    found = _FIELD.match(words)
    if rule or (found and (found["origin"] or found["when"])):
        fields, surely = _fields(lines, place + rule)
        return rule + fields if surely else 0
    return _wrote(lines, place) if words else 0


def _wrote(lines: Sequence[Line], place: int) -> int:
    """The lines of "On Monday, Ann <ann@example.org> wrote:", which mail programs wrap."""
    words = lines[place].words
    most = 3 if _WROTE_BEGIN.match(words) else 1 if words[-1] == ":" and "@" in words else 0
    joined = ""
    for number, line in enumerate(lines[place : place + most], 1):
        joined = f"{joined} {line.words}".strip()
        if len(joined) > _LONGEST_HEADER or not line.words:
            return 0
        if joined[-1] == ":" and _WROTE_END.search(joined) and _DATE_OR_ADDRESS.search(joined):
            return number
    return 0


def _fields(lines: Sequence[Line], place: int) -> tuple[int, bool]:
    """How many lines of "From: ..." there are, and whether they are a mail's and not an itinerary's."""
    last, seen, said = place, list[str](), ""
    for number, line in enumerate(lines[place : place + _HEADER_LINES], place + 1):
        found = _FIELD.match(line.words)
        if found:
            seen.append(found.lastgroup or "")
            said += line.text[:_LONGEST_HEADER]
            last = number
        elif line.words and (not seen or line.words[-1:] not in ">;" or "@" not in line.words):
            break
    surely = "origin" in seen and (
        "sent" in seen or ("@" in said and len(seen) >= 2) or ("about" in seen and len(seen) >= 3)
    )
    return last - place, surely
