"""What is new in a message, in the customer's own words, and where each of them stands in the original.

A classifier that reads the quoted thread answers the last question again, and one that reads the signature
learns who wrote. ``mail-parser-reply`` does this for plain text, but it keeps no offsets, takes every line
that begins with a hyphen for a signature, and needs 0.2 to 0.9 s for 200 kB.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from triage.reading.blobs import without_blobs
from triage.reading.html_mail import looks_like_html, read_html
from triage.reading.logs import condensed_logs
from triage.reading.pieces import Piece, joined, shortened, spelled
from triage.reading.plain_text import Cut, Line, PlainText, has_letter, say_something
from triage.reading.quotes import last_said, parted_at_quote, split_quotes
from triage.reading.signatures import without_devices, without_signature
from triage.reading.subject import Subject, read_subject

_SOURCE = 300_000  # characters of a message that are looked at
_LINES = 6_000
_END = itemgetter(1)
_LITTLE = 4  # words above a forwarded mail ("FYI, see below") that leave the mail itself to be read


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
        return not has_letter(self.text)

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]`` stands in the original, with whatever was cut in between.

        The span is exact for plain text. In HTML it may hold tags. What is from the subject counts for
        nothing: (0, 0) when all of it is.
        """
        spans = self.offsets[max(start, self.body_start) : max(end, 0)]
        return (min(spans)[0], max(map(_END, spans))) if spans else (0, 0)


def read_message(text: str | None, *, subject: str | None = None, html: bool | None = None) -> Reading:
    """What is new in ``text``; whether it is HTML is found out when ``html`` is none.

    Quotes, signatures, disclaimers, blobs and most of a log are left out. Where nothing would be left, what
    is quoted is read: a mail that is only forwarded is about what it forwards. Raises nothing.
    """
    source = text or ""
    dropped = {Cut.TOO_LONG} if len(source) > _SOURCE else set()
    source = source[:_SOURCE]
    if html or (html is None and looks_like_html(source)):
        plain = read_html(source)
        dropped.add(Cut.HTML)
    else:
        plain = PlainText.of(source)
    about = read_subject(subject)
    pieces = _pieces(_lines(plain, dropped), dropped, forwards=about.forwards)
    body, places = spelled(plain.text, pieces)
    lead = _lead(about, body)
    offsets = ((0, 0),) * len(lead) + tuple(plain.originals(places))
    return Reading(lead + body, frozenset(dropped), len(lead), offsets)


def _lead(subject: Subject, body: str) -> str:
    """What of the subject is read before ``body``: nothing where it says nothing new."""
    title = subject.title
    repeated = subject.replies or body[: len(title)].casefold() == title.casefold()
    if not title or (repeated and has_letter(body)):
        return ""
    return f"{title}\n" if body else title


def _lines(plain: PlainText, dropped: set[Cut]) -> list[Line]:
    lines = [part for line in plain.lines(_LINES + 1) for part in parted_at_quote(line)]
    if len(lines) > _LINES:
        lines = lines[:_LINES]
        dropped.add(Cut.TOO_LONG)
    return condensed_logs(lines, dropped)  # before anything else is tried: what is left is short


def _pieces(lines: Sequence[Line], dropped: set[Cut], *, forwards: bool) -> list[Piece]:
    new, old, forwarded = split_quotes(lines)
    cuts: set[Cut] = set()
    kept = _cleaned(new, cuts)
    said = sum(len(line.words.split()) for line in kept)
    if old and (not say_something(kept) or ((forwards or forwarded) and said <= _LITTLE)):
        quoted, deeper = last_said(old)
        kept = sorted([*kept, *_cleaned(quoted, cuts)], key=lambda line: line.start)
        old = deeper
    elif not say_something(kept) and Cut.SIGNATURE in cuts:
        cuts.clear()
        kept = _cut(new, cuts, (without_devices, without_blobs))
    dropped |= cuts
    if any(line.words for line in old):
        dropped.add(Cut.QUOTED)
    return shortened([*joined(kept)], dropped)


def _cleaned(lines: Sequence[Line], cuts: set[Cut]) -> list[Line]:
    return _cut(lines, cuts, (without_devices, without_signature, without_blobs, condensed_logs))


def _cut(
    lines: Sequence[Line], cuts: set[Cut], steps: Sequence[Callable[[list[Line], set[Cut]], list[Line]]]
) -> list[Line]:
    kept = list(lines)
    for step in steps:
        kept = step(kept, cuts)
    return kept
