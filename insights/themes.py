"""Themes: what contacts are about, by the taxonomy, and by likeness where it has no name for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from inference.embeddings import Encoder, Vector
from insights.contact import Contact, Turn
from insights.digest import Theme
from insights.grouping import Group, group
from insights.growth import Growth, growths
from insights.history import Counts, compared, unscoped
from insights.quotes import Quote, Quoter, anonymous, few

SHOWN = 10
_QUOTES = 2
_LEAST_NEW = 3  # different messages of a theme that the taxonomy has no name for
_WORDS = range(5, 41)  # of a message that is worth quoting

Said = tuple[Contact, Turn]


def themes(
    contacts: Sequence[Contact],
    before: Sequence[Counts],
    *,
    titles: Mapping[str, str],
    encoder: Encoder,
    known: Mapping[str, Vector],
    quoter: Quoter,
) -> tuple[Theme, ...]:
    """Themes of the week: those that grow first, then the largest.

    ``titles`` are those of intents; ``known`` are vectors of labels, as grouping has them.
    """
    counts = Counter(intent for contact in contacts for intent in contact.intents)
    new, members = _new_themes(contacts, before, encoder=encoder, known=known)
    table = {**compared(counts, before, "intents"), **new}
    growth = growths(table)
    found = [
        _theme(name, now, growth.get(name), contacts, members, titles=titles, quoter=quoter)
        for name, (now, _) in table.items()
        if now
    ]
    return tuple(sorted(found, key=_rank)[:SHOWN])


def quotes_of(said: Sequence[Said], quoter: Quoter, *, most: int = _QUOTES) -> tuple[Quote, ...]:
    """Quotes in the given order, each text once: those first that are neither a word nor a speech."""
    ranked = sorted(said, key=lambda one: len(one[1].text.split()) not in _WORDS)
    return few((quoter.quote(contact, turn) for contact, turn in ranked), most)


def _new_themes(
    contacts: Sequence[Contact],
    before: Sequence[Counts],
    *,
    encoder: Encoder,
    known: Mapping[str, Vector],
) -> tuple[dict[str, tuple[int, list[int]]], dict[str, list[Said]]]:
    """Groups of what no intent fits: counts now and before by name, and this week's messages in each.

    This week's texts come first, so that they are looked at where there are too many.
    """
    said = [(contact, turn) for contact in contacts for turn in unscoped(contact)]
    texts = [anonymous(turn.text, contact.personal) for contact, turn in said]
    weeks = [len(before)] * len(said)
    for number in reversed(range(len(before))):
        texts += before[number].unscoped
        weeks += [number] * len(before[number].unscoped)
    counts: dict[str, tuple[int, list[int]]] = {}
    members: dict[str, list[Said]] = {}
    for one in group(texts, encoder, known=known, least=_LEAST_NEW):
        spread = Counter(weeks[place] for place in one.places)
        own = _own(one, said)
        if own:
            now = len({contact.id for contact, _ in own})
            counts[one.title] = (now, [spread[number] for number in range(len(before))])
            members[one.title] = own
    return counts, members


def _own(one: Group, said: Sequence[Said]) -> list[Said]:
    return [said[place] for place in one.places if place < len(said)]


def _theme(
    name: str,
    now: int,
    growth: Growth | None,
    contacts: Sequence[Contact],
    members: Mapping[str, Sequence[Said]],
    *,
    titles: Mapping[str, str],
    quoter: Quoter,
) -> Theme:
    said = members.get(name) or [
        (contact, turn) for contact in contacts for turn in contact.turns if turn.intent == name
    ]
    return Theme(name, titles.get(name, name), now, growth, quotes_of(said, quoter), is_new=name in members)


def _rank(theme: Theme) -> tuple[bool, float, int, str]:
    grows = theme.growth is not None and theme.growth.grows
    return (not grows, theme.growth.p if grows and theme.growth else 1.0, -theme.count, theme.name)
