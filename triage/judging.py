"""What the models make of messages: before the encoder has read them, and once it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.embeddings import TokenEmbeddings
from inference.joined import balance
from triage.calibration import energy, softmax
from triage.evidence import ByWord, Telling, ngrams_by_word, telling, words_of
from triage.explanation import asked_of
from triage.heads import Matrix, Scores
from triage.labels import Label
from triage.marks import probabilities_of
from triage.marks_shown import Holding
from triage.models import TriageModels
from triage.scoring import Scorer
from triage.sentence_intents import sentences_of
from triage.spans import Offsets, Pooling, Spans
from triage.spotting import Vocabulary

_RANKED = 5  # intents shown; the first is set against the others when words are weighed
_FURTHER = 0.6  # a second intent has to be surer than the first: a sentence alone says less
_INTENTS, _MARKS = 0, 1  # models by their place in the vocabulary


@dataclass(frozen=True, slots=True)
class Words:
    """The words of messages, and what their n-grams add to each logit: (words, labels) of each model."""

    spans: Spans
    of_intents: Matrix
    of_marks: Matrix


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of messages before the encoder has read them; words where evidence is asked for.

    ``of_intents`` are what n-grams say of messages and then of their sentences, ``of_marks`` of messages.
    """

    texts: Sequence[str]
    pooling: Pooling
    owner: NDArray[np.intp]  # the message of each sentence
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
        intents, marks = models.intents, models.marks
        self._model = intents
        self._vocabulary = Vocabulary(intents.ngrams, marks.ngrams)
        self._intents = Scorer(intents.heads, intents.all_weights)
        self._marks = Scorer(marks.heads, marks.weights, marks.bias)

    def beside(self, texts: Sequence[str], offsets: Sequence[Offsets], *, evidence: bool) -> Beside:
        """What needs no encoder but the ``offsets`` of its tokens."""
        sentences = sentences_of(texts)
        spotted = self._vocabulary.spot(texts, sentences)
        of_intents = self._vocabulary.counted(spotted.cells, _INTENTS)
        of_marks = self._vocabulary.counted(spotted.cells.first(len(texts)), _MARKS)
        words, spans = None, Spans.none(texts)
        if evidence:
            spans = words_of(texts)
            overlaps = spans.overlaps(spotted.message, spotted.start, spotted.end)
            by_intent = ngrams_by_word(spotted, of_intents, overlaps, self._intents)
            words = Words(spans, by_intent, ngrams_by_word(spotted, of_marks, overlaps, self._marks))
        return Beside(
            texts,
            Pooling(offsets, spans, sentences),
            sentences.message,
            self._intents.of_ngrams(of_intents.matrix),
            self._marks.of_ngrams(of_marks.matrix),
            words,
        )

    def judged(self, beside: Beside, encoded: TokenEmbeddings, wordy: Sequence[bool]) -> list[Judged]:
        """All that is said of the messages that were ``encoded``; evidence of those that are ``wordy``."""
        number, own = len(beside.texts), self._model.joined(beside.texts, encoded)
        by_word, sentences = beside.pooling(own.tokens)
        vectors = self._vectors(own, sentences)
        read = np.concatenate([np.arange(number), number + beside.pooling.read])
        nearest = self._intents.nearest(vectors)
        logits = self._intents.logits(vectors, beside.of_intents[read], nearest)
        by_intent, fits = softmax(logits), self._fits(logits)
        plain = np.asarray(encoded.texts, np.float32)
        near_marks = self._marks.nearest(plain)
        by_mark = probabilities_of(self._marks.logits(plain, beside.of_marks, near_marks))
        ranked = np.argsort(-by_intent[:number], axis=1, kind="stable")[:, :_RANKED]
        further = self._further(beside, by_intent, fits)
        columns = (by_intent[:number], ranked, fits[:number], by_mark)
        each = zip(*(column.tolist() for column in columns), further, strict=True)
        found = [
            Judged(intents, places, fit, marks, Holding.of(marks), more)
            for intents, places, fit, marks, more in each
        ]
        if beside.words is not None:
            words, plainly = beside.words, by_word if own is encoded else beside.pooling(encoded.tokens)[0]
            self._explain(
                found,
                ByWord(words.spans, words.of_intents, by_word, nearest),
                ByWord(words.spans, words.of_marks, plainly, near_marks),
                wordy,
            )
        return found

    def _vectors(self, own: TokenEmbeddings, sentences: Matrix) -> Matrix:
        """Of messages and then of their sentences."""
        vectors = np.asarray(own.texts, np.float32)
        if not len(sentences):
            return vectors
        balanced = sentences if self._model.own is None else balance(sentences)
        return np.concatenate([vectors, balanced])

    def _explain(
        self, found: Sequence[Judged], intents: ByWord, marks: ByWord, wordy: Sequence[bool]
    ) -> None:
        """Say which words speak for the first intent and for the marks that are shown."""
        of_intents = [
            {one.ranked[0]: {place: one.by_intent[place] for place in one.ranked}} if own else {}
            for one, own in zip(found, wordy, strict=True)
        ]
        of_marks = [
            one.holding.contrasts(one.by_mark) if own else {} for one, own in zip(found, wordy, strict=True)
        ]
        asked = asked_of(of_intents, number=self._intents.number)
        more_asked = asked_of(of_marks, number=self._marks.number)
        gains = intents.gains(asked, self._intents) + marks.gains(more_asked, self._marks)
        told = iter(telling(intents.words, np.concatenate([asked.message, more_asked.message]), gains))
        for message in asked.message.tolist():
            found[message].of_intent = next(told)
        for one, shown in zip(found, of_marks, strict=True):
            one.of_marks = {place: next(told) for place in shown}

    def _fits(self, intent_logits: NDArray[np.float64]) -> NDArray[np.float64]:
        scope = self._model.scope
        return scope.probability(energy(intent_logits)) if scope else np.ones(len(intent_logits))

    def _further(
        self, beside: Beside, by_intent: NDArray[np.float64], fits: NDArray[np.float64]
    ) -> list[tuple[Label, ...]]:
        """For each message the intents of its sentences, which come after the messages."""
        number, owner = len(beside.texts), beside.owner[beside.pooling.read]
        found: list[dict[str, float]] = [{} for _ in range(number)]
        own = by_intent[number:]
        best = own.argmax(axis=1)
        sure = own[np.arange(len(own)), best] * fits[number:]
        for message, place, probability in zip(owner.tolist(), best.tolist(), sure.tolist(), strict=True):
            if probability >= _FURTHER:
                name = self._model.labels[place]
                found[message][name] = max(probability, found[message].get(name, 0.0))
        return [
            tuple(Label(name, own[name]) for name in sorted(own, key=lambda name: (-own[name], name)))
            for own in found
        ]
