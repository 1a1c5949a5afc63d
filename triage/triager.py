"""One pass over a message, and everything that is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from inference.embeddings import Encoder, Matrix, TokenEmbeddings, Tokens
from inference.joined import balance
from kit.privacy import Redaction, redact
from kit.text import sentences
from triage.automatic import automatic_origin
from triage.brands import Brands, Named
from triage.calibration import energy
from triage.entities import EntityFinder
from triage.evidence import Pass, Seen, passes, shares, telling
from triage.heads import Heads
from triage.labelled import GROUPS
from triage.labels import Certainty, Evidence, Label, Origin, Priority, Sentiment, Triage
from triage.language import LanguageIdentifier
from triage.marks import groups, probabilities_of
from triage.message import Message
from triage.models import TriageModels, routes
from triage.ngrams import find_ngrams
from triage.priority import prioritise
from triage.reading import Reading, read_message
from triage.risk import certainty_of
from triage.taxonomy import Intent

_RANKED = 5  # intents shown
_RIVALS = 4  # labels that a label is set against when words are weighed
_RAISED = 0.5
_FURTHER = 0.6  # a second intent has to be surer than the first: a sentence alone says less
_SENTENCES = 8
_SENTIMENT_SCORES = dict(zip(Sentiment, (-1.0, -0.5, 0.0, 0.5, 1.0), strict=True))
_UNDETERMINED = "und"  # ISO 639-2 for a language that cannot be told
DEFAULT_PRIORITY = Priority.P3
DEFAULT_RISK = 0.05


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """A message on its way: as it came, what is new in it, that redacted, and then with names replaced."""

    message: Message
    reading: Reading
    redaction: Redaction | None
    named: Named

    @property
    def text(self) -> str:
        """What the models of labels are shown."""
        return self.named.text

    @property
    def own_words(self) -> str:
        """The same with names as they were written: what its language is told by."""
        return self.redaction.text if self.redaction else self.reading.text

    @property
    def original(self) -> str:
        """What evidence quotes."""
        return self.message.text or ""

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]`` stands in the original."""
        place = self.named.before(start, end)
        return self.reading.original_span(*(self.redaction.before(*place) if self.redaction else place))


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the models made of a message; passes are there where evidence was asked for."""

    by_intent: NDArray[np.float64]
    fits: float
    by_mark: NDArray[np.float64]
    of_intent: Pass | None
    of_mark: Pass | None
    further: tuple[Label, ...]


class Triager:
    """Says what messages are; safe to call from several threads.

    ``intents`` tells queue and priority of each label of the intent model; a label that is not there is a
    queue itself, at P3. ``risk`` is the share of automatic routings that may be wrong.
    """

    def __init__(
        self,
        models: TriageModels,
        encoder: Encoder,
        *,
        intents: Mapping[str, Intent] | None = None,
        brands: Brands | None = None,
        entities: EntityFinder | None = None,
        languages: LanguageIdentifier | None = None,
        risk: float = DEFAULT_RISK,
    ) -> None:
        models.intents.check_encoder(encoder)
        self.models = models
        self._encoder = encoder
        self._queues, self._to_queue = routes(models.intents.labels, intents or {})
        self._to_priority = _priorities(models.intents.labels, intents or {})
        self._brands = brands or Brands()
        self._entities = entities or EntityFinder()
        self._languages = languages or LanguageIdentifier()
        self._risk = risk

    def triage(
        self, messages: Sequence[Message], *, evidence: bool = True, today: date | None = None
    ) -> list[Triage]:
        """One ``Triage`` per message, whatever is in it. Dates in messages are relative to ``today``."""
        if not messages:
            return []
        read = [self.read(message) for message in messages]
        texts = [one.text for one in read]
        if evidence or any(_several(text) for text in texts):
            encoded = self._encoder.encode_with_tokens(texts)
        else:
            encoded = TokenEmbeddings(self._encoder.encode(texts), [])
        return self.judge(read, encoded, evidence=evidence, today=today)

    def read(self, message: Message, *, placeholders: Mapping[str, str] | None = None) -> ReadMessage:
        """What ``judge`` takes. With ``placeholders``, personal data is shown to no model.

        It is replaced as ``kit.privacy.redact`` does, by those that ``placeholders`` knows and new ones.
        """
        reading = read_message(message.text, subject=message.subject)
        redaction = None if placeholders is None else redact(reading.text, placeholders)
        return ReadMessage(
            message, reading, redaction, self._brands.name(redaction.text if redaction else reading.text)
        )

    def judge(
        self,
        read: Sequence[ReadMessage],
        encoded: TokenEmbeddings,
        *,
        evidence: bool = True,
        today: date | None = None,
    ) -> list[Triage]:
        """As ``triage``, of messages that are read and whose ``text`` somebody has ``encoded`` already."""
        texts = [one.text for one in read]
        vectors, tokens = encoded.texts, encoded.tokens
        found = find_ngrams(texts)
        intents, marks = self.models.intents, self.models.marks
        of_intents, of_marks = intents.ngrams.matrix(found), marks.ngrams.matrix(found)
        own = intents.joined(texts, TokenEmbeddings(vectors, list(tokens)))
        intent_logits = intents.logits(of_intents, own.texts)
        by_intent = softmax(intent_logits, axis=1)
        by_mark = probabilities_of(marks.logits(of_marks, vectors))
        fits = self._fits(intent_logits)
        further = self._further(texts, own.tokens)
        of_intent: Sequence[Pass | None] = [None] * len(texts)
        of_mark: Sequence[Pass | None] = of_intent
        if evidence:
            of_intent = passes(Seen(texts, own.texts, own.tokens, found), intents.ngrams, of_intents)
            of_mark = passes(Seen(texts, vectors, tokens, found), marks.ngrams, of_marks)
        rows = zip(by_intent, fits.tolist(), by_mark, of_intent, of_mark, further, strict=True)
        return [self._one(one, _Judged(*row), today=today) for one, row in zip(read, rows, strict=True)]

    def _fits(self, intent_logits: NDArray[np.float64]) -> NDArray[np.float64]:
        scope = self.models.intents.scope
        return scope.probability(energy(intent_logits)) if scope else np.ones(len(intent_logits))

    def _one(self, read: ReadMessage, judged: _Judged, *, today: date | None) -> Triage:
        by_intent, fits, by_mark = judged.by_intent, judged.fits, judged.by_mark
        said = _Explainer(read, self.models.intents.heads, self.models.intents.all_weights, judged.of_intent)
        of_marks = _Explainer(read, self.models.marks.heads, self.models.marks.weights, judged.of_mark)
        ranked = self._ranked(by_intent, said)
        queue = self._queue(by_intent, ranked[0].evidence)
        certainty = certainty_of(queue.probability, fits, points=self.models.points, risk=self._risk)
        chosen = {group: by_mark[columns] for group, columns in groups()}
        starts = {group: columns.start for group, columns in groups()}
        signals, urgency = (
            _raised(chosen[group], group, starts[group], of_marks) for group in ("signal", "urgency")
        )
        sentiment = _likeliest(chosen["sentiment"], "sentiment", starts["sentiment"], of_marks)
        by_level = zip(_SENTIMENT_SCORES.values(), chosen["sentiment"].tolist(), strict=True)
        named = {
            name: probability
            for group in ("signal", "urgency")
            for name, probability in zip(GROUPS[group], chosen[group].tolist(), strict=True)
        }
        raised = sorted([*signals, *urgency], key=lambda label: -label.probability)
        return Triage(
            certainty=Certainty.NOT_SURE if read.reading.empty else certainty,
            intent=self._intent(by_intent, ranked),
            in_scope=fits,
            intents=ranked,
            further=tuple(one for one in judged.further if one.name != ranked[0].name),
            queue=queue,
            priority=prioritise(self._usual(by_intent), named, raised),
            sentiment=sentiment,
            sentiment_score=sum(score * probability for score, probability in by_level),
            origin=_origin(read.message, _likeliest(chosen["origin"], "origin", starts["origin"], of_marks)),
            language=self._language(read.own_words),
            signals=signals,
            urgency=urgency,
            entities=self._entities.find(read.original, today=today),
            model=self.models.version,
        )

    def _ranked(self, by_intent: NDArray[np.float64], said: _Explainer) -> tuple[Label, ...]:
        order = np.argsort(-by_intent, kind="stable")[:_RANKED].tolist()
        labels = self.models.intents.labels
        found = [Label(labels[place], float(by_intent[place])) for place in order]
        against = {place: float(by_intent[place]) for place in order[: _RIVALS + 1]}
        first = replace(found[0], evidence=said.words_for(order[0], against=against))
        return (first, *found[1:])

    def _intent(self, by_intent: NDArray[np.float64], ranked: Sequence[Label]) -> Label:
        """The likeliest leaf if it is likelier than not, else its parent if that is, else the leaf."""
        first = ranked[0]
        parent = first.name.rpartition(".")[0]
        if first.probability >= _RAISED or not parent:
            return first
        own = [label.startswith(f"{parent}.") for label in self.models.intents.labels]
        together = float(by_intent[np.array(own)].sum())
        return Label(parent, together, first.evidence) if together >= _RAISED else first

    def _queue(self, by_intent: NDArray[np.float64], evidence: tuple[Evidence, ...]) -> Label:
        by_queue = by_intent @ self._to_queue
        place = int(by_queue.argmax())
        return Label(self._queues[place], min(float(by_queue[place]), 1.0), evidence)

    def _usual(self, by_intent: NDArray[np.float64]) -> dict[Priority, float]:
        return dict(zip(Priority, (by_intent @ self._to_priority).tolist(), strict=True))

    def _language(self, text: str) -> Label:
        guess = self._languages.identify(text)
        return Label(guess.code or _UNDETERMINED, guess.confidence)

    def _further(self, texts: Sequence[str], tokens: Sequence[Tokens]) -> list[tuple[Label, ...]]:
        """For each text the intents of its sentences, from the token states of the same pass."""
        pieces: list[str] = []
        vectors: list[Matrix] = []
        owners: list[int] = []
        for number, text in enumerate(texts):
            if not tokens or not _several(text) or not len(tokens[number].states):
                continue
            for span in sentences(text)[:_SENTENCES]:
                vector = _pooled(tokens[number], span.start, span.end)
                if vector is not None:
                    pieces.append(span.text)
                    vectors.append(vector)
                    owners.append(number)
        found: list[dict[str, float]] = [{} for _ in texts]
        if pieces:
            intents, stacked = self.models.intents, np.stack(vectors)
            counted = intents.ngrams.matrix(find_ngrams(pieces))
            logits = intents.logits(counted, stacked if intents.own is None else balance(stacked))
            for owner, row, fit in zip(owners, softmax(logits, axis=1), self._fits(logits), strict=True):
                name, probability = self.models.intents.labels[int(row.argmax())], float(row.max() * fit)
                if probability >= _FURTHER:
                    found[owner][name] = max(probability, found[owner].get(name, 0.0))
        return [
            tuple(Label(name, own[name]) for name in sorted(own, key=lambda name: (-own[name], name)))
            for own in found
        ]


class _Explainer:
    """Says which words speak for a label; nothing, where nobody asked for evidence."""

    def __init__(
        self, read: ReadMessage, heads: Heads, weights: NDArray[np.float64], of_pass: Pass | None
    ) -> None:
        self._read = read
        self._heads = heads
        self._weights = weights
        self._pass = of_pass

    def words_for(self, label: int, *, against: Mapping[int, float] | None = None) -> tuple[Evidence, ...]:
        """Evidence for the label at a place; ``against`` are labels that exclude one another, with it."""
        if self._pass is None or self._read.reading.empty:
            return ()
        toward = contrast(label, against or {}, number=self._weights.shape[1])
        by_character = shares(self._pass, self._heads, self._weights, toward)
        return telling(self._read.text, by_character, self._read.locate, self._read.original)


def _priorities(labels: Sequence[str], intents: Mapping[str, Intent]) -> NDArray[np.float64]:
    """(labels, priorities), ones and zeros."""
    usual = [intents[label].priority if label in intents else DEFAULT_PRIORITY for label in labels]
    return np.array([[level is own for level in Priority] for own in usual], np.float64)


def contrast(label: int, probabilities: Mapping[int, float], *, number: int) -> NDArray[np.float64]:
    """What a logit is set against: nothing, or the mean of those of the labels that exclude it.

    ``probabilities`` are theirs, by place; the result has ``number`` weights, as ``evidence.shares`` takes.
    """
    weights = np.zeros(number)
    others = {place: value for place, value in probabilities.items() if place != label}
    total = sum(others.values())
    for place, value in others.items():
        weights[place] = -value / total if total > 0 else -1 / len(others)
    weights[label] = 1.0
    return weights


def _raised(
    probabilities: NDArray[np.float64], group: str, start: int, said: _Explainer
) -> tuple[Label, ...]:
    """Every label of ``group`` that is likelier than not, likeliest first."""
    order = [
        place
        for place in np.argsort(-probabilities, kind="stable").tolist()
        if probabilities[place] >= _RAISED
    ]
    return tuple(
        Label(GROUPS[group][place], float(probabilities[place]), said.words_for(start + place))
        for place in order
    )


def _likeliest(probabilities: NDArray[np.float64], group: str, start: int, said: _Explainer) -> Label:
    place = int(probabilities.argmax())
    against = {start + number: float(value) for number, value in enumerate(probabilities)}
    return Label(
        GROUPS[group][place], float(probabilities[place]), said.words_for(start + place, against=against)
    )


def _origin(message: Message, read: Label) -> Label:
    """What an e-mail's headers say is certain; what its words say is likely."""
    declared = automatic_origin(message.headers) if message.headers else None
    return Label(declared, 1.0) if declared is not None and declared is not Origin.CUSTOMER else read


def _several(text: str) -> bool:
    """Whether there may be more than one sentence; cheap, for most messages are one."""
    return any(mark in text[:-1] for mark in ".!?\n…。！？")


def _pooled(tokens: Tokens, start: int, end: int) -> Matrix | None:
    inside = (tokens.offsets[:, 0] < end) & (tokens.offsets[:, 1] > start)
    if not inside.any():
        return None
    mean = tokens.states[inside].mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)
