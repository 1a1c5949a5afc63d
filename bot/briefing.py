"""What a person who takes over a conversation is told, composed from what was said."""

from __future__ import annotations

from collections.abc import Sequence

from bot.answer import AnswerKind
from bot.conversation import Author, Briefing, Conversation, ConversationEvent, EventKind, Message, Owner
from bot.insights import insights

_ASKED = 5
_NEXT_STEPS = {
    "customer_asked": "The customer wants a person: greet them by what they asked last.",
    "unanswerable": "The help centre has no answer: answer it, then draft an article on it.",
    "escalation": "The customer may take this further: read their own words first, and promise nothing yet.",
    "contradiction": "An article says what the brand does not approve: answer by that, and correct it.",
    "abuse": "The customer is upset: acknowledge that first.",
    "crisis": "The customer may be in distress: follow the safeguarding procedure first.",
}


def brief(
    conversation: Conversation, messages: Sequence[Message], events: Sequence[ConversationEvent]
) -> Briefing:
    """The briefing of ``conversation``: asked, tried, quoted, why it was handed over, what to do next."""
    reason = _reason(events)
    asked = [message.text for message in messages if message.author is Author.CUSTOMER]
    tried = [
        message.text
        for message in messages
        if message.author is Author.BOT and message.kind in {AnswerKind.ANSWER, AnswerKind.CLARIFY}
    ]
    sources = dict.fromkeys(cited.citation.title for message in messages for cited in message.citations)
    return Briefing(
        reason=reason,
        asked=tuple(asked[-_ASKED:]),
        tried=tuple(tried[-_ASKED:]),
        sources=tuple(sources),
        language=conversation.language,
        suggested_next_step=_NEXT_STEPS.get(reason, "Read the last question and answer it."),
        insights=insights(conversation, messages),
    )


def _reason(events: Sequence[ConversationEvent]) -> str:
    for event in reversed(events):
        if event.kind is EventKind.OWNER and event.payload.get("owner") == Owner.QUEUE:
            return str(event.payload.get("reason", ""))
    return "not_handed_over"
