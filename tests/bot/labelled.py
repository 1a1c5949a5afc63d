"""A labeller that says what a script says, for tests of what is done with labels."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bot.labels import Labels, Route
from kit.ids import WorkspaceId
from tests.triage.triaged import triaged
from triage.labels import Certainty, Label, Sentiment, Triage
from triage.message import Message


def labels_of(said: Triage, *, why: tuple[str, ...] = ()) -> Labels:
    """Labels with the route that triage alone gives."""
    queue = said.queue.name if said.certainty is Certainty.SURE else None
    return Labels(said, Route(queue, said.priority.name, why=why))


@dataclass
class ScriptedLabeller:
    """Says what the script says of a text, else that nobody can tell; waits at a gate when it has one.

    The sentiment quotes the whole text, so that labels can be told apart from those of other texts.
    """

    script: dict[str, Triage | Exception] = field(default_factory=dict)
    asked: list[Message] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def label(
        self,
        workspace: WorkspaceId,  # noqa: ARG002 (the port has it)
        message: Message,
        *,
        placeholders: Mapping[str, str],  # noqa: ARG002
        channel: str | None,  # noqa: ARG002
    ) -> Labels:
        self.asked.append(message)
        if self.gate is not None:
            await self.gate.wait()
        said = self.script.get(message.text or "", triaged(certainty=Certainty.NOT_SURE, probability=0.3))
        if isinstance(said, Exception):
            raise said
        return labels_of(said)


def feeling(sentiment: Sentiment, score: float, text: str) -> Triage:
    """A message of a customer who feels like that, for which ``text`` is the evidence."""
    said = triaged(sentiment=sentiment, score=score)
    evidence = tuple(replace(words, text=text) for words in said.sentiment.evidence)
    return replace(said, sentiment=Label(sentiment, 0.8, evidence))
