"""Groups of like texts, with a name that people understand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inference.embeddings import Encoder, Vector
from triage.discovery import UNNAMED, discover

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
    """Every text: in a group of two or more where there is one, else by itself under its own words."""
    groups = group(texts, encoder)
    taken = {place for one in groups for place in one.places}
    return [*groups, *(Group(texts[place], (place,)) for place in range(len(texts)) if place not in taken)]


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
