"""Documents that say the same, and passages that nearly do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from kit.text import words
from knowledge_base.document import DocumentKind
from knowledge_base.lint.corpus import Corpus, LintedDocument
from knowledge_base.lint.finding import Finding, FindingKind
from knowledge_base.lint.neighbours import Pair

NEAR = 0.9  # cosine from which two passages are compared word by word
_SHINGLE = 3  # words; the usual choice for short texts (Manning et al., Information Retrieval, 19.6)
_ALIKE = 0.6  # Jaccard coefficient of their shingles from which two passages nearly say the same
_SHORTEST = 8  # words; shorter passages are alike by chance


def duplicates(documents: Iterable[LintedDocument]) -> list[Finding]:
    """Documents with the same words in the same order, whatever their titles."""
    groups: dict[tuple[str, ...], list[LintedDocument]] = defaultdict(list)
    for document in documents:
        said = tuple(words(document.text))
        if len(said) >= _SHORTEST:
            groups[said].append(document)
    return [
        Finding(
            FindingKind.DUPLICATE,
            tuple(document.place() for document in group),
            f"{len(group)} documents have the same text: a change to one will be missed in the other.",
        )
        for group in groups.values()
        if len(group) > 1
    ]


def repeated_questions(documents: Iterable[LintedDocument]) -> list[Finding]:
    """Questions that are asked twice and answered differently."""
    groups: dict[tuple[str, ...], list[LintedDocument]] = defaultdict(list)
    for document in documents:
        if document.kind is DocumentKind.QUESTION_ANSWER:
            groups[tuple(words(document.title))].append(document)
    return [
        Finding(
            FindingKind.NEAR_DUPLICATE,
            tuple(document.place(document.text) for document in group),
            f"The same question is answered {len(group)} times, in different words.",
        )
        for group in groups.values()
        if len({tuple(words(document.text)) for document in group}) > 1
    ]


def near_duplicates(corpus: Corpus, pairs: Iterable[Pair]) -> list[Finding]:
    """Documents that share passages word for word, or nearly; one finding for two documents."""
    alike: dict[tuple[int, int], list[tuple[float, Pair]]] = defaultdict(list)
    for pair in pairs:
        if pair.cosine >= NEAR:
            likeness = _likeness(corpus.passages[pair.left].text, corpus.passages[pair.right].text)
            if likeness >= _ALIKE:
                owners = corpus.passages[pair.left].document, corpus.passages[pair.right].document
                alike[min(owners), max(owners)].append((likeness, pair))
    return [_near_duplicate(corpus, owners, found) for owners, found in alike.items()]


def _near_duplicate(corpus: Corpus, owners: tuple[int, int], found: list[tuple[float, Pair]]) -> Finding:
    likeness, best = max(found, key=lambda item: item[0])
    shown = sorted((corpus.passages[best.left], corpus.passages[best.right]), key=lambda one: one.document)
    first, second = (corpus.documents[owner] for owner in owners)
    many = len({pair.left for _, pair in found})
    what = "a passage that is" if many == 1 else f"{many} passages that are"
    return Finding(
        FindingKind.NEAR_DUPLICATE,
        (first.place(shown[0].text), second.place(shown[1].text)),
        f"“{first.title}” and “{second.title}” share {what} nearly the same ({likeness:.0%} of the wording).",
        likeness,
    )


def _likeness(left: str, right: str) -> float:
    """Jaccard coefficient of the shingles of two texts, 0 where one is too short to tell."""
    one, other = _shingles(left), _shingles(right)
    return len(one & other) / len(one | other) if one and other else 0.0


def _shingles(text: str) -> set[tuple[str, ...]]:
    said = words(text)
    if len(said) < _SHORTEST:
        return set()
    return {tuple(said[start : start + _SHINGLE]) for start in range(len(said) - _SHINGLE + 1)}
