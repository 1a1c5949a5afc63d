"""What the models make of messages: before the encoder has read them, and once it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.embeddings import TokenEmbeddings
from inference.joined import balance
from triage.calibration import energy, softmax
from triage.evidence import Asked, ByWord, Telling, ngrams_by_word, telling, tokens_by_word, words_of
from triage.explanation import asked_of
from triage.heads import Matrix, Scores
from triage.labels import Label
from triage.marks import probabilities_of
from triage.marks_shown import Holding
from triage.models import TriageModels
from triage.sentence_intents import Sentences
from triage.spans import FlatTokens, Spans
from triage.spotting import Vocabulary

_RANKED = 5  # intents shown; the first is set against the others when words are weighed
_FURTHER = 0.6  # a second intent has to be surer than the first: a sentence alone says less
_INTENTS, _MARKS = 0, 1  # models by their place in the vocabulary


@dataclass(frozen=True, slots=True)
class Words:
    """The words of messages, and what their n-grams add to each label: (words, labels) of each model."""

    spans: Spans
    of_intents: Matrix
    of_marks: Matrix


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of messages before the encoder has read them; words where evidence is asked for.

    ``of_intents`` are what the second head says of messages and then of their ``sentences``, ``of_marks`` of
    messages.
    """

    texts: Sequence[str]
    sentences: Sentences
    of_intents: Scores
    of_marks: Scores
    words: Words | None


@dataclass(slots=True)
class Judged:
    """What the models made of a message: probabilities, by place, and which words speak for what is shown."""

    by_intent: list[float]
    ranked: list[int]
    fits: float
    by_mark: list[float]
    holding: Holding
    further: tuple[Label, ...]
    of_intent: list[Telling] = field(default_factory=list)
    of_marks: dict[int, list[Telling]] = field(default_factory=dict)


class Judge:
    """Both models at work; safe to call from several threads."""

    def __init__(self, models: TriageModels) -> None:
        self._intents, self._marks = models.intents, models.marks
        self._vocabulary = Vocabulary(models.intents.ngrams, models.marks.ngrams)
        self._intent_weights = models.intents.all_weights

    def beside(self, texts: Sequence[str], *, evidence: bool) -> Beside:
        """What needs no encoder."""
        sentences = Sentences.of(texts)
        spotted = self._vocabulary.spot(texts, sentences.spans)
        heads = self._intents.heads, self._marks.heads
        counted = [
            self._vocabulary.counted(cells, model)
            for model, cells in enumerate((spotted.cells, spotted.cells.first(len(texts))))
        ]
        scores = [own.of_ngrams(one.matrix) for own, one in zip(heads, counted, strict=True)]
        words = None
        if evidence:
            spans = words_of(texts)
            overlaps = spans.overlaps(spotted.message, spotted.start, spotted.end)
            by_model = zip(counted, heads, strict=True)
            words = Words(spans, *(ngrams_by_word(spotted, one, overlaps, own) for one, own in by_model))
        return Beside(texts, sentences, *scores, words)

    def judged(self, beside: Beside, encoded: TokenEmbeddings, wordy: Sequence[bool]) -> list[Judged]:
        """All that is said of the messages that were ``encoded``; evidence of those that are ``wordy``."""
        intents, texts = self._intents, beside.texts
        own = intents.joined(texts, encoded)
        tokens = FlatTokens.of(own.tokens) if own.tokens else None
        read, vectors = self._sentences(beside, own, tokens)
        nearest = intents.heads.nearest(vectors)
        rows = np.concatenate([np.arange(len(texts)), len(texts) + read])
        logits = intents.combined(intents.heads.together(vectors, beside.of_intents[rows], nearest))
        probabilities, fits = softmax(logits), self._fits(logits)
        of_marks = self._marks.heads
        vectors = np.asarray(encoded.texts, np.float32)
        no_one = of_marks.nearest(vectors)
        by_mark = probabilities_of(
            self._marks.combined(of_marks.together(vectors, beside.of_marks, no_one))
        ).tolist()
        ranked = np.argsort(-probabilities[: len(texts)], axis=1, kind="stable")[:, :_RANKED].tolist()
        further = self._further(beside.sentences.owner[read], probabilities, fits, number=len(texts))
        found = [
            Judged(*one, Holding.of(one[-1]), more)
            for *one, more in zip(
                probabilities[: len(texts)].tolist(), ranked, fits.tolist(), by_mark, further
            )
        ]
        if beside.words is not None and tokens is not None:
            words, heads = beside.words, intents.heads
            of_tokens = tokens_by_word(tokens, words.spans)
            explained = (
                ByWord(words.spans, words.of_intents, of_tokens, heads, self._intent_weights, nearest),
                ByWord(
                    words.spans,
                    words.of_marks,
                    of_tokens
                    if own is encoded
                    else tokens_by_word(FlatTokens.of(encoded.tokens), words.spans),
                    of_marks,
                    self._marks.weights,
                    no_one,
                ),
            )
            _explain(found, explained, wordy)
        return found

    def _sentences(
        self, beside: Beside, own: TokenEmbeddings, tokens: FlatTokens | None
    ) -> tuple[NDArray[np.intp], Matrix]:
        """Numbers of the sentences that were read, and vectors of messages and then of those."""
        vectors = np.asarray(own.texts, np.float32)
        if tokens is None or not len(beside.sentences.owner):
            return np.zeros(0, np.intp), vectors
        read, sums = beside.sentences.seen(tokens)
        sums = sums if self._intents.own is None else balance(sums)
        return read, np.concatenate([vectors, sums])

    def _fits(self, intent_logits: NDArray[np.float64]) -> NDArray[np.float64]:
        scope = self._intents.scope
        return scope.probability(energy(intent_logits)) if scope else np.ones(len(intent_logits))

    def _further(
        self,
        owner: NDArray[np.intp],
        probabilities: NDArray[np.float64],
        fits: NDArray[np.float64],
        *,
        number: int,
    ) -> list[tuple[Label, ...]]:
        """For each of ``number`` messages the intents of its sentences, which come after them."""
        found: list[dict[str, float]] = [{} for _ in range(number)]
        own = probabilities[number:]
        best = own.argmax(axis=1)
        sure = own[np.arange(len(own)), best] * fits[number:]
        for message, place, probability in zip(owner.tolist(), best.tolist(), sure.tolist(), strict=True):
            if probability >= _FURTHER:
                name = self._intents.labels[place]
                found[message][name] = max(probability, found[message].get(name, 0.0))
        return [
            tuple(Label(name, own[name]) for name in sorted(own, key=lambda name: (-own[name], name)))
            for own in found
        ]


def _explain(found: Sequence[Judged], explained: tuple[ByWord, ByWord], wordy: Sequence[bool]) -> None:
    """Say which words speak for the first intent and for the marks that are shown."""
    intents, marks = explained
    of_intents = [
        {one.ranked[0]: {place: one.by_intent[place] for place in one.ranked}} if own else {}
        for one, own in zip(found, wordy, strict=True)
    ]
    of_marks = [
        one.holding.contrasts(one.by_mark) if own else {} for one, own in zip(found, wordy, strict=True)
    ]
    asked: list[Asked] = [
        asked_of(shown, number=model.weights.shape[1])
        for shown, model in ((of_intents, intents), (of_marks, marks))
    ]
    gains = intents.gains(asked[0]) + marks.gains(asked[1])
    told = iter(telling(intents.words, np.concatenate([one.message for one in asked]), gains))
    for message in asked[0].message.tolist():
        found[message].of_intent = next(told)
    for one, shown in zip(found, of_marks, strict=True):
        one.of_marks = {place: next(told) for place in shown}
