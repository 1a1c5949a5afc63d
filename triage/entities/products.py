"""A company's product names, in any case and as whole words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from triage.entities.entity import Candidate

_WORD = re.compile(r"\w+")


class ProductNames:
    """Finds ``names``. White space and hyphens in them may be written either way ("box-75", "box 75").

    Ten thousand names cost one look-up a word, and not an alternation that is tried at every character.
    """

    def __init__(self, names: Sequence[str]) -> None:
        # By the first word of each name: how much stands before it, what the name looks like, and the name.
        self._by_first_word: dict[str, list[tuple[int, re.Pattern[str], str]]] = {}
        for name in names:
            parts = name.split()
            first = _WORD.search(" ".join(parts))
            if first is not None:
                spelled = r"[\s-]{1,3}".join(map(re.escape, parts))
                pattern = re.compile(rf"(?<!\w){spelled}(?!\w)", re.IGNORECASE)
                known = self._by_first_word.setdefault(first.group().lower(), [])
                known.append((first.start(), pattern, name))

    def find(self, text: str) -> Iterator[Candidate]:
        """Every place where a name stands; the value is the name as the company writes it."""
        if not self._by_first_word:
            return
        for word in _WORD.finditer(text):
            for before, pattern, name in self._by_first_word.get(word.group().lower(), ()):
                start = word.start() - before
                if start >= 0 and (found := pattern.match(text, start)):
                    yield Candidate(1, "product", *found.span(), name)
