"""What is new in a message, in the customer's own words, and where each of them stands in the original.

A classifier that reads the quoted thread answers the last question again, and one that reads the signature
learns who wrote. ``mail-parser-reply`` does this for plain text, but it keeps no offsets, takes every line
that begins with a hyphen for a signature, and needs 0.2 to 0.9 s for 200 kB. The HTML is walked here too:
``html.parser`` takes 22 s for 80 kB of "<a" (Python 3.11.7), and Beautiful Soup loses where the words stood.
"""

from __future__ import annotations

import html as markup
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

LONGEST = 4_000  # characters of a reading; triage/ngrams.py counts no more
_SUBJECT = 300
_TAIL = 1_000  # of LONGEST, from the end: what is asked stands first or last
_SOURCE = 300_000  # characters of a message that are looked at
_LINES = 6_000
_LEVELS = 5  # of a thread, down to which a mail that is only a quote is searched for something said
_LITTLE = 4  # words above a forwarded mail ("FYI, see below") that leave the mail itself to be read


class Cut(StrEnum):
    """What a reading leaves out."""

    QUOTED = "quoted"
    SIGNATURE = "signature"  # and disclaimers, and "Sent from my iPhone"
    BASE64 = "base64"
    LOG = "log"
    HTML = "html"  # the markup, not its words
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the classifier reads: the subject, if it says anything, a line break, and what is new.

    ``text[body_start:]`` is from the original; ``offsets`` has one span of the original for each character
    of ``text``, empty for those of the subject and for white space between lines that were apart.
    """

    text: str
    dropped: frozenset[Cut] = frozenset()
    body_start: int = 0
    offsets: tuple[tuple[int, int], ...] = field(default=(), repr=False)

    @property
    def empty(self) -> bool:
        """Whether there are no words: nothing, a number, an emoji."""
        return not _has_letter(self.text)

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]`` stands in the original, with whatever was cut in between.

        The span is exact for plain text. In HTML it may hold tags. What is from the subject counts for
        nothing: (0, 0) when all of it is.
        """
        spans = self.offsets[max(start, self.body_start) : max(end, 0)]
        return (min(span[0] for span in spans), max(span[1] for span in spans)) if spans else (0, 0)


def read_message(text: str | None, *, subject: str | None = None, html: bool | None = None) -> Reading:
    """What is new in ``text``; whether it is HTML is found out when ``html`` is none.

    Quotes, signatures, disclaimers, blobs and most of a log are left out. Where nothing would be left, what
    is quoted is read: a mail that is only forwarded is about what it forwards. Raises nothing.
    """
    source = text or ""
    dropped = {Cut.TOO_LONG} if len(source) > _SOURCE else set()
    source = source[:_SOURCE]
    if html or (html is None and _looks_like_html(source)):
        page = _read_html(source)
        dropped.add(Cut.HTML)
    else:
        page = _Page(source, ((0, len(source), 0, len(source)),))
    lines = page.lines()
    if len(lines) > _LINES:
        lines = lines[:_LINES]
        dropped.add(Cut.TOO_LONG)
    lines = _condensed_logs(lines, dropped)  # first: what is left is short
    title, answers, forwards = _title(subject)
    pieces = _pieces(lines, dropped, forwards=forwards)
    body, places = _spelled(page.text, pieces)
    if title and (not _has_letter(body) or not (answers or _opens_with(body, title))):
        lead = f"{title}\n" if body else title
    else:
        lead = ""
    offsets = ((0, 0),) * len(lead) + tuple(map(page.original, places))
    return Reading(lead + body, frozenset(dropped), len(lead), offsets)


# The text of a message, and where it is from.


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a page, from ``start``, without the white space behind it."""

    start: int
    text: str
    mark: Cut | None = None  # what the HTML says it is

    @property
    def words(self) -> str:
        return self.text.strip(" \t*_\u200b\ufeff\xa0")

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def part(self, start: int, end: int | None = None) -> _Line:
        return replace(self, start=self.start + start, text=self.text[start:end])


@dataclass(frozen=True, slots=True)
class _Page:
    """The text of a message.

    ``runs`` say where it is from: (place, length, place in the original, length there), where both lengths
    are the same, character by character. ``regions`` are what the markup marks: (start, end, as what).
    """

    text: str
    runs: tuple[tuple[int, int, int, int], ...]
    regions: tuple[tuple[int, int, Cut], ...] = ()

    def lines(self) -> list[_Line]:
        lines: list[_Line] = []
        place, regions = 0, iter((*self.regions, (len(self.text) + 1, len(self.text) + 1, Cut.HTML)))
        start, end, cut = next(regions)
        for whole in self.text.splitlines(keepends=True)[: _LINES + 1]:
            while place >= end:
                start, end, cut = next(regions)
            lines += _parted(_Line(place, whole.rstrip(), cut if start <= place else None))
            place += len(whole)
        return lines

    def original(self, place: tuple[int, int]) -> tuple[int, int]:
        """The original's span of a character, or of the seam (an empty span) between two."""
        start, end = place
        if start == end:
            at = self.original((start - 1, start))[1] if start else 0
            return at, at
        begin, length, origin, extent = self.runs[bisect_right(self.runs, start, key=lambda run: run[0]) - 1]
        if length == extent:
            return origin + start - begin, origin + end - begin
        return origin, origin + extent


def _parted(line: _Line) -> Iterator[_Line]:
    """``line`` in two where a quote begins in it, as where someone's tool took the line breaks out."""
    if "@" in line.text or "----" in line.text:
        found = _INLINE_QUOTE.search(line.text)
        if found and found.start() and line.text[: found.start()].strip(" \t>*_-"):
            yield line.part(0, found.start())
            yield line.part(found.start(), found.end())
            yield line.part(found.end())
            return
    yield line


def _has_letter(text: str) -> bool:
    return any(map(str.isalpha, text))


# The subject.

_REPLY = r"re|aw|antw|antwort|sv|vs|ref|rif|r|odp|res|ynt"
_FORWARD = r"fwd?|wg|tr|rv|i|doorst|enc|vb|vl|pd|weitergeleitet"
_SUBJECT_PREFIX = re.compile(
    rf"(?i)\s*(?:(?P<reply>{_REPLY})|(?P<forward>{_FORWARD}))\s?(?:\[\d{{1,3}}\])?\s?[:：]"
)


def _title(subject: str | None) -> tuple[str, bool, bool]:
    """The subject without "Re:", whether it was a reply's, and whether a forwarded mail's."""
    text, _ = _spelled_text((subject or "")[: 4 * _SUBJECT])
    answers = forwards = False
    while prefix := _SUBJECT_PREFIX.match(text):
        answers, forwards = answers or bool(prefix["reply"]), forwards or bool(prefix["forward"])
        text = text[prefix.end() :]
    return _words_within(text.strip(), _SUBJECT), answers, forwards


def _opens_with(body: str, title: str) -> bool:
    return body[: len(title)].casefold() == title.casefold()


def _words_within(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0].rstrip()


# What is left of the lines.

_Piece = tuple[int, int, str]  # from, to, and what stands before it


def _pieces(lines: Sequence[_Line], dropped: set[Cut], *, forwards: bool) -> list[_Piece]:
    new, old, forwarded = _split_quotes(lines)
    cuts: set[Cut] = set()
    kept = _cleaned(new, cuts)
    said = sum(len(line.words.split()) for line in kept)
    if old and (not _say_something(kept) or ((forwards or forwarded) and said <= _LITTLE)):
        quoted, deeper = _last_said(old)
        kept = sorted([*kept, *_cleaned(quoted, cuts)], key=lambda line: line.start)
        old = deeper
    elif not _say_something(kept) and Cut.SIGNATURE in cuts:
        cuts.clear()
        kept = _cut(new, cuts, (_without_devices, _without_blobs))
    dropped |= cuts
    if any(line.words for line in old):
        dropped.add(Cut.QUOTED)
    return _shortened([*_joined(kept)], dropped)


def _say_something(lines: Iterable[_Line]) -> bool:
    return any(_has_letter(line.text) for line in lines)


def _joined(lines: Iterable[_Line]) -> Iterator[_Piece]:
    """Pieces with a line break between them, or a space where a mail program wrapped the line."""
    before = ""
    for line in lines:
        if line.words or line.text.strip():
            wrapped = 50 <= len(before) <= 90 and before[-1] not in ".!?:;" and line.text[:1].islower()
            yield line.start, line.end, " " if wrapped else "\n"
        before = line.text


def _shortened(pieces: list[_Piece], dropped: set[Cut]) -> list[_Piece]:
    """``pieces`` up to ``LONGEST`` characters: the beginning and the end."""
    length = sum(end - start + 1 for start, end, _ in pieces)
    if length <= LONGEST:
        return pieces
    dropped.add(Cut.TOO_LONG)
    head, tail = list[_Piece](), list[_Piece]()
    room = LONGEST - _TAIL
    for start, end, gap in pieces:
        if room <= 1:
            break
        head.append((start, min(end, start + room - 1), gap))
        room -= end - start + 1
    read = head[-1][1]
    room = _TAIL
    for start, end, gap in reversed(pieces):
        if room <= 1 or end <= read:
            break
        tail.append((max(start, end - room + 1, read), end, gap))
        room -= end - start + 1
    return [*head, *reversed(tail)]


_JUNK = (
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\ud800-\udfff]|(?<![\u2190-\U0010ffff])\u200d"  # a joiner is part of many an emoji
)
_OUT = re.compile(rf"(?P<junk>(?:{_JUNK})+)|(?P<space>\s+)")


def _spelled_text(text: str) -> tuple[str, list[int]]:
    """``text`` with single spaces and without what nobody sees, and the place of each character."""
    said: list[str] = []
    places: list[int] = []
    place, spaced = 0, True
    for found in (*_OUT.finditer(text), None):
        end = found.start() if found else len(text)
        if end > place:
            said.append(text[place:end])
            places.extend(range(place, end))
            spaced = False
        if found is None:
            break
        if found["space"] and not spaced:
            said.append(" ")
            places.append(found.start())
            spaced = True
        place = found.end()
    if places and spaced:
        said.pop()
        places.pop()
    return "".join(said), places


def _spelled(text: str, pieces: Iterable[_Piece]) -> tuple[str, list[tuple[int, int]]]:
    """What is read, and the span of ``text`` that each character stands for."""
    said: list[str] = []
    spans: list[tuple[int, int]] = []
    for start, end, gap in pieces:
        words, places = _spelled_text(text[start:end])
        if not words:
            continue
        if said:
            said.append(gap)
            spans.append((spans[-1][1],) * 2)
        said.append(words)
        spans += [(start + place, start + place + 1) for place in places]
    return "".join(said), spans


def _cleaned(lines: Sequence[_Line], cuts: set[Cut]) -> list[_Line]:
    return _cut(lines, cuts, (_without_devices, _without_signature, _without_blobs, _condensed_logs))


def _cut(
    lines: Sequence[_Line], cuts: set[Cut], steps: Sequence[Callable[[list[_Line], set[Cut]], list[_Line]]]
) -> list[_Line]:
    kept = list(lines)
    for step in steps:
        kept = step(kept, cuts)
    return kept


# Quotes.

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


def _split_quotes(lines: Sequence[_Line]) -> tuple[list[_Line], list[_Line], bool]:
    """What is new, what is quoted, and whether that was forwarded."""
    new: list[_Line] = []
    old: list[_Line] = []
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


def _last_said(old: Sequence[_Line]) -> tuple[list[_Line], list[_Line]]:
    """The topmost message of a thread that says something, and the thread below."""
    for _ in range(_LEVELS):
        new, old, _ = _split_quotes([_unquoted(line) for line in old])
        if _say_something(new) or not old:
            return new, old
    return [], list(old)


def _quoted(line: _Line) -> bool:
    return line.mark is Cut.QUOTED or line.text.lstrip()[:1] == ">"


def _unquoted(line: _Line) -> _Line:
    bare = line.text.lstrip()
    if bare[:1] == ">":
        return replace(line.part(len(line.text) - len(bare[1:].lstrip(" "))), mark=None)
    return replace(line, mark=None) if line.mark is Cut.QUOTED else line


def _forwards(line: _Line) -> bool:
    separator = _SEPARATOR.match(line.words)
    return bool(separator and separator["forward"]) or bool(_BEGIN.match(line.words))


def _header(lines: Sequence[_Line], place: int) -> int:
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


def _wrote(lines: Sequence[_Line], place: int) -> int:
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


def _fields(lines: Sequence[_Line], place: int) -> tuple[int, bool]:
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


# Signatures and disclaimers.

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
_DISCLAIMS = re.compile(
    r"(?i)\W{0,5}(?:(?:this|the\sinformation\s(?:contained\s)?in\sthis)\s(?:e-?mail|message|communication|transmission)|"
    r"(?:confidentiality|privacy|legal|important)\s(?:notice|note)|disclaimer\b|(?:diese|die\sin\sdieser)\s"
    r"(?:e-?mail|nachricht)|haftungsausschluss|ce\s(?:message|courriel|mail|courrier)|este\s(?:mensaje|correo|e-?mail)|"
    r"(?:questo\smessaggio|questa\se-?mail|le\sinformazioni)|(?:dit\s(?:e-?mail)?bericht|deze\se-?mail|de\sinformatie)|"
    r"please\sconsider\sthe\senvironment|bitte\sdenken\ssie\san\sdie\sumwelt|if\syou\s(?:are\snot\sthe\sintended|"
    r"have\sreceived\sthis))"
)
_DISCLAIMED = re.compile(
    r"(?i)confidential|privileged|intended\s(?:solely|only|recipient|for)|unauthori[sz]ed|vertraulich|"
    r"bestimmungsgemäß|adressat|irrtümlich|confidentiel|destinataire|confidencial|destinatario|riservat|"
    r"vertrouwelijk|geadresseerde|printing|ausdrucken|notify\sthe\ssender|delete"
)
_DELIMITER = frozenset({"--", "—", "__"})
_DISCLAIMERS = 20  # paragraphs that may be one; more are no mail
_SIGNATURE_LINES = 15
_SIGNATURE_LENGTH = 1_200


def _without_devices(lines: list[_Line], cuts: set[Cut]) -> list[_Line]:
    kept = [
        line
        for line in lines
        if line.mark is not Cut.SIGNATURE and not (len(line.words) <= 120 and _DEVICE.match(line.words))
    ]
    if len(kept) < len(lines):
        cuts.add(Cut.SIGNATURE)
    return kept


def _without_signature(lines: list[_Line], cuts: set[Cut]) -> list[_Line]:
    kept = _without_closing(_above_delimiter(_without_disclaimers(lines)))
    if len(kept) < len(lines):
        cuts.add(Cut.SIGNATURE)
    return kept


def _without_disclaimers(lines: list[_Line]) -> list[_Line]:
    """``lines`` without the paragraphs that only a lawyer wrote."""
    kept: list[_Line] = []
    disclaims, tried = False, 0
    for place, line in enumerate(lines):
        if not line.words:
            disclaims = False
        elif not disclaims and tried < _DISCLAIMERS and _DISCLAIMS.match(line.words):
            tried += 1
            below = lines[place : place + 12]
            blank = next((number for number, one in enumerate(below) if not one.words), len(below))
            paragraph = " ".join(one.text[:1_000] for one in below[:blank])
            disclaims = len({found.lower() for found in _DISCLAIMED.findall(paragraph)}) >= _cues(line.words)
        if not disclaims:
            kept.append(line)
    return kept


def _cues(words: str) -> int:
    """How many words of a disclaimer must follow: a customer's own mail may be confidential too."""
    return 1 if re.match(r"(?i)\W{0,5}(?:confid|disclaim|haftung|please|bitte|legal|privacy)", words) else 2


def _above_delimiter(lines: list[_Line]) -> list[_Line]:
    for place in range(max(0, len(lines) - 3 * _SIGNATURE_LINES), len(lines)):
        if lines[place].text.strip() in _DELIMITER:
            below = [line for line in lines[place + 1 :] if line.words]
            if len(below) <= _SIGNATURE_LINES and sum(len(line.text) for line in below) <= _SIGNATURE_LENGTH:
                return [*lines[:place], *(line for line in below if _MATTERS.match(line.words[:200]))]
    return lines


def _without_closing(lines: list[_Line]) -> list[_Line]:
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


def _after_signature(lines: Sequence[_Line]) -> list[_Line]:
    """What is said below a closing: not the name, the firm and the address, but the order number."""
    kept: list[_Line] = []
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


# What no person wrote.

_BLOB = re.compile(
    r"data:[\w.+-]{1,60}/[\w.+-]{1,60}(?:;[\w=.-]{1,60}){0,4},[^\s\"'<>)]*|(?<![\w+/=-])[A-Za-z0-9+/_=-]{120,}"
)
_BLOB_LINE = re.compile(r"[A-Za-z0-9+/_-]{48,}={0,2}$")
_BLOB_END = re.compile(r"[A-Za-z0-9+/_-]{2,}={0,2}$|={1,2}[A-Za-z0-9+/]{4}$")
_PEM = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]{3,40}-----$")


def _without_blobs(lines: list[_Line], cuts: set[Cut]) -> list[_Line]:
    kept: list[_Line] = []
    within = 0  # lines of a blob just above
    for place, line in enumerate(lines):
        words = line.text.strip()
        below = lines[place + 1].text.strip() if place + 1 < len(lines) else ""
        if (
            len(words) >= 48
            and _random(words)
            and _BLOB_LINE.match(words)
            and (within or _BLOB_LINE.match(below))
        ):
            within += 1
        elif _PEM.match(words) or (within and _BLOB_END.match(words) and _random_end(words)):
            within = 0
        else:
            kept += _around_blobs(line)
            within = 0
    if sum(len(line.text) for line in kept) < sum(len(line.text) for line in lines):
        cuts.add(Cut.BASE64)
    return kept


def _around_blobs(line: _Line) -> Iterator[_Line]:
    if len(line.text) < 24 or ("data:" not in line.text and len(line.text) < 120):
        yield line
        return
    place = 0
    for found in _BLOB.finditer(line.text):
        if found.group().startswith("data:") or _random(found.group()):
            yield line.part(place, found.start())
            place = found.end()
    yield line.part(place)


def _random(text: str) -> bool:
    start = text[:4_000]
    return any(map(str.isdigit, start)) and any(map(str.isupper, start)) and any(map(str.islower, start))


def _random_end(words: str) -> bool:
    return words.endswith("=") or (len(words) >= 12 and _random(words))


_LOG_LINE = re.compile(
    r"""\s*(?:
    [\[(<]?\d{4}[-/]\d\d[-/]\d\d[T\s]\d\d:\d\d | [\[(]?\d\d:\d\d:\d\d\b | \d{10}\.\d+\s |
    (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s{1,2}\d{1,2}\s\d\d:\d\d:\d\d |
    (?:\d{1,3}\.){3}\d{1,3}\s |
    \[?(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL|SEVERE|NOTICE|VERBOSE)\]?[\s:|-] |
    at\s[\w$.<>/]{1,200}\s?[(\[] | at\s\S{1,200}:\d | File\s"[^"]{1,300}",\sline\s\d | Traceback\s\(most |
    Caused\sby: | \.\.\.\s\d+\smore | \#\d+\s+(?:0x|[\w.]+\() | [\w.$]{0,120}(?:Exception|Error)\b\s?: |
    goroutine\s\d |
    [{}\[\]],?$ | \{?"[^"]{1,80}"\s?: | <\d{1,3}>\S
    )""",
    re.VERBOSE,
)
_WRONG = (
    "error", "fatal", "exception", "fail", "panic", "critical", "denied", "refused", "timeout", "timed out",
    "fehler", "erreur",
)  # fmt: skip
_LOG_LINES = 6  # from which on it is a log and no list of what happened when
_LOG_HEAD, _LOG_ERRORS, _LOG_WIDTH = 3, 5, 200


def _condensed_logs(lines: list[_Line], cuts: set[Cut]) -> list[_Line]:
    """``lines`` with only the first and the telling ones of every log."""
    kept: list[_Line] = []
    block: list[_Line] = []

    def close() -> None:
        logged = [line for line in block if line.words]
        if len(logged) >= _LOG_LINES:
            cuts.add(Cut.LOG)
            kept.extend(_telling(logged))
        else:
            kept.extend(block)
        block.clear()

    for line in lines:
        within = bool(block) and (not line.words or line.text[:2] in {"  ", "\t"})
        if line.mark is None and (within or _LOG_LINE.match(line.text)):
            block.append(line)
        else:
            close()
            kept.append(line)
    close()
    return kept


def _telling(lines: Sequence[_Line]) -> Iterator[_Line]:
    seen: set[str] = set()
    for place, line in enumerate(lines):
        if place >= _LOG_HEAD:
            start = line.text[: 2 * _LOG_WIDTH].lower()
            if len(seen) == _LOG_ERRORS or not any(word in start for word in _WRONG):
                continue
            shape = re.sub(r"\d+", "0", line.text[:_LOG_WIDTH])
            if shape in seen:
                continue
            seen.add(shape)
        yield line.part(0, _LOG_WIDTH)


# HTML.

_HTML_START = re.compile(
    r"\s*(?:<!doctype\shtml|<html[\s>]|<(?:div|p|body|table|span)\b[^<>]{0,500}>)", re.IGNORECASE
)
_HTML_TAG = re.compile(
    r"<(?:/(?:html|body|div|p|span|table|tr|td|ul|li|blockquote|font|a|b|i|strong|em|h[1-6])|br\s?/?)>",
    re.IGNORECASE,
)
_SNIFFED = 20_000
_TAG = re.compile(
    r"<(?P<close>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:-]{0,40})"
    r"(?P<attributes>(?:[^<>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?){0,400}+)>"
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});?")
_NEXT = re.compile(r"[<&]")
_FLAT = {number: " " for number in range(0x3000) if chr(number).isspace()}
_BLOCK_NAMES = """
address article aside blockquote body br center dd div dl dt footer form h1 h2 h3 h4 h5 h6 header hr html li
main nav ol option p pre section table tbody thead tr ul
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_CELLS = frozenset({"td", "th"})
_VOID_NAMES = "area base br col embed hr img input link meta param source track wbr"
_VOID = frozenset(_VOID_NAMES.split())
_UNREAD = frozenset({"script", "style", "head", "title", "template", "noscript", "svg", "object"})
_HIDDEN = re.compile(r"(?i)display\s?:\s?none|mso-hide\s?:\s?all|visibility\s?:\s?hidden")
_QUOTE_BLOCK = re.compile(
    r"(?i)gmail_quote|gmail_extra|yahoo_quoted|moz-cite-prefix|moz-forward-container|protonmail_quote|zmail_extra|"
    r"outlookmessageheader|tutanota_quote|\btype\s?=\s?[\"']?cite"
)
_QUOTE_BELOW = re.compile(
    r"(?i)\bid\s?=\s?[\"']?(?:x_)*(?:divrplyfwdmsg|appendonsend|mail-editor-reference-message-container)|"
    r"border-top:\s?solid\s#(?:e1e1e1|b5c4df)"
)
_SIGNATURE_BLOCK = re.compile(
    r"(?i)gmail_signature|moz-signature|ms-outlook-(?:mobile-)?signature|protonmail_signature|"
    r"\bid\s?=\s?[\"']?(?:x_)*(?:apple-?mail-?)?signature\b"
)


def _looks_like_html(source: str) -> bool:
    start = source[:_SNIFFED]
    tags = _HTML_TAG.finditer(start)
    found = sum(1 for _ in zip(range(2), tags, strict=False))
    return found == 2 or (bool(found or "</" in start) and bool(_HTML_START.match(start)))


@dataclass(slots=True)
class _Walk:
    """A page in the making; ``mark`` is what the element around is, ``tag`` its name, ``depth`` how deep."""

    parts: list[str] = field(default_factory=list)
    runs: list[tuple[int, int, int, int]] = field(default_factory=list)
    regions: list[tuple[int, int, Cut]] = field(default_factory=list)
    place: int = 0
    mark: Cut | None = None
    began: int = 0
    tag: str = ""
    depth: int = 0
    unclosed: set[str] = field(default_factory=set)

    def say(self, text: str, origin: int, extent: int) -> None:
        if text and self.mark is not Cut.HTML:
            self.parts.append(text)
            self.runs.append((self.place, len(text), origin, extent))
            self.place += len(text)

    def enter(self, mark: Cut, tag: str) -> None:
        self.leave()
        self.mark, self.began, self.tag, self.depth = mark, self.place, tag, 1

    def leave(self) -> None:
        if self.mark is not None and self.mark is not Cut.HTML and self.place > self.began:
            self.regions.append((self.began, self.place, self.mark))
        self.mark = None

    def opened(self, tag: str, attributes: str) -> None:
        if self.mark is not None and tag == self.tag:
            self.depth += 1
        if self.mark in {None, Cut.SIGNATURE}:
            if _QUOTE_BELOW.search(attributes):
                self.enter(Cut.QUOTED, "")  # to the end: nothing closes it
            elif tag == "blockquote" or _QUOTE_BLOCK.search(attributes):
                self.enter(Cut.QUOTED, tag)
            elif self.mark is None and _HIDDEN.search(attributes):
                self.enter(Cut.HTML, tag)
            elif self.mark is None and _SIGNATURE_BLOCK.search(attributes):
                self.enter(Cut.SIGNATURE, tag)

    def closed(self, tag: str) -> None:
        if self.mark is not None and tag == self.tag:
            self.depth -= 1
            if not self.depth:
                self.leave()


def _read_html(source: str) -> _Page:
    """The words of a page, a line for each block."""
    walk = _Walk()
    place, last = 0, source.rfind(">")
    while place < len(source):
        found = _NEXT.search(source, place)
        at = found.start() if found else len(source)
        walk.say(source[place:at].translate(_FLAT), place, at - place)
        if not found:
            break
        place = (
            _read_entity(walk, source, at) if found.group() == "&" else _read_tag(walk, source, at, last=last)
        )
    walk.leave()
    return _Page("".join(walk.parts), tuple(walk.runs), tuple(walk.regions))


def _read_entity(walk: _Walk, source: str, at: int) -> int:
    found = _ENTITY.match(source, at)
    end = found.end() if found else at + 1
    walk.say(markup.unescape(source[at:end]).translate(_FLAT), at, end - at)
    return end


def _behind(walk: _Walk, source: str, at: int, *, name: str) -> int:
    """Where to read on behind the element ``name``, or at ``at`` where nothing closes it."""
    if name in walk.unclosed:
        return at
    closing = re.compile(rf"</{name}\b[^>]{{0,100}}>", re.IGNORECASE).search(source, at)
    if closing is None:
        walk.unclosed.add(name)
        return at
    return closing.end()


def _read_tag(walk: _Walk, source: str, at: int, *, last: int) -> int:
    """Where to read on; ``last`` is the place of the last ">"."""
    if source.startswith("<!--", at):
        end = source.find("-->", at + 4)
        return end + 3 if end >= 0 else len(source)
    if source[at + 1 : at + 2] in {"!", "?"} and at < last:
        return source.find(">", at) + 1
    found = _TAG.match(source, at) if at < last else None
    if found is None:
        walk.say("<", at, 1)
        return at + 1
    name = found["name"].lower()
    if name in _UNREAD and not found["close"]:
        return _behind(walk, source, found.end(), name=name)
    if name in _BLOCKS or name in _CELLS:
        walk.say("\n" if name in _BLOCKS else " ", at, 0)
    if found["close"]:
        walk.closed(name)
    elif name not in _VOID:
        walk.opened(name, found["attributes"][:2_000])
    return found.end()
