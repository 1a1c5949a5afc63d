"""A follow-up turned into a question that stands alone, by a language model, for retrieval."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage

from bot.generative import conversation
from bot.injection import SUSPICIOUS, message_injection_score
from bot.prompt import Prompt, fenced, new_nonce
from kit.errors import Misconfigured, Unavailable
from kit.privacy import placeholders
from retrieval import HistoryTurn

_LONGEST = 400  # characters; a rewrite that is longer is an answer


class StandaloneRewriter:
    """Rewrites the last turn with what it takes from the history; the turn itself on any failure.

    ``timeout_seconds`` is short: search waits for it, and works without it.
    """

    def __init__(
        self, model: BaseChatModel, *, timeout_seconds: float = 3.0, nonce: Callable[[], str] = new_nonce
    ) -> None:
        self._model = model
        self._timeout_seconds = timeout_seconds
        self._nonce = nonce
        self._prompt = Prompt.load("standalone_question")

    async def rewrite(self, question: str, history: Sequence[HistoryTurn]) -> str:
        """``question`` as it would be asked without ``history`` (both redacted)."""
        if not history or message_injection_score(question) >= SUSPICIOUS:
            return question
        nonce = self._nonce()
        told = [
            fenced("conversation", conversation(history), nonce=nonce),
            fenced("message", question, nonce=nonce),
        ]
        messages = [SystemMessage(self._prompt.render(nonce=nonce)), HumanMessage("\n\n".join(told))]
        try:
            async with asyncio.timeout(self._timeout_seconds):
                reply = await self._model.ainvoke(messages)
        except (Unavailable, Misconfigured, TimeoutError):
            return question
        rewritten = reply.text.strip().strip('"“”').strip()
        return rewritten if _usable(rewritten, question, history) else question


def _usable(rewritten: str, question: str, history: Sequence[HistoryTurn]) -> bool:
    """Whether a rewrite is one line of a question's length and invents no placeholder."""
    said = {name for text in (question, *(turn.text for turn in history)) for name in placeholders(text)}
    one_line = 0 < len(rewritten) <= _LONGEST and "\n" not in rewritten and "{" not in rewritten
    return one_line and said.issuperset(placeholders(rewritten))
