"""One pass over a message, and everything that is said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from inference.embeddings import Encoder, TokenEmbeddings, begun, grouped, whole
from kit.privacy import Redaction, redact
from triage.automatic import automatic_origin
from triage.brands import Brands, Named
from triage.entities import Entity, EntityFinder
from triage.evidence import quoted
from triage.judging import Beside, Judge, Judged
from triage.labels import Certainty, Label, Origin, Priority, Triage
from triage.language import LanguageIdentifier
from triage.marks_shown import RAISED, MarksShown
from triage.message import Message
from triage.models import TriageModels, routes
from triage.priority import prioritise
from triage.reading import Reading, read_message
from triage.risk import certainty_of
from triage.spans import Offsets
from triage.taxonomy import Intent

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
    """What is found in messages without the encoder, while it works: of the models, and besides them."""

    models: Beside
    languages: list[Label]
    entities: list[tuple[Entity, ...]]


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
        self._judge = Judge(models)

    def triage(
        self, messages: Sequence[Message], *, evidence: bool = True, today: date | None = None
    ) -> list[Triage]:
        """One ``Triage`` per message, whatever is in it. Dates in messages are relative to ``today``."""
        if not messages:
            return []
        read: list[ReadMessage] = []
        with begun(self._encoder, self._windows(messages, read)) as passes:
            if len(messages) <= _AT_ONCE:
                beside = self._beside(read, passes.offsets, today, evidence=evidence)
                return self._judged(read, beside, whole(passes.parts))
            found: dict[int, Triage] = {}
            for part in grouped(passes.parts, _AT_ONCE):
                own = [read[place] for place in part.places]
                said = self.judge(own, part.encoded, evidence=evidence, today=today)
                found.update(zip(part.places, said, strict=True))
        return [found[place] for place in range(len(read))]

    def _windows(self, messages: Sequence[Message], read: list[ReadMessage]) -> Iterator[list[str]]:
        """The texts of ``messages``, which are put into ``read``: of a few first, then of the rest.

        The rest is read while the encoder is at the first.
        """
        for part in (messages[:_AT_ONCE], messages[_AT_ONCE:]):
            own = [self.read(message) for message in part]
            read += own
            yield [one.text for one in own]

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
        offsets = [one.offsets for one in encoded.tokens]
        return self._judged(read, self._beside(read, offsets, today, evidence=evidence), encoded)

    def _beside(
        self, read: Sequence[ReadMessage], offsets: Sequence[Offsets], today: date | None, *, evidence: bool
    ) -> _Beside:
        return _Beside(
            self._judge.beside([one.text for one in read], offsets, evidence=evidence),
            [self._language(one.own_words) for one in read],
            [self._entities.find(one.original, today=today) for one in read],
        )

    def _judged(self, read: Sequence[ReadMessage], beside: _Beside, encoded: TokenEmbeddings) -> list[Triage]:
        judged = self._judge.judged(beside.models, encoded, [not one.reading.empty for one in read])
        by_intent = np.array([one.by_intent for one in judged])
        by_queue, by_priority = (
            (by_intent @ self._to_queue).tolist(),
            (by_intent @ self._to_priority).tolist(),
        )
        return [
            self._one(
                one,
                judged[number],
                by_queue=by_queue[number],
                by_priority=by_priority[number],
                language=beside.languages[number],
                entities=beside.entities[number],
            )
            for number, one in enumerate(read)
        ]

    def _one(
        self,
        read: ReadMessage,
        judged: Judged,
        *,
        by_queue: Sequence[float],
        by_priority: Sequence[float],
        language: Label,
        entities: tuple[Entity, ...],
    ) -> Triage:
        ranked = self._ranked(read, judged)
        place = _first(by_queue)
        queue = Label(self._queues[place], min(by_queue[place], 1.0), ranked[0].evidence)
        certainty = certainty_of(queue.probability, judged.fits, points=self.models.points, risk=self._risk)
        words = {place: quoted(told, read.locate, read.original) for place, told in judged.of_marks.items()}
        shown = MarksShown.of(judged.by_mark, judged.holding, words)
        return Triage(
            certainty=Certainty.NOT_SURE if read.reading.empty else certainty,
            intent=self._intent(judged.by_intent, ranked),
            in_scope=judged.fits,
            intents=ranked,
            further=tuple(one for one in judged.further if one.name != ranked[0].name),
            queue=queue,
            priority=prioritise(dict(zip(Priority, by_priority, strict=True)), shown.reasons, shown.raised),
            sentiment=shown.sentiment,
            sentiment_score=shown.sentiment_score,
            origin=_origin(read.message, shown.origin),
            language=language,
            signals=shown.signals,
            urgency=shown.urgency,
            entities=entities,
            model=self.models.version,
        )

    def _ranked(self, read: ReadMessage, judged: Judged) -> tuple[Label, ...]:
        words = quoted(judged.of_intent, read.locate, read.original)
        return tuple(
            Label(self.models.intents.labels[place], judged.by_intent[place], () if rank else words)
            for rank, place in enumerate(judged.ranked)
        )

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
