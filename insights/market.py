"""What customers say of the market: competitors by name, why some may leave, and what they wish for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from inference.embeddings import Encoder
from insights.contact import Contact, Heard, Turn
from insights.digest import Mention, Wish
from insights.grouping import grouped_and_single
from insights.growth import growths
from insights.history import Counts, compared
from insights.quotes import Quote, Quoter, excerpt, few
from signals.signal import SignalKind
from triage.brands import Brands

SHOWN = 8
_QUOTES = 3
_UNNAMED = "A competitor that nobody named"
_OTHER = "Something else"
_OBJECTING = (SignalKind.CHURN_RISK, SignalKind.COMPETITOR)

Thresholds = Mapping[SignalKind, float]


class Rivals:
    """Names of competitors in what customers write, each as it is configured."""

    def __init__(self, own: Sequence[str], names: Sequence[str], thresholds: Thresholds) -> None:
        self._brands = Brands(own, names)
        self._names = {name.casefold(): name for name in names}
        self._threshold = thresholds[SignalKind.COMPETITOR]

    def named(self, contact: Contact) -> tuple[str, ...]:
        """Those that ``contact`` names; one without a name where it only speaks of somebody else's offer."""
        found = [name for turn in contact.turns for name, _ in self.places(turn)]
        if not found and contact.heard(SignalKind.COMPETITOR, self._threshold) is not None:
            found = [_UNNAMED]
        return tuple(dict.fromkeys(found))

    def places(self, turn: Turn) -> list[tuple[str, tuple[int, int]]]:
        """Each name in ``turn`` with its place."""
        return [
            (self._name(turn.text[start:end]), (start, end))
            for start, end in self._brands.name(turn.text).rivals
        ]

    def quote(self, contact: Contact, name: str, quoter: Quoter) -> Quote | None:
        """The sentence of ``contact`` that names it, or speaks of a competitor without a name."""
        for turn in contact.turns:
            spans = tuple(place for named, place in self.places(turn) if named == name)
            if spans:
                return quoter.quote(contact, turn, spans)
        heard = contact.heard(SignalKind.COMPETITOR, self._threshold)
        return None if heard is None else quoter.quote(contact, heard[0], heard[1].spans)

    def _name(self, written: str) -> str:
        plain = written.lstrip("@#").casefold()
        return self._names.get(plain, written)


def competitors(
    contacts: Sequence[Contact], before: Sequence[Counts], *, rivals: Rivals, quoter: Quoter
) -> tuple[Mention, ...]:
    """Competitors that were spoken of, the most often named first."""
    counts = Counter(name for contact in contacts for name in rivals.named(contact))
    growth = growths(compared(counts, before, "competitors"))
    found = []
    for name, count in counts.most_common(SHOWN):
        said = (rivals.quote(one, name, quoter) for one in contacts if name in rivals.named(one))
        found.append(Mention(name, count, growth.get(name), few(said, _QUOTES)))
    return tuple(found)


def objections(
    contacts: Sequence[Contact], *, thresholds: Thresholds, titles: Mapping[str, str], quoter: Quoter
) -> tuple[Mention, ...]:
    """What contacts are about that speak of leaving or of a competitor, the most frequent first."""
    said: dict[str, list[Quote]] = {}
    for contact in contacts:
        heard = _surest(contact, thresholds)
        if heard is not None:
            turn, words = heard
            about = turn.intent or next(iter(contact.intents), None)
            title = _OTHER if about is None else titles.get(about, about)
            said.setdefault(title, []).append(quoter.quote(contact, turn, words.spans))
    ranked = sorted(said.items(), key=lambda one: (-len(one[1]), one[0]))
    return tuple(Mention(title, len(quotes), None, few(quotes, _QUOTES)) for title, quotes in ranked[:SHOWN])


def wishes(
    contacts: Sequence[Contact], *, thresholds: Thresholds, encoder: Encoder, quoter: Quoter
) -> tuple[Wish, ...]:
    """What customers ask the company to offer, like wishes together, the most frequent first."""
    kind = SignalKind.FEATURE_REQUEST
    heard = [(contact, contact.heard(kind, thresholds[kind])) for contact in contacts]
    asked = [(contact, found[0], found[1].spans) for contact, found in heard if found is not None]
    texts = [excerpt(turn.text, spans, contact.personal) for contact, turn, spans in asked]
    found = []
    for one in grouped_and_single(texts, encoder):
        quotes = few((quoter.quote(*asked[place]) for place in one.places), _QUOTES)
        found.append(Wish(one.title, len({asked[place][0].id for place in one.places}), quotes))
    return tuple(sorted(found, key=lambda wish: -wish.count)[:SHOWN])


def _surest(contact: Contact, thresholds: Thresholds) -> tuple[Turn, Heard] | None:
    found = [contact.heard(kind, thresholds[kind]) for kind in _OBJECTING]
    return max((one for one in found if one is not None), key=lambda one: one[1].probability, default=None)
