"""From one turn to one answer: understand, retrieve, gate, then answer, ask back or hand over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.answer import Answer, Answerer, AnswerKind, AnswerRequest
from bot.answerability import Calibration, Verdict, WordNearness
from bot.caution import Caution
from bot.claim_review import CONTRADICTION, ClaimReview
from bot.clarify import clarify
from bot.injection import SUSPICIOUS, passage_injection_score
from bot.small_talk import Intent, Phrasebook
from bot.turns import Question
from bot.understanding import Understander, Understanding
from retrieval import Retrieval, Retriever

# Below this nothing found is about the question, and asking "is it about …?" would only show that: of our own
# questions that seem vague, 17 of 20 vague ones lie above it and 1 of 11 unanswerable ones.
_ASKS_BACK_FROM = 0.4
_DEPTH = 10  # passages asked for: the gate compares the best with the others
# What customers are told where the reason is not for them.
_SAID_OF = {CONTRADICTION: "escalation"}
# Names of languages as a customer reads them, by the language of the sentence around them.
_LANGUAGE_NAMES = {
    "en": {"en": "English", "de": "Englisch", "fr": "anglais", "es": "inglés"},
    "de": {"en": "German", "de": "Deutsch", "fr": "allemand", "es": "alemán"},
    "fr": {"en": "French", "de": "Französisch", "fr": "français", "es": "francés"},
    "es": {"en": "Spanish", "de": "Spanisch", "fr": "espagnol", "es": "español"},
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator chose.

    ``max_wrong_answer_rate`` in (0, 1) is the share of given answers that may be wrong; the threshold
    follows from it. ``knowledge_language`` (ISO 639-1) is the help centre's; ``any_language`` says that the
    answerer writes in the customer's, as a language model does.
    """

    max_wrong_answer_rate: float = 0.05
    knowledge_language: str = "en"
    any_language: bool = False


class AnswerPipeline:
    """Answers turns. Holds no state of any conversation."""

    def __init__(
        self,
        *,
        retriever: Retriever,
        calibration: Calibration,
        words: WordNearness,
        answerer: Answerer,
        understander: Understander,
        phrases: Phrasebook,
        policy: Policy,
        caution: Caution,
        claims: ClaimReview | None = None,
    ) -> None:
        self._retriever = retriever
        self._calibration = calibration
        self._words = words
        self._answerer = answerer
        self._understander = understander
        self._phrases = phrases
        self._policy = policy
        self._caution = caution
        self._claims = claims
        accepted = policy.max_wrong_answer_rate
        self._threshold = calibration.operating_point(accepted).threshold
        self._cautious_threshold = calibration.operating_point(accepted * caution.risk_share).threshold

    async def answer(self, question: Question, *, on_text: Callable[[str], None] | None = None) -> Answer:
        """The answer; ``on_text`` hears its text piece by piece while it comes about."""
        understanding = self._understander.understand(
            question.text, expected=question.language or self._policy.knowledge_language
        )
        language = understanding.language or question.language or self._policy.knowledge_language
        if not understanding.is_question:
            answer = _small_talk(understanding)
        else:
            answer = await self._look_up(question, understanding, language, on_text)
        if on_text is not None and answer.kind is not AnswerKind.ANSWER:
            on_text(answer.text)
        trace = {**answer.trace, "language": language, "intent": str(understanding.intent)}
        return replace(answer, trace=trace)

    async def _look_up(
        self,
        question: Question,
        understanding: Understanding,
        language: str,
        on_text: Callable[[str], None] | None,
    ) -> Answer:
        found = await self._retriever.search(
            question.workspace, question.text, history=question.history, limit=_DEPTH
        )
        retrieval, left_out = without_injections(found)
        verdict = self._calibration.judge(question.text, retrieval, self._words, history=question.history)
        trace = _trace(verdict, retrieval, left_out, self._threshold)
        if verdict.answerable < self._cautious_threshold and await self._calls_for_caution(question):
            return self._give_up(understanding, verdict, language, trace, reason="escalation")
        asked_back = None if question.asked_back else self._ask_back(question, retrieval, verdict)
        if asked_back is not None:
            return replace(asked_back, trace={**asked_back.trace, **trace})
        if verdict.answerable < self._threshold:
            return self._give_up(understanding, verdict, language, trace)
        request = AnswerRequest(
            question=question.text,
            retrieval=retrieval,
            answerability=verdict.answerable,
            history=question.history,
            language=language if self._policy.any_language else self._policy.knowledge_language,
        )
        if self._claims is not None:
            request = replace(request, check=self._claims.of(question.workspace))
        note = self._language_note(language)
        if note and on_text is not None:
            on_text(note)
        answer = await self._write(request, on_text)
        if self._claims is not None:
            self._claims.note(question.workspace, answer)
        if answer.kind is AnswerKind.HANDOVER:
            reason = str(answer.trace.get("reason", "unanswerable"))
            return self._give_up(understanding, verdict, language, {**trace, **answer.trace}, reason=reason)
        return replace(answer, text=note + answer.text, trace={**trace, **answer.trace})

    async def _calls_for_caution(self, question: Question) -> bool:
        labels = await question.labels.soon()
        return labels is not None and self._caution.calls_for(labels.triage) is not None

    def _ask_back(self, question: Question, retrieval: Retrieval, verdict: Verdict) -> Answer | None:
        if verdict.vague < self._calibration.vague_threshold or verdict.answerable < _ASKS_BACK_FROM:
            return None
        return clarify(question.text, retrieval, answerability=verdict.answerable)

    async def _write(self, request: AnswerRequest, on_text: Callable[[str], None] | None) -> Answer:
        if on_text is None:
            return await self._answerer.answer(request)
        answer = None
        async for chunk in self._answerer.stream(request):
            if chunk.text:
                on_text(chunk.text)
            answer = chunk.answer or answer
        assert answer is not None, "an answerer's stream ends with the whole answer"
        return answer

    def _give_up(
        self,
        understanding: Understanding,
        verdict: Verdict,
        language: str,
        trace: dict[str, object],
        *,
        reason: str = "unanswerable",
    ) -> Answer:
        if understanding.injection >= SUSPICIOUS:
            return Answer(
                kind=AnswerKind.SMALL_TALK,
                text=self._phrases.refusal(language=language),
                answerer="rules",
                answerability=verdict.answerable,
                trace={**trace, "injection": round(understanding.injection, 3)},
            )
        return Answer(
            kind=AnswerKind.HANDOVER,
            text=self._phrases.say(_SAID_OF.get(reason, reason), language=language),
            answerer="rules",
            answerability=verdict.answerable,
            trace={"reason": reason, **trace},
        )

    def _language_note(self, language: str) -> str:
        known = self._policy.knowledge_language
        if self._policy.any_language or language == known:
            return ""
        names = _LANGUAGE_NAMES.get(known, {})
        name = names.get(language) or names.get("en") or known
        return self._phrases.say("language", language=language).format(language=name) + "\n\n"


def without_injections(retrieval: Retrieval) -> tuple[Retrieval, int]:
    """``retrieval`` without passages that carry orders for the assistant, and how many those were."""
    kept = tuple(
        ranked for ranked in retrieval.passages if passage_injection_score(ranked.passage.text) < SUSPICIOUS
    )
    return replace(retrieval, passages=kept), len(retrieval.passages) - len(kept)


def _small_talk(understanding: Understanding) -> Answer:
    intent = understanding.intent
    reasons = {Intent.HUMAN: "customer_asked", Intent.SELF_HARM: "crisis", Intent.THREAT: "threat"}
    return Answer(
        kind=AnswerKind.HANDOVER if intent.hands_over else AnswerKind.SMALL_TALK,
        text=understanding.reply or "",
        answerer="rules",
        trace={"reason": reasons[intent]} if intent in reasons else {},
    )


def _trace(verdict: Verdict, retrieval: Retrieval, left_out: int, threshold: float) -> dict[str, object]:
    """How the decision came about, in numbers; no message text."""
    return {
        "answerable": round(verdict.answerable, 4),
        "vague": round(verdict.vague, 4),
        "threshold": round(threshold, 4),
        "features": {name: round(value, 4) for name, value in verdict.features.items()},
        "dependence": round(retrieval.dependence, 4),
        "passages": [int(ranked.passage.id) for ranked in retrieval.passages],
        "injected_passages": left_out,
    }
