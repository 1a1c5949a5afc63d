"""The answerer with a language model: it writes, and only what the passages support is said."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from bot.answer import Answer, AnswerChunk, Answerer, AnswerKind, AnswerRequest, AnswerSentence
from bot.claim_review import CONTRADICTION, TRACE, Became, Objection, objections_of
from bot.draft import DraftParser, DraftSentence
from bot.evidence import Evidence, GroundingRisk
from bot.grounding import Weight
from bot.injection import SUSPICIOUS, message_injection_score, passage_injection_score
from bot.prompt import Prompt, fenced, new_nonce
from kit.errors import Misconfigured, Unavailable
from knowledge_base.document import Passage
from retrieval import HistoryTurn
from signals.brand.claim_checker import Finding

_PASSAGES = 6  # beyond, prompts grow and answers do not
_TURNS = 6
_LONGEST_TURN = 600  # characters of a turn of the history that are shown to the model
_BLOCK = re.compile(r"^(?:\d{1,2}[.)]|[-*•])\s|^\|")
_SOURCE_RULE = (
    ' Give the same sentence in {language} as "source": it is checked against the passages, so keep '
    "their words."
)


@dataclass(slots=True)
class _Attempt:
    """What has come of one question so far."""

    messages: list[BaseMessage]
    evidence: Evidence
    parser: DraftParser = field(default_factory=DraftParser)
    written: int = 0
    kept: list[AnswerSentence] = field(default_factory=list)
    repaired: bool = False
    objections: list[Objection] = field(default_factory=list)
    check: Callable[[str], Sequence[Finding]] = lambda _: ()

    def take(self, drafts: Sequence[DraftSentence]) -> list[AnswerSentence]:
        """Those of ``drafts`` that are supported; they are kept. Of a draft that is refused, none."""
        self.written += len(drafts)
        taken = []
        for draft in drafts:
            sentence = None if self.objections else self.evidence.ground(draft)
            if sentence is not None and self._is_approved(draft):
                self.kept.append(sentence)
                taken.append(sentence)
        return taken

    def _is_approved(self, draft: DraftSentence) -> bool:
        """Whether the brand approves it, read after the sentence before it; objections are remembered."""
        before = f"{self.kept[-1].text} " if self.kept else ""
        found = [one for one in self.check(before + draft.text) if one.start >= len(before)]
        if not found and draft.source != draft.text:
            found = list(self.check(draft.source))
        self.objections += [Objection(one, Became.REFUSED) for one in found]
        return not found


class GenerativeAnswerer:
    """Asks ``model``, checks every sentence, and leaves to ``fallback`` what the model cannot do.

    ``model`` must raise errors of ``inference.errors`` (``inference.chat.build_chat_model`` gives one).
    The trace of an answer holds ``prompt`` (name and hash), ``model``, ``written`` and ``dropped``
    (sentences), ``repaired``, and ``fallback`` with its reason where the other answerer had to step in:
    an error's code, ``malformed``, ``ungrounded``, ``no_passages``, ``suspicious_message`` or
    ``contradiction``: one supported sentence that the brand does not approve refuses the whole draft.
    """

    name = "generative"

    def __init__(
        self,
        model: BaseChatModel,
        *,
        fallback: Answerer,
        company: str,
        model_name: str = "",
        knowledge_language: str = "en",
        risk: GroundingRisk | None = None,
        weight: Weight | None = None,
        nonce: Callable[[], str] = new_nonce,
    ) -> None:
        self._model = model
        self._fallback = fallback
        self._company = company
        self._model_name = model_name
        self._knowledge_language = knowledge_language
        self._risk = risk or GroundingRisk()
        self._weight = weight
        self._nonce = nonce
        self._prompt = Prompt.load("answer")
        self._repair = Prompt.load("repair")

    async def answer(self, request: AnswerRequest) -> Answer:
        """The whole answer; HANDOVER where the model finds that the passages do not answer."""
        attempt = self._attempt(request)
        if isinstance(attempt, str):
            return await self._fall_back(request, attempt, {})
        try:
            reply = await self._model.ainvoke(attempt.messages)
            attempt.take(attempt.parser.feed(reply.text))
            await self._repair_if_unreadable(request, attempt, reply.text)
        except (Unavailable, Misconfigured) as error:
            return await self._fall_back(request, error.code, self._trace(attempt))
        return await self._conclude(request, attempt)

    async def stream(self, request: AnswerRequest) -> AsyncIterator[AnswerChunk]:
        """The answer sentence by sentence, each once it is known to be supported; then whole.

        Where the model fails after the first sentences, the last chunk's answer replaces them.
        """
        attempt = self._attempt(request)
        if isinstance(attempt, str):
            async for chunk in self._stream_fallback(request, attempt, {}):
                yield chunk
            return
        shown, failure, heard = "", "", ""
        try:
            async for piece in self._model.astream(attempt.messages):
                heard += piece.text
                if attempt.take(attempt.parser.feed(piece.text)):
                    text = join(attempt.kept)
                    yield AnswerChunk(text=text[len(shown) :])
                    shown = text
                if attempt.objections:
                    break
            await self._repair_if_unreadable(request, attempt, heard)
        except (Unavailable, Misconfigured) as error:
            failure = error.code
        if failure and not shown:
            async for chunk in self._stream_fallback(request, failure, self._trace(attempt)):
                yield chunk
            return
        if failure:
            answer = await self._fall_back(request, failure, self._trace(attempt))
        else:
            answer = await self._conclude(request, attempt)
        rest = answer.text[len(shown) :] if answer.text.startswith(shown) else ""
        yield AnswerChunk(text=rest, answer=answer)

    def messages(self, request: AnswerRequest, passages: Sequence[Passage]) -> list[BaseMessage]:
        """What the model is sent: rules, then fenced passages, history and question."""
        nonce = self._nonce()
        own = request.language == self._knowledge_language
        rule = "" if own else _SOURCE_RULE.format(language=_named(self._knowledge_language))
        system = self._prompt.render(
            company=self._company,
            nonce=nonce,
            language=_named(request.language),
            source_rule=rule,
            source_example=self._source_example(request),
        )
        parts = [
            fenced(f"passage {number}", _shown(passage), nonce=nonce)
            for number, passage in enumerate(passages, start=1)
        ]
        if request.history:
            parts.append(fenced("conversation", conversation(request.history), nonce=nonce))
        parts.append(fenced("question", request.question, nonce=nonce))
        return [SystemMessage(system), HumanMessage("\n\n".join(parts))]

    def _attempt(self, request: AnswerRequest) -> _Attempt | str:
        """A beginning, or the reason why the model is not asked at all."""
        if message_injection_score(request.question) >= SUSPICIOUS:
            return "suspicious_message"
        safe = [
            passage
            for passage in request.passages[:_PASSAGES]
            if passage_injection_score(passage.text) < SUSPICIOUS
        ]
        if not safe:
            return "no_passages"
        evidence = Evidence(safe, threshold=self._risk.sentence, weight=self._weight)
        return _Attempt(self.messages(request, safe), evidence, check=request.check)

    async def _repair_if_unreadable(self, request: AnswerRequest, attempt: _Attempt, reply: str) -> None:
        """Ask once more where nothing could be read. Raises what the model raises."""
        if attempt.written or attempt.parser.insufficient:
            return
        attempt.repaired = True
        again = self._repair.render(source_example=self._source_example(request))
        second = await self._model.ainvoke([*attempt.messages, AIMessage(reply), HumanMessage(again)])
        attempt.parser = DraftParser()
        attempt.take(attempt.parser.feed(second.text))

    async def _conclude(self, request: AnswerRequest, attempt: _Attempt) -> Answer:
        trace = self._trace(attempt)
        if attempt.objections:
            return await self._fall_back(request, CONTRADICTION, trace)
        if attempt.parser.insufficient and not attempt.kept:
            return Answer(
                AnswerKind.HANDOVER,
                "",
                answerability=request.answerability,
                answerer=self.name,
                trace=trace | {"insufficient": True},
            )
        if not attempt.written:
            return await self._fall_back(request, "malformed", trace)
        if not attempt.kept or len(attempt.kept) < self._risk.share * attempt.written:
            return await self._fall_back(request, "ungrounded", trace)
        return Answer(
            AnswerKind.ANSWER,
            join(attempt.kept),
            tuple(attempt.kept),
            answerability=request.answerability,
            answerer=self.name,
            trace=trace,
        )

    async def _fall_back(self, request: AnswerRequest, reason: str, trace: Mapping[str, object]) -> Answer:
        answer = await self._fallback.answer(request)
        return replace(answer, trace={**answer.trace, **_with_claims(trace, answer), "fallback": reason})

    async def _stream_fallback(
        self, request: AnswerRequest, reason: str, trace: Mapping[str, object]
    ) -> AsyncIterator[AnswerChunk]:
        async for chunk in self._fallback.stream(request):
            if chunk.answer is None:
                yield chunk
            else:
                told = {**chunk.answer.trace, **_with_claims(trace, chunk.answer), "fallback": reason}
                yield replace(chunk, answer=replace(chunk.answer, trace=told))

    def _trace(self, attempt: _Attempt) -> dict[str, object]:
        return {
            "prompt": self._prompt.version,
            "model": self._model_name,
            "written": attempt.written,
            "dropped": attempt.written - len(attempt.kept),
            "repaired": attempt.repaired,
        } | ({TRACE: [one.record() for one in attempt.objections]} if attempt.objections else {})

    def _source_example(self, request: AnswerRequest) -> str:
        return "" if request.language == self._knowledge_language else ', "source": "..."'


def _with_claims(trace: Mapping[str, object], answer: Answer) -> dict[str, object]:
    """``trace`` with the objections of the fallback's ``answer`` after its own."""
    found = [*objections_of(trace), *objections_of(answer.trace)]
    return {**trace, TRACE: found} if found else dict(trace)


def join(sentences: Sequence[AnswerSentence]) -> str:
    """The text of an answer: sentences in a line, steps and list items each on a line of its own.

    The text of the first n sentences begins the text of all: a stream may show it.
    """
    text, was_block = "", False
    for sentence in sentences:
        block = bool(_BLOCK.match(sentence.text))
        gap = "" if not text else "\n" if block and was_block else "\n\n" if block or was_block else " "
        text, was_block = text + gap + sentence.text, block
    return text


def conversation(history: Sequence[HistoryTurn]) -> str:
    """The last turns of ``history``, oldest first, one a line, as a model reads them."""
    return "\n".join(
        f"{'Customer' if turn.by_customer else 'Assistant'}: {' '.join(turn.text.split())[:_LONGEST_TURN]}"
        for turn in history[-_TURNS:]
    )


def _shown(passage: Passage) -> str:
    path = " › ".join((passage.title, *passage.headings))
    return "\n".join(part for part in (path, passage.context, passage.text) if part)


_LANGUAGES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "nl": "Dutch",
    "pt": "Portuguese", "pl": "Polish", "sv": "Swedish", "da": "Danish", "fi": "Finnish", "cs": "Czech",
    "tr": "Turkish", "ro": "Romanian", "hu": "Hungarian", "ru": "Russian", "uk": "Ukrainian", "el": "Greek",
    "ar": "Arabic", "he": "Hebrew", "hi": "Hindi", "zh": "Chinese", "ja": "Japanese", "ko": "Korean",
    "vi": "Vietnamese",
}  # fmt: skip


def _named(code: str) -> str:
    return _LANGUAGES.get(code, f"the language with the ISO 639-1 code {code!r}")
