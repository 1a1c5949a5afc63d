"""Two documents that seem to say the same of the same thing, but with another number, date or price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from inference.embeddings import Matrix
from kit.text import Span, sentences, words
from knowledge_base.lint.corpus import Corpus
from knowledge_base.lint.facts import Facts, facts_of, names_in
from knowledge_base.lint.finding import Finding, FindingKind
from knowledge_base.lint.neighbours import Pair

ABOUT_THE_SAME = 0.6  # cosine from which two passages are about the same subject
_SAME_STATEMENT = 0.6  # cosine of two sentences, each read within its passage
_SHARED_TOPIC = 0.5  # share of the shorter sentence's telling words that the other has too
_FEWEST_SHARED = 2
_LEAST_SCORE = 0.45  # cosine times shared topic; on the sample help centre nothing below was worth a look

_facts_of = lru_cache(maxsize=100_000)(facts_of)


def candidates(corpus: Corpus, pairs: Sequence[Pair]) -> list[Pair]:
    """Pairs with a fact of one kind in both passages: only those are worth reading sentence by sentence."""
    kinds = [frozenset(_facts_of(passage.text).values) for passage in corpus.passages]
    return [pair for pair in pairs if pair.cosine >= ABOUT_THE_SAME and kinds[pair.left] & kinds[pair.right]]


def contradictions(
    corpus: Corpus, pairs: Sequence[Pair], sentence_vectors: Mapping[int, Matrix]
) -> list[Finding]:
    """One finding for each pair of passages, of the two sentences that are most alike and yet differ."""
    found: list[Finding] = []
    for pair in pairs:
        best = max(
            _conflicts(corpus, pair, sentence_vectors), key=lambda finding: finding.score, default=None
        )
        if best is not None:
            found.append(best)
    return found


def _conflicts(corpus: Corpus, pair: Pair, vectors: Mapping[int, Matrix]) -> Iterator[Finding]:
    left, right = corpus.passages[pair.left], corpus.passages[pair.right]
    first, second = corpus.documents[left.document], corpus.documents[right.document]
    if names_in(f"{first.title} {left.headings}") != names_in(f"{second.title} {right.headings}"):
        return  # "Fibre 100" and "Fibre 500" may well cost different sums
    cosines = vectors[left.id] @ vectors[right.id].T if left.id in vectors and right.id in vectors else None
    for row, one in enumerate(sentences(left.text)):
        facts = _facts_of(one.text)
        if not facts.values:
            continue
        for column, other in enumerate(sentences(right.text)):
            cosine = float(cosines[row, column]) if cosines is not None else 1.0
            if cosine < _SAME_STATEMENT:
                continue
            slots = _differing(facts, _facts_of(other.text))
            score = min(cosine * _shared_topic(facts, _facts_of(other.text)), 1.0)
            if slots and score >= _LEAST_SCORE and _row_of(one.text) == _row_of(other.text):
                places = first.place(one.text), second.place(other.text)
                yield Finding(FindingKind.CONTRADICTION, places, _reason(one, other, slots), score)


def _differing(one: Facts, other: Facts) -> list[str]:
    """What both count, with no value in common, if they speak of the same thing."""
    if one.names != other.names or _shared_topic(one, other) < _SHARED_TOPIC:
        return []
    return sorted(
        slot for slot in one.values.keys() & other.values.keys() if not one.values[slot] & other.values[slot]
    )


def _row_of(sentence: str) -> list[str] | None:
    """What a row of a table is about, as its first cell says; none for a sentence that is no row."""
    return words(sentence.split("|")[1]) if sentence.startswith("|") else None


def _shared_topic(one: Facts, other: Facts) -> float:
    shared = len(one.topic & other.topic)
    if shared < _FEWEST_SHARED:
        return 0.0
    return shared / min(len(one.topic), len(other.topic))


def _reason(one: Span, other: Span, slots: Sequence[str]) -> str:
    differing = []
    for slot in slots:
        kind, _, unit = slot.partition(" ")
        money = unit if kind == "money" else ""
        after = f" {unit}" if unit and not money else ""
        shown = [
            " or ".join(sorted(f"{money}{value}" for value in _facts_of(span.text).values[slot])) + after
            for span in (one, other)
        ]
        differing.append(f"{shown[0]} against {shown[1]}")
    return f"Two documents seem to say the same with different figures: {'; '.join(differing)}."
