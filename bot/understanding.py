"""What a customer's message is, before anything is looked up: language, intent, attack."""

from __future__ import annotations

from dataclasses import dataclass

from bot.injection import SUSPICIOUS, message_injection_score
from bot.small_talk import Intent, Phrasebook
from triage.language import LanguageGuesser


@dataclass(frozen=True, slots=True)
class Understanding:
    """What one turn of a customer is.

    ``text`` is the redacted message it was made from. ``language`` is ISO 639-1, or None where the message
    is too short or too mixed to say (treat it as the conversation's last language, else the knowledge
    base's); ``language_confidence`` in [0, 1]. ``injection`` in [0, 1] is how sure it is that the message
    gives the assistant orders. ``reply`` is what to say to everything that is no question, in the
    customer's language where the phrasebook has it; None for a question.
    """

    text: str
    intent: Intent
    language: str | None = None
    language_confidence: float = 0.0
    injection: float = 0.0
    reply: str | None = None

    @property
    def is_question(self) -> bool:
        """Whether retrieval has to answer it."""
        return self.intent is Intent.QUESTION

    @property
    def is_suspicious(self) -> bool:
        """Whether it gives the assistant orders: no language model may see it, or a polite no is due."""
        return self.injection >= SUSPICIOUS


class Understander:
    """Understands messages; holds the language models and phrases, which load once.

    A 30-word message takes under 1 ms after ``warm_up``.
    """

    def __init__(
        self, *, languages: LanguageGuesser | None = None, phrases: Phrasebook | None = None
    ) -> None:
        self._languages = languages or LanguageGuesser()
        self._phrases = phrases or Phrasebook.load()

    def warm_up(self) -> None:
        """Load the language models now (about 0.2 s, 30 MB) rather than with the first message."""
        self._languages.warm_up()

    def understand(self, text: str, *, expected: str = "en") -> Understanding:
        """What ``text`` is; it must be redacted already (``kit.privacy.redact``).

        ``expected`` is the language (ISO 639-1) that the conversation has had, or the knowledge base's.
        """
        guess = self._phrases.intent_of(text)
        language = self._languages.guess(text, expected=expected)
        code = language.code or guess.language
        return Understanding(
            text=text,
            intent=guess.intent,
            language=code,
            language_confidence=language.confidence,
            injection=message_injection_score(text),
            reply=self._phrases.reply_to(guess.intent, language=code or expected),
        )


__all__ = ["Intent", "Understander", "Understanding"]
