"""One pass over a message, and everything that is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from inference.embeddings import Encoder, TokenEmbeddings, Tokens, begun, grouped, whole
from inference.joined import balance
from kit.privacy import Redaction, redact
from triage.automatic import automatic_origin
from triage.brands import Brands, Named
from triage.calibration import energy, softmax
from triage.entities import Entity, EntityFinder
from triage.evidence import Pass, Seen, passes
from triage.explanation import Explainer
from triage.labels import Certainty, Label, Origin, Priority, Triage
from triage.language import LanguageIdentifier
from triage.marks import probabilities_of
from triage.marks_shown import RAISED, MarksShown
from triage.message import Message
from triage.models import TriageModels, routes
from triage.ngrams import Found, find_ngrams
from triage.priority import prioritise
from triage.reading import Reading, read_message
from triage.risk import certainty_of
from triage.sentence_intents import Sentences
from triage.taxonomy import Intent

_RANKED = 5  # intents shown
_RIVALS = 4  # labels that a label is set against when words are weighed
_FURTHER = 0.6  # a second intent has to be surer than the first: a sentence alone says less
# Messages judged together while the encoder is at the next: fewer make arrays that are not worth it, of
# more the last ones are judged when nothing runs beside them any more.
_AT_ONCE = 32
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
class _Beside:
    """What is found in messages without the encoder, while it works: its n-grams, and what no model says."""

    found: Found
    of_intents: csr_matrix
    of_marks: csr_matrix
    sentences: Sentences
    languages: list[Label]
    entities: list[tuple[Entity, ...]]


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the models made of a message; passes are there where evidence was asked for."""

    by_intent: list[float]
    by_queue: list[float]
    by_priority: list[float]
    fits: float
    by_mark: list[float]
    of_intent: Pass | None
    of_mark: Pass | None
    further: tuple[Label, ...]
    language: Label
    entities: tuple[Entity, ...]


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
        self._intent_weights = models.intents.all_weights

    def triage(
        self, messages: Sequence[Message], *, evidence: bool = True, today: date | None = None
    ) -> list[Triage]:
        """One ``Triage`` per message, whatever is in it. Dates in messages are relative to ``today``."""
        if not messages:
            return []
        read = [self.read(message) for message in messages]
        with begun(self._encoder, [one.text for one in read]) as parts:
            if len(read) <= _AT_ONCE:
                beside = self._beside(read, today)
                return self._judged(read, beside, whole(parts), evidence=evidence)
            found: dict[int, Triage] = {}
            for part in grouped(parts, _AT_ONCE):
                own = [read[place] for place in part.places]
                said = self.judge(own, part.encoded, evidence=evidence, today=today)
                found.update(zip(part.places, said, strict=True))
        return [found[place] for place in range(len(read))]

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
        return self._judged(read, self._beside(read, today), encoded, evidence=evidence)

    def _beside(self, read: Sequence[ReadMessage], today: date | None) -> _Beside:
        texts = [one.text for one in read]
        found = find_ngrams(texts)
        intents, marks = self.models.intents, self.models.marks
        return _Beside(
            found,
            intents.ngrams.matrix(found),
            marks.ngrams.matrix(found),
            Sentences.of(texts, intents.ngrams),
            [self._language(one.own_words) for one in read],
            [self._entities.find(one.original, today=today) for one in read],
        )

    def _judged(
        self, read: Sequence[ReadMessage], beside: _Beside, encoded: TokenEmbeddings, *, evidence: bool
    ) -> list[Triage]:
        texts = [one.text for one in read]
        intents, marks = self.models.intents, self.models.marks
        own = intents.joined(texts, encoded)
        logits = intents.logits(beside.of_intents, own.texts)
        by_intent = softmax(logits)
        by_mark = probabilities_of(marks.logits(beside.of_marks, encoded.texts))
        of_intent: Sequence[Pass | None] = [None] * len(texts)
        of_mark: Sequence[Pass | None] = of_intent
        if evidence:
            of_intent = passes(
                Seen(texts, own.texts, own.tokens, beside.found), intents.ngrams, beside.of_intents
            )
            of_mark = passes(
                Seen(texts, encoded.texts, encoded.tokens, beside.found), marks.ngrams, beside.of_marks
            )
        rows = zip(
            by_intent.tolist(),
            (by_intent @ self._to_queue).tolist(),
            (by_intent @ self._to_priority).tolist(),
            self._fits(logits).tolist(),
            by_mark.tolist(),
            of_intent,
            of_mark,
            self._further(beside, own.tokens),
            beside.languages,
            beside.entities,
            strict=True,
        )
        return [self._one(one, _Judged(*row)) for one, row in zip(read, rows, strict=True)]

    def _fits(self, intent_logits: NDArray[np.float64]) -> NDArray[np.float64]:
        scope = self.models.intents.scope
        return scope.probability(energy(intent_logits)) if scope else np.ones(len(intent_logits))

    def _one(self, read: ReadMessage, judged: _Judged) -> Triage:
        intents, marks = self.models.intents, self.models.marks
        words = not read.reading.empty
        said, of_marks = (
            Explainer(one if words else None, heads, weights, read.locate, read.original)
            for one, heads, weights in (
                (judged.of_intent, intents.heads, self._intent_weights),
                (judged.of_mark, marks.heads, marks.weights),
            )
        )
        ranked = self._ranked(judged.by_intent, said)
        place = _first(judged.by_queue)
        queue = Label(self._queues[place], min(judged.by_queue[place], 1.0), ranked[0].evidence)
        certainty = certainty_of(queue.probability, judged.fits, points=self.models.points, risk=self._risk)
        shown = MarksShown.of(judged.by_mark, of_marks)
        return Triage(
            certainty=certainty if words else Certainty.NOT_SURE,
            intent=self._intent(judged.by_intent, ranked),
            in_scope=judged.fits,
            intents=ranked,
            further=tuple(one for one in judged.further if one.name != ranked[0].name),
            queue=queue,
            priority=prioritise(
                dict(zip(Priority, judged.by_priority, strict=True)), shown.reasons, shown.raised
            ),
            sentiment=shown.sentiment,
            sentiment_score=shown.sentiment_score,
            origin=_origin(read.message, shown.origin),
            language=judged.language,
            signals=shown.signals,
            urgency=shown.urgency,
            entities=judged.entities,
            model=self.models.version,
        )

    def _ranked(self, by_intent: Sequence[float], said: Explainer) -> tuple[Label, ...]:
        order = sorted(range(len(by_intent)), key=by_intent.__getitem__, reverse=True)[:_RANKED]
        labels = self.models.intents.labels
        words = said.words_for({order[0]: {place: by_intent[place] for place in order[: _RIVALS + 1]}})
        return tuple(Label(labels[place], by_intent[place], words.get(place, ())) for place in order)

    def _intent(self, by_intent: Sequence[float], ranked: Sequence[Label]) -> Label:
        """The likeliest leaf if it is likelier than not, else its parent if that is, else the leaf."""
        first = ranked[0]
        parent = first.name.rpartition(".")[0]
        if first.probability >= RAISED or not parent:
            return first
        together = sum(
            probability
            for label, probability in zip(self.models.intents.labels, by_intent, strict=True)
            if label.startswith(f"{parent}.")
        )
        return Label(parent, together, first.evidence) if together >= RAISED else first

    def _language(self, text: str) -> Label:
        guess = self._languages.identify(text)
        return Label(guess.code or _UNDETERMINED, guess.confidence)

    def _further(self, beside: _Beside, tokens: Sequence[Tokens]) -> list[tuple[Label, ...]]:
        """For each text the intents of its sentences."""
        found: list[dict[str, float]] = [{} for _ in beside.languages]
        owners, counted, vectors = beside.sentences.seen(tokens)
        if owners:
            intents = self.models.intents
            logits = intents.logits(counted, vectors if intents.own is None else balance(vectors))
            for owner, row, fit in zip(owners, softmax(logits), self._fits(logits), strict=True):
                name, probability = intents.labels[int(row.argmax())], float(row.max() * fit)
                if probability >= _FURTHER:
                    found[owner][name] = max(probability, found[owner].get(name, 0.0))
        return [
            tuple(Label(name, own[name]) for name in sorted(own, key=lambda name: (-own[name], name)))
            for own in found
        ]


def _priorities(labels: Sequence[str], intents: Mapping[str, Intent]) -> NDArray[np.float64]:
    """(labels, priorities), ones and zeros."""
    usual = [intents[label].priority if label in intents else DEFAULT_PRIORITY for label in labels]
    return np.array([[level is own for level in Priority] for own in usual], np.float64)


def _first(values: Sequence[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)


def _origin(message: Message, read: Label) -> Label:
    """What an e-mail's headers say is certain; what its words say is likely."""
    declared = automatic_origin(message.headers) if message.headers else None
    return Label(declared, 1.0) if declared is not None and declared is not Origin.CUSTOMER else read
