"""The assistant's triage: that of tickets, on the encoder pass that searches for the same words."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from api.triagers import TriageParts
from bot.labels import Labels, Route
from inference.embeddings import EncoderEmbeddings
from kit.clock import Clock
from kit.ids import WorkspaceId
from triage.labels import Certainty, Triage
from triage.message import Message
from triage.plan import Explanation
from triage.routing import Routing


class TurnLabeller:
    """Labels by the workspace's live triager, and its route by the rules; a ``bot.labels.Labeller``.

    Words that the retriever looks for as they are, which is nearly every turn's, are encoded once for both.
    Names of brands, and quotes that are not read, make a text of its own.
    """

    def __init__(self, parts: TriageParts, embeddings: EncoderEmbeddings, *, clock: Clock) -> None:
        self._parts = parts
        self._embeddings = embeddings
        self._clock = clock

    async def label(
        self,
        workspace: WorkspaceId,
        message: Message,
        *,
        placeholders: Mapping[str, str],
        channel: str | None,
    ) -> Labels:
        """See ``bot.labels.Labeller``."""
        now = self._clock.now()
        answering = await self._parts.triagers.of(workspace)
        read = await asyncio.to_thread(answering.triager.read, message, placeholders=placeholders)
        encoded = await self._embeddings.encode_queries_with_tokens([read.text])
        (said,) = await asyncio.to_thread(answering.triager.judge, [read], encoded, today=now.date())
        routing = self._parts.route(said, at=now, facts={}, channel=channel)
        return Labels(said, _route(said, routing), answering.intent_model)


def _route(said: Triage, routing: Routing | None) -> Route:
    """A queue that neither a rule nor a sure triage named is nobody's choice but a default's."""
    sure = said.certainty is Certainty.SURE
    if routing is None:
        return Route(said.queue.name if sure else None, said.priority.name)
    return Route(
        queue=routing.queue if sure or routing.queue_rule is not None else None,
        priority=routing.priority,
        tags=routing.tags,
        why=tuple(_line(step) for step in routing.why if step.changed),
    )


def _line(step: Explanation) -> str:
    because = "; ".join(note.text for note in step.because)
    return f"{step.rule or 'triage'}: {', '.join(step.changed)}, because {because}"
