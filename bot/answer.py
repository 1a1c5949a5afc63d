"""What an answer is, and the port that everything which writes answers fills."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from kit.ids import DocumentId, PassageId, VersionId
from knowledge_base.document import Passage
from retrieval import HistoryTurn, Retrieval
from signals.brand.claim_checker import Finding


class AnswerKind(StrEnum):
    """What the bot does with a turn."""

    ANSWER = "answer"
    CLARIFY = "clarify"  # asks one question back
    HANDOVER = "handover"  # says that it cannot answer; a person takes over
    SMALL_TALK = "small_talk"  # greetings and thanks: no claim, no citation


@dataclass(frozen=True, slots=True)
class Citation:
    """Where one sentence of an answer stands in the knowledge base.

    ``quote`` is ``version.text[start:end]``, verbatim, of the version ``version_id``; the offsets count
    characters. ``headings`` is outermost first, without the title.
    """

    document_id: DocumentId
    version_id: VersionId
    passage_id: PassageId
    quote: str
    start: int
    end: int
    title: str
    headings: tuple[str, ...] = ()
    url: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """One sentence, list block or table of an answer, as shown, with what supports it.

    ``support`` is the probability in [0, 1] that the cited quotes say what ``text`` says; 1 where the
    text is the quote. A sentence without citations makes no claim (a polite framing).
    """

    text: str
    citations: tuple[Citation, ...] = ()
    support: float = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot says to one turn.

    ``text`` is what the customer reads (Markdown). ``answerability`` is the calibrated probability in
    [0, 1] that the passages answer the question. ``answerer`` names who wrote it (``extractive``,
    ``generative``, ``rules``). ``options`` are the choices of a clarifying question: each works as the
    customer's next message. ``trace`` says how it came about and holds no text of any message.
    """

    kind: AnswerKind
    text: str
    sentences: tuple[AnswerSentence, ...] = ()
    answerability: float = 0.0
    answerer: str = "extractive"
    options: tuple[str, ...] = ()
    trace: Mapping[str, object] = field(default_factory=dict)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Every citation in the order of the sentences, each once."""
        return tuple(
            dict.fromkeys(citation for sentence in self.sentences for citation in sentence.citations)
        )


def _approves(_text: str) -> Sequence[Finding]:
    return ()


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """One turn to be answered from what ``retrieval`` found.

    ``question`` is the customer's turn, redacted; ``retrieval.standalone`` the same with what it takes from
    ``history`` (oldest first, redacted). ``answerability`` in [0, 1] is what the gate said; ``language``,
    an ISO 639-1 code, is the language to answer in. ``check`` is what the brand has against a text.
    """

    question: str
    retrieval: Retrieval
    answerability: float = 1.0
    history: Sequence[HistoryTurn] = ()
    language: str = "en"
    check: Callable[[str], Sequence[Finding]] = _approves

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The passages to answer from, best first."""
        return tuple(ranked.passage for ranked in self.retrieval.passages)


@dataclass(frozen=True, slots=True)
class AnswerChunk:
    """A piece of a streamed answer: some text, or at the very end the whole answer.

    Concatenating every ``text`` gives the draft a customer watches; ``answer`` is set on the last chunk
    only and is what counts (grounding may have removed sentences of the draft).
    """

    text: str = ""
    answer: Answer | None = None


class Answerer(Protocol):
    """Writes an answer from passages. Implemented by ``extractive`` and ``generative``."""

    name: str

    async def answer(self, request: AnswerRequest) -> Answer:
        """The whole answer. ``kind`` is HANDOVER when the passages do not support one."""
        ...

    def stream(self, request: AnswerRequest) -> AsyncIterator[AnswerChunk]:
        """The same answer piece by piece; the last chunk carries it whole."""
        ...
