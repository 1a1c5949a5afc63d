"""An assistant on a real database, with a pipeline that follows a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from bot.answer import Answer, AnswerKind, AnswerSentence, Citation
from bot.assistant import Assistant
from bot.conversations import ConversationStore
from bot.labels import Labeller
from bot.turns import Question
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE, DocumentId, PassageId, VersionId
from store.encryption import Cipher
from store.engine import Database
from store.tables import document_versions, documents, sources

CITATION = Citation(
    document_id=DocumentId("doc_1"),
    version_id=VersionId("ver_1"),
    passage_id=PassageId(7),
    quote="It is free.",
    start=10,
    end=21,
    title="Moving home",
    headings=("Costs", "Fees"),
    url="https://help.example/moving",
)


@dataclass
class ScriptedPipeline:
    """Answers what the script says for a text, else that it is free, citing one passage."""

    script: dict[str, Answer | Exception] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event | None = None

    async def answer(self, question: Question, *, on_text: Callable[[str], None] | None = None) -> Answer:
        self.questions.append(question)
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        answer = self.script.get(question.text) or free_of_charge()
        if isinstance(answer, Exception):
            raise answer
        if on_text is not None:
            for word in answer.text.split(" "):
                on_text(word + " ")
        return answer


def free_of_charge(**changes: object) -> Answer:
    values: dict[str, object] = {
        "kind": AnswerKind.ANSWER,
        "text": "It is free.",
        "sentences": (AnswerSentence("It is free.", (CITATION,), 0.97),),
        "answerability": 0.9,
        "trace": {"language": "en"},
    }
    return Answer(**{**values, **changes})  # type: ignore[arg-type]  # a test's shorthand


@pytest.fixture
def pipeline() -> ScriptedPipeline:
    return ScriptedPipeline()


async def add_cited_document(database: Database, clock: ManualClock) -> None:
    """The document that ``CITATION`` quotes."""
    now = clock.now()
    base = {"workspace_id": DEFAULT_WORKSPACE, "created_at": now}
    async with database.write() as connection:
        await connection.execute(
            sources.insert().values(**base, id="src_1", kind="folder", location="kb", state={})
        )
        await connection.execute(
            documents.insert().values(
                **base, id="doc_1", source_id="src_1", key="moving.md", current_version_id="ver_1"
            )
        )
        await connection.execute(
            document_versions.insert().values(
                **base,
                id="ver_1",
                document_id="doc_1",
                number=1,
                content_hash="0" * 64,
                title="Moving home",
                text="You ask? \nIt is free.",
                kind="article",
                metadata={},
            )
        )


def make_assistant(
    database: Database,
    pipeline: ScriptedPipeline,
    clock: ManualClock,
    *,
    labeller: Labeller | None = None,
    burst_window: float = 0.0,
) -> Assistant:
    return Assistant(
        database=database,
        conversations=ConversationStore(Cipher(bytes(32))),
        pipeline=pipeline,
        clock=clock,
        labeller=labeller,
        burst_window=burst_window,
    )


@pytest.fixture
async def assistant(
    each_database: Database, pipeline: ScriptedPipeline, clock: ManualClock
) -> AsyncIterator[Assistant]:
    await add_cited_document(each_database, clock)
    assistant = make_assistant(each_database, pipeline, clock)
    yield assistant
    await assistant.stop()
