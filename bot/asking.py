"""Answers to questions that belong to no conversation: nothing is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

from bot.answer import Answer, AnswerChunk
from bot.labelling import Labelling
from bot.turns import Pipeline, Question
from kit.ids import WorkspaceId
from kit.privacy import redact, restore
from retrieval import HistoryTurn


class Asking:
    """Asks the pipeline as a conversation would, redacted and labelled."""

    def __init__(self, pipeline: Pipeline, labelling: Labelling) -> None:
        self._pipeline = pipeline
        self._labelling = labelling

    async def ask(
        self,
        workspace: WorkspaceId,
        text: str,
        *,
        history: Sequence[HistoryTurn],
        on_text: Callable[[str], None] | None = None,
    ) -> Answer:
        """An answer to ``text`` after ``history``; ``on_text`` hears it piece by piece."""
        mapping: dict[str, str] = {}
        turns = []
        for turn in history:
            redaction = redact(turn.text, mapping)
            mapping = dict(redaction.mapping)
            turns.append(replace(turn, text=redaction.text))
        redaction = redact(text, mapping)
        asked_back = bool(turns) and not turns[-1].by_customer and turns[-1].text.rstrip().endswith("?")
        labels = self._labelling.look(workspace, text, placeholders=redaction.mapping)
        answer = await self._pipeline.answer(
            Question(workspace, redaction.text, turns, asked_back=asked_back, labels=labels),
            on_text=None if on_text is None else lambda piece: on_text(restore(piece, redaction.mapping)),
        )
        return replace(answer, text=restore(answer.text, redaction.mapping))

    async def stream(
        self, workspace: WorkspaceId, text: str, *, history: Sequence[HistoryTurn]
    ) -> AsyncIterator[AnswerChunk]:
        """As ``ask``, piece by piece; the last chunk carries the answer whole."""
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        task = asyncio.create_task(self.ask(workspace, text, history=history, on_text=pieces.put_nowait))
        task.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                yield AnswerChunk(text=piece)
            yield AnswerChunk(answer=await task)
        finally:
            task.cancel()
