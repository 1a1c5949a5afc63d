"""A company's own patterns, and which are let in."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from triage.entities.entity import Candidate
from triage.entities.regex_cost import WINDOW, most_steps, parsed
from triage.errors import PatternInvalid

_STEP = 384  # from window to window: an entity of up to WINDOW - _STEP characters is in one as a whole
_MOST_STEPS = 2_000


@dataclass(frozen=True, slots=True)
class EntityPattern:
    """A company's own ``kind`` of entity; a group named ``value``, if there is one, is the entity.

    Raises ``PatternInvalid`` when ``kind`` is no plain name, or ``regex`` is none, matches an empty text, or
    may try more than ``_MOST_STEPS`` ways from one place (counted on the parsed pattern, not by the clock).
    """

    kind: str
    regex: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", self.kind):
            raise PatternInvalid(f"The entity kind {self.kind!r} is not lower-case letters, digits and _.")
        _check_regex(self.kind, self.regex)


def find_own(kind: str, pattern: re.Pattern[str], text: str) -> Iterator[Candidate]:
    """What ``pattern`` matches, tried on windows so that the time grows with the text and no faster."""
    group = "value" if "value" in pattern.groupindex else 0
    for begin in range(0, len(text) or 1, _STEP):
        for found in pattern.finditer(text, begin, begin + WINDOW):
            start, end = found.span(group)
            whole = found.end() < begin + WINDOW or found.end() == len(text)
            inside = whole and found.start() < begin + _STEP
            if inside and 0 <= start < end and end - start <= WINDOW - _STEP:
                yield Candidate(0, kind, start, end, text[start:end])


def _check_regex(kind: str, regex: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # "[[" will mean something else one day
            compiled = re.compile(regex)
            tree = parsed(regex)
    except (re.error, RecursionError, OverflowError, Warning) as error:
        raise PatternInvalid(f"The pattern of {kind} is no regular expression: {error}.") from None
    if compiled.match("") or not regex:
        raise PatternInvalid(f"The pattern of {kind} matches an empty text.")
    if most_steps(tree) > _MOST_STEPS:
        raise PatternInvalid(
            f"The pattern of {kind} may try more than {_MOST_STEPS} ways from one place. Bound its repeats "
            "({1,20} for + or *), and let what follows a repeat begin with another character."
        )
