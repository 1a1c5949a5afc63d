"""Whether a passage says what a sentence says: a support score from words, numbers, names and negation."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from bot.wording import is_function_word, terms
from kit.text import sentences

Weight = Callable[[str], float]

_NEGATIONS = frozenset({"not", "no", "never", "none", "nor", "neither", "nothing", "nobody", "cannot"})
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|i'd|my|mine|myself)\b", re.IGNORECASE)
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
# its other words are there: what each takes off the log-odds. A sentence that is there word for word has 5.8.
_WRONG_NUMBER = 7.0
_WRONG_NEGATION = 7.0
_UNKNOWN_NAME = 1.5
_OPINION = 1.0
_QUESTION = 1.0
_FEWEST_WORDS = 4  # in fewer, two sentences share all words by chance
_SAME_SENTENCE = 0.8  # share of words from which a passage's sentence is about the same


@dataclass(frozen=True, slots=True)
class Support:
    """How far a passage supports a sentence.

    ``score`` in [0, 1]; ``coverage`` is the weighted share of the sentence's words that the passage has.
    ``numbers`` and ``names`` are those the passage lacks; ``negation`` is true when exactly one of sentence
    and passage says no.
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
    odds = _SLOPE * (coverage - _MISSING_PENALTY * missing) + _INTERCEPT - _penalty(sentence, found, known)
    score = 1.0 / (1.0 + math.exp(-max(-30.0, odds)))
    return replace(found, score=score)


def _penalty(sentence: str, found: Support, known: frozenset[str]) -> float:
    penalty = _UNKNOWN_NAME * len(found.names)
    if found.numbers:
        penalty += _WRONG_NUMBER
    if found.negation:
        penalty += _WRONG_NEGATION
    if "i" not in known and _FIRST_PERSON.search(sentence):
        penalty += _OPINION
    if sentence.rstrip().endswith("?"):
        penalty += _QUESTION
    return penalty


def _unknown_names(sentence: str, known: frozenset[str]) -> tuple[str, ...]:
    """Capitalised words inside a sentence that the passages do not have."""
    candidates = {match.group(1) for match in _NAME.finditer(sentence)}
    return tuple(sorted(name for name in candidates if any(term not in known for term in terms(name))))


def _contradicts(said: Sequence[str], passages: Sequence[str]) -> bool:
    """Whether the passages say the same of everything but a "not", and nowhere the same with it."""
    words = frozenset(said) - _NEGATIONS
    if len(words) < _FEWEST_WORDS:
        return False
    denied = _denied(said)
    verdicts = [
        bool((denied & others) - denied_there or (denied_there & words) - denied)
        for passage in passages
        for others, denied_there in _sentence_sets(passage)
        if len(words & others) >= _SAME_SENTENCE * len(words)
    ]
    return bool(verdicts) and all(verdicts)


def _denied(said: Sequence[str]) -> frozenset[str]:
    """The words that follow a "not": what is denied, in "not only" nothing that matters."""
    return frozenset(after for word, after in pairwise(said) if word in _NEGATIONS)


@lru_cache(maxsize=2048)
def _term_set(text: str) -> frozenset[str]:
    return frozenset(terms(text))


@lru_cache(maxsize=2048)
def _sentence_sets(text: str) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    """Of each sentence, its words and the denied ones."""
    said = [terms(span.text) for span in sentences(text)]
    return tuple((frozenset(words), _denied(words)) for words in said)


def _plain_weight(term: str) -> float:
    return _FUNCTION_WORD if is_function_word(term) else 1.0
