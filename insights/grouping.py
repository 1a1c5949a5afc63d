"""Groups of like texts, with a name that people understand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inference.embeddings import Encoder, Vector
from triage.discovery import UNNAMED, discover
from triage.text_hash import normalised

_HIDDEN = re.compile(r"\[[a-z_]+\]")  # what stands for personal data is nothing that texts have in common
_MOST = 3000  # texts that are encoded for one digest: half a minute of one core


@dataclass(frozen=True, slots=True)
class Group:
    """Places of texts that belong together, the nearest to their middle first; ``title`` says of what."""

    title: str
    places: tuple[int, ...]


def group(
    texts: Sequence[str],
    encoder: Encoder,
    *,
    known: Mapping[str, Vector] | None = None,
    least: int = 2,
) -> list[Group]:
    """Groups of ``least`` different texts or more among the first 3,000, the largest first.

    ``texts`` are without personal data: words of theirs become titles. ``known`` are vectors of labels,
    whose mean is what all texts of a company have in common.
    """
    looked_at = list(texts[:_MOST])
    if len(looked_at) < least:
        return []
    said = [_HIDDEN.sub(" ", text) for text in looked_at]
    found = discover(said, encoder.encode(said), known=known, least=least)
    return [
        Group(looked_at[one.members[0]] if one.name == UNNAMED else _title(one.name), one.members)
        for one in found
    ]


def grouped_and_single(texts: Sequence[str], encoder: Encoder) -> list[Group]:
    """Every text: in a group of two different ones or more, else with those that say the same.

    A group has the words for a title that its texts have in common, where those are two or more.
    """
    groups = group(texts, encoder)
    taken = {place for one in groups for place in one.places}
    alone: dict[str, list[int]] = {}
    for place in range(len(texts)):
        if place not in taken:
            alone.setdefault(normalised(texts[place]), []).append(place)
    named = [one if " " in one.title else Group(texts[one.places[0]], one.places) for one in groups]
    return [*named, *(Group(texts[places[0]], tuple(places)) for places in alone.values())]


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
