"""Whether a passage says what a sentence says: a support score from words, numbers, names and negation."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.wording import is_function_word, terms
from kit.text import sentences

Weight = Callable[[str], float]

_NEGATIONS = frozenset(
    {"not", "no", "never", "none", "nor", "neither", "without", "nothing", "nobody", "cannot"}
)
_OPINION = re.compile(r"\b(?:i|i'm|i've|i'd|my|mine|myself)\b", re.IGNORECASE)
_NAME = re.compile(r"(?<![.!?:\n])\s[(\"'“]?([A-Z][a-z]+[A-Z]?\w*)")
# How many times the mean weight of a missing word is set against the share that is found: a long sentence
# with five unsupported words is worse than a short one with one, though the shares are equal.
_MISSING_PENALTY = 0.3
_FUNCTION_WORD = 0.6
# Logistic fit on 6,100 pairs made from the sample knowledge base: sentences kept, framed, reworded and
# thinned out against sentences of other passages and spliced ones (docs/adr/0004-answers.md).
_SLOPE = 7.2
_INTERCEPT = -1.4
# A number, a name or a "not" that the passage lacks turns a sentence into another claim, however many of
# its other words are there; the factors keep the order number < name.
_WRONG_NUMBER = 0.15
_WRONG_NEGATION = 0.35
_UNKNOWN_NAME = 0.6
_OPINION_FACTOR = 0.85
_QUESTION_FACTOR = 0.85


@dataclass(frozen=True, slots=True)
class Support:
    """How far a passage supports a sentence.

    ``score`` in [0, 1]; ``coverage`` is the weighted share of the sentence's words that the passage has.
    ``numbers`` and ``names`` are those the passage lacks; ``negation`` is true when exactly one of sentence
    and best matching sentence of the passage says no.
    """

    score: float
    coverage: float
    numbers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    negation: bool = False


def rarity(texts: Iterable[str]) -> Weight:
    """Weights of words by how few of ``texts`` hold them: near 0 for a word of all, 1 for one of none."""
    counts: dict[str, int] = {}
    total = 0
    for text in texts:
        total += 1
        for term in set(terms(text)):
            counts[term] = counts.get(term, 0) + 1
    scale = math.log(1 + 2 * (total + 1))

    def weight(term: str) -> float:
        return math.log(1 + (total + 1) / (counts.get(term, 0) + 0.5)) / scale

    return weight


def support(sentence: str, passages: Sequence[str], *, weight: Weight | None = None) -> Support:
    """How far ``passages`` together support ``sentence``; without words to support, not at all.

    ``weight`` says how much a word counts (``rarity`` of the knowledge base); without it function words count
    less than others.
    """
    said = terms(sentence)
    known = frozenset().union(*(_term_set(passage) for passage in passages)) if passages else frozenset()
    if not said or not known:
        return Support(0.0, 0.0)
    weigh = weight or _plain_weight
    total = sum(weigh(term) for term in said)
    missing = sum(weigh(term) for term in said if term not in known)
    coverage = 1.0 - missing / total if total else 0.0
    found = Support(
        0.0,
        coverage,
        numbers=tuple(sorted({term for term in said if term[:1].isdigit() and term not in known})),
        names=_unknown_names(sentence, known),
        negation=_contradicts(said, passages),
    )
    raw = 1.0 / (1.0 + math.exp(-(_SLOPE * (coverage - _MISSING_PENALTY * missing) + _INTERCEPT)))
    return Support(
        raw * _factor(sentence, found, known), coverage, found.numbers, found.names, found.negation
    )


def _factor(sentence: str, found: Support, known: frozenset[str]) -> float:
    factor = 1.0
    if found.numbers:
        factor *= _WRONG_NUMBER
    if found.negation:
        factor *= _WRONG_NEGATION
    factor *= _UNKNOWN_NAME ** len(found.names)
    if "i" not in known and _OPINION.search(sentence):
        factor *= _OPINION_FACTOR
    if sentence.rstrip().endswith("?"):
        factor *= _QUESTION_FACTOR
    return factor


def _unknown_names(sentence: str, known: frozenset[str]) -> tuple[str, ...]:
    """Capitalised words inside a sentence that the passages do not have."""
    candidates = {match.group(1) for match in _NAME.finditer(sentence)}
    return tuple(sorted(name for name in candidates if any(term not in known for term in terms(name))))


def _contradicts(said: Sequence[str], passages: Sequence[str]) -> bool:
    """Whether just one of the sentence and the passage sentence nearest to it is negated."""
    words = set(said) - _NEGATIONS
    nearest: frozenset[str] = frozenset()
    best = 0.0
    for passage in passages:
        for candidate in _sentence_sets(passage):
            shared = len(words & candidate)
            score = shared / math.sqrt(max(1, len(candidate)))
            if score > best:
                best, nearest = score, candidate
    if len(words & nearest) < 0.6 * len(words):
        return False
    return bool(_NEGATIONS & set(said)) != bool(_NEGATIONS & nearest)


@lru_cache(maxsize=2048)
def _term_set(text: str) -> frozenset[str]:
    return frozenset(terms(text))


@lru_cache(maxsize=2048)
def _sentence_sets(text: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(terms(span.text)) for span in sentences(text))


def _plain_weight(term: str) -> float:
    return _FUNCTION_WORD if is_function_word(term) else 1.0
