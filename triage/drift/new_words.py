"""Words that were rare or unheard of before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom

from triage.discovery import is_personal
from triage.drift.snapshot import WORDS, Snapshot

_FACTOR = 3.0  # times as frequent as before
_FEWEST = 5  # messages that have it
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class NewWord:
    """A word and the shares of messages that have it."""

    word: str
    before: float
    after: float


def new_words(reference: Snapshot, recent: Snapshot, false_alarms: float) -> tuple[NewWord, ...]:
    """Words that are three times as frequent as before and more than chance allows for all of them."""
    names = [word for word, count in recent.words.items() if count >= _FEWEST]
    if not names:
        return ()
    # Of a word that the reference did not keep we know that it was no more frequent than the last it kept.
    unseen = min(reference.words.values()) if len(reference.words) == WORDS else 0
    before = np.array([reference.words.get(word, unseen) for word in names])
    after = np.array([recent.words[word] for word in names])
    p = hypergeom.sf(after - 1, reference.count + recent.count, before + after, recent.count)
    found = [
        NewWord(word, float(old), float(new))
        for word, old, new, chance in zip(
            names, before / reference.count, after / recent.count, p, strict=True
        )
        if new >= _FACTOR * old and chance <= false_alarms / len(names) and not is_personal(word)
    ]
    return tuple(sorted(found, key=lambda each: (each.before - each.after, each.word))[:_SHOWN])
