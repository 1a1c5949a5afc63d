"""The API over a real database and the real assistant; only what answers and what searches is scripted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import Insert, insert
from sqlalchemy.exc import IntegrityError

from api import ApiConfig, Services, create_app
from bot.answer import Answer, AnswerKind, AnswerSentence, Citation
from bot.assistant import Assistant
from bot.claim_review import TRACE, Became, ClaimReview, Objection
from bot.conversations import ConversationStore
from bot.turns import Question
from careloop.build_inbound import build_receiver
from customers import CustomerBook
from kit.clock import ManualClock
from kit.errors import CareloopError
from kit.ids import DEFAULT_WORKSPACE, DocumentId, PassageId, VersionId, WorkspaceId
from kit.text import words
from knowledge_base.catalogue import Catalogue
from knowledge_base.document import DocumentKind, Passage, PassageKind
from knowledge_base.report import Progress, SyncProgress, SyncReport
from knowledge_base.sources.source import EntryState, Listed, Source, SourceKind
from retrieval import Filter, HistoryTurn, RankedPassage, Retrieval
from signals.brand.brands import Brands
from signals.brand.claim_checker import ClaimChecker, Finding, FindingKind
from signals.brand.claims import read_claims
from store.access import Access, Scope
from store.encryption import Cipher
from store.engine import Database
from store.tables import document_versions, documents, ingestions, passages, sources
from tests.api.delivery_parts import delivery_parts
from tests.api.signal_parts import KEY, outlook_parts, signal_parts
from tests.api.tiny_triage import ENCODER, shop_triage
from tests.insights.shop import insight_parts

OTHER = WorkspaceId("other")
TITLE = "Change your mind: the 14-day cooling-off period"
QUOTE = "You have 14 days to call off a new order."
STEPS = "1. Call **0800 496 0100**.\n2. Give the order number."
ARTICLE = f"# {TITLE}\n\n{QUOTE} The days count from your order confirmation.\n\n## How\n\n{STEPS}\n"


OBJECTION = Objection(
    Finding(FindingKind.WRONG_NUMBER, 0, 3, "£31", "Fibre 300", "price 34, 37, 40, 42 GBP"), Became.LEFT_OUT
)


@dataclass
class ScriptedPipeline:
    """Answers by what the question holds: ``which``, ``person``, ``fail``, ``wait``; else with two quotes.

    To a question of a ``price`` it left one out that is not approved.
    """

    citation: Citation
    steps: Citation
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[Question] = field(default_factory=list)
    error: CareloopError | None = None

    async def answer(self, question: Question, *, on_text: Callable[[str], None] | None = None) -> Answer:
        self.asked.append(question)
        if self.error is not None:
            raise self.error
        if "fail" in question.text:
            raise RuntimeError(f"secret words of the customer: {question.text}")
        if "wait" in question.text:
            await self.gate.wait()
        answer = self._answer(question)
        for piece in answer.text.split(" ") if on_text else ():
            on_text(piece + " ")  # type: ignore[misc]  # guarded by the conditional above
            await asyncio.sleep(0)
        return answer

    def _answer(self, question: Question) -> Answer:
        if "which" in question.text:
            options = ("Broadband", "Mobile")
            return Answer(AnswerKind.CLARIFY, "Is it about broadband or mobile?", options=options)
        if "person" in question.text:
            return Answer(
                AnswerKind.HANDOVER, "A colleague will take over.", trace={"reason": "asked_for_person"}
            )
        trace = {TRACE: [OBJECTION.record()]} if "price" in question.text else {}
        sentences = (
            AnswerSentence(QUOTE, (self.citation,)),
            AnswerSentence(STEPS, (self.steps, self.citation)),
        )
        return Answer(AnswerKind.ANSWER, f"{QUOTE}\n\n{STEPS}", sentences, 0.93, trace=trace)


class WordRetriever:
    """Ranks the given passages of each workspace by the words they share with the question."""

    def __init__(self, found: dict[WorkspaceId, Sequence[Passage]]) -> None:
        self._passages = found

    async def search(
        self,
        workspace: WorkspaceId,
        question: str,
        *,
        history: Sequence[HistoryTurn] = (),  # noqa: ARG002 (the port has it)
        limit: int = 10,
        where: Filter | None = None,  # noqa: ARG002 (the port has it)
    ) -> Retrieval:
        asked = set(words(question))
        scored = [(len(asked & set(words(item.text))), item) for item in self._passages.get(workspace, ())]
        ranked = [
            RankedPassage(item, score, score, score) for score, item in sorted(scored, key=lambda x: -x[0])
        ]
        return Retrieval(tuple(ranked[:limit]), question, 0.0, np.zeros(3, dtype=np.float32))


@dataclass
class RecordedSync:
    """Notes what it is asked to sync, and stores the source, as the real one would."""

    database: Database
    clock: ManualClock
    synced: list[tuple[WorkspaceId, str]] = field(default_factory=list)
    error: CareloopError | None = None
    gate: asyncio.Event | None = None

    async def sync(
        self, workspace_id: WorkspaceId, source: Source, *, progress: Progress | None = None
    ) -> SyncReport:
        if self.error is not None:
            raise self.error
        self.synced.append((workspace_id, source.location))
        name = f"src_{len(self.synced)}{workspace_id}"
        with suppress(IntegrityError):
            async with self.database.write() as connection:
                await connection.execute(
                    _source_row(name, workspace_id, source.kind, source.location, self.clock)
                )
        if progress is not None:
            progress(SyncProgress(read=1, settled=1, passages=1, failed=0, expected=0, key="a"))
        if self.gate is not None:
            await self.gate.wait()
        return SyncReport(
            "ing_1",
            name,
            added=1,
            changed=0,
            unchanged=0,
            removed=0,
            passages=1,
            seconds=0.1,
            skipped={},
            failures=(),
        )


@dataclass(frozen=True)
class NamedSource:
    """A source that is never read."""

    kind: SourceKind
    location: str

    def entries(self, known: Mapping[str, EntryState]) -> AsyncGenerator[Listed, None]:
        raise NotImplementedError


@dataclass
class World:
    """Everything a test of the API may want to touch."""

    app: FastAPI
    services: Services
    config: ApiConfig
    pipeline: ScriptedPipeline
    assistant: Assistant
    syncs: RecordedSync
    clock: ManualClock
    keys: dict[str, str]

    def client(
        self,
        key: str | None = "all",
        *,
        address: str = "203.0.113.9",
        host: str = "care.example",
        **headers: str,
    ) -> httpx.AsyncClient:
        """A client elsewhere that has the key named ``key``, or none."""
        if key is not None:
            headers["Authorization"] = f"Bearer {self.keys.get(key, key)}"
        transport = httpx.ASGITransport(self.app, client=(address, 5000))
        return httpx.AsyncClient(
            transport=transport,
            base_url=f"http://{host}",
            headers={k.replace("_", "-"): v for k, v in headers.items()},
        )

    def with_config(self, **changes: object) -> World:
        """The same over other settings."""
        config = replace(self.config, **changes)  # type: ignore[arg-type]  # names are checked by dataclasses
        services = replace(self.services, registry=CollectorRegistry())
        return replace(self, app=create_app(services, config), services=services, config=config)

    def with_services(self, **changes: object) -> World:
        """The same with other parts."""
        changes.setdefault("registry", CollectorRegistry())
        services = replace(self.services, **changes)  # type: ignore[arg-type]  # names are checked by dataclasses
        return replace(self, app=create_app(services, self.config), services=services)


@pytest.fixture
async def world(database: Database, clock: ManualClock, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, clock, tmp_path / "triage") as made:
        yield made


@pytest.fixture
async def each_world(each_database: Database, clock: ManualClock, tmp_path: Path) -> AsyncIterator[World]:
    """The same, once on SQLite and once on PostgreSQL."""
    async with open_world(each_database, clock, tmp_path / "triage") as made:
        yield made


@asynccontextmanager
async def open_world(database: Database, clock: ManualClock, models: Path) -> AsyncIterator[World]:
    made = await make_world(database, clock, models)
    yield made
    await made.app.state.learning.stop()
    await made.app.state.opinions.stop()
    await made.app.state.operations.stop()
    made.pipeline.gate.set()
    await made.assistant.stop()


async def make_world(database: Database, clock: ManualClock, models: Path) -> World:
    """Two workspaces, ``default`` and ``other``, each with one article and keys of every scope."""
    found = {space: await _article(database, clock, space) for space in (DEFAULT_WORKSPACE, OTHER)}
    cipher = Cipher(b"k" * 32)
    retriever = WordRetriever(dict(found))
    book = CustomerBook(cipher, b"k" * 32, country_code="44")
    triage = shop_triage(database, cipher, clock, models)
    pipeline = ScriptedPipeline(
        _citation(found[DEFAULT_WORKSPACE][0]), _citation(found[DEFAULT_WORKSPACE][1])
    )
    assistant = Assistant(
        database=database, conversations=ConversationStore(cipher), pipeline=pipeline, clock=clock
    )
    syncs = RecordedSync(database, clock)
    access = Access(database, clock)
    signals = signal_parts(cipher, clock)
    services = Services(
        database=database,
        cipher=cipher,
        access=access,
        chat=assistant,
        retriever=retriever,
        catalogue=Catalogue(database),
        synchroniser=syncs,
        open_source=NamedSource,
        customers=book,
        triage=triage,
        signals=signals,
        delivery=delivery_parts(cipher, clock),
        inbound=build_receiver(
            database, signals, CustomerBook(cipher, KEY), cipher=cipher, key=KEY, clock=clock
        ),
        claims=ClaimReview(Brands(own={DEFAULT_WORKSPACE: ClaimChecker(read_claims())}), clock),
        insights=insight_parts(
            database, cipher, clock, book=book, retriever=retriever, encoder=ENCODER, router=triage.router
        ),
        outlook=outlook_parts(database, cipher, clock),
        checks={"database": database.ping},
        clock=clock,
    )
    config = ApiConfig(
        visitor_secret=b"s" * 32, allowed_hosts=("care.example",), heartbeat=timedelta(seconds=0.2)
    )
    keys = {}
    for scopes in (*([scope] for scope in Scope), list(Scope)):
        _, secret = await access.create_key(DEFAULT_WORKSPACE, name="test", scopes=scopes)
        keys[scopes[0] if len(scopes) == 1 else "all"] = secret
    _, keys["other"] = await access.create_key(OTHER, name="test", scopes=list(Scope))
    return World(create_app(services, config), services, config, pipeline, assistant, syncs, clock, keys)


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client() as client:
        yield client


@pytest.fixture
async def each_client(each_world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with each_world.client() as client:
        yield client


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The base URL of ``app`` behind a real server on loopback."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, ws="none", lifespan="on", timeout_graceful_shutdown=2)
    )
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        app.state.services.stopping.set()
        server.should_exit = True
        await task
        listening.close()


def _source_row(name: str, space: str, kind: str, location: str, clock: ManualClock) -> Insert:
    return insert(sources).values(
        id=name, workspace_id=space, kind=kind, location=location, state={}, created_at=clock.now()
    )


async def _article(database: Database, clock: ManualClock, space: WorkspaceId) -> list[Passage]:
    """One article in ``space``, and its two passages."""
    now, found = clock.now(), []
    async with database.write() as connection:
        await connection.execute(_source_row(f"src_{space}", space, "folder", f"/help/{space}", clock))
        await connection.execute(
            insert(ingestions).values(
                id=f"ing_{space}", workspace_id=space, source_id=f"src_{space}", state="completed",
                counts={"added": 1, "failed": 1}, failures=[{"key": "b.pdf", "reason": "damaged"}],
                started_at=now, finished_at=now,
            )
        )  # fmt: skip
        await connection.execute(
            insert(documents).values(
                id=f"doc_{space}", workspace_id=space, source_id=f"src_{space}", key="cooling-off.md",
                current_version_id=f"ver_{space}", created_at=now,
            )
        )  # fmt: skip
        await connection.execute(
            insert(document_versions).values(
                id=f"ver_{space}", workspace_id=space, document_id=f"doc_{space}", number=1, content_hash="0",
                title=TITLE, text=ARTICLE, kind=DocumentKind.ARTICLE, metadata={"category": "cancelling"},
                created_at=now, updated_at=now,
            )
        )  # fmt: skip
        for ordinal, text in enumerate((QUOTE, STEPS)):
            start = ARTICLE.index(text)
            row = await connection.execute(
                insert(passages).values(
                    workspace_id=space, document_id=f"doc_{space}", version_id=f"ver_{space}",
                    ordinal=ordinal, start=start, end=start + len(text), kind=PassageKind.PROSE,
                    title=TITLE, headings="", context="", text=text, metadata={}, embedding=np.ones(3),
                )
            )  # fmt: skip
            assert row.inserted_primary_key is not None
            found.append(
                Passage(
                    PassageId(row.inserted_primary_key[0]), DocumentId(f"doc_{space}"),
                    VersionId(f"ver_{space}"),
                    "cooling-off.md", TITLE, None, ordinal, start, start + len(text), text, PassageKind.PROSE,
                )
            )  # fmt: skip
    return found


def _citation(passage: Passage) -> Citation:
    return Citation(
        passage.document_id,
        passage.version_id,
        passage.id,
        passage.text,
        passage.start,
        passage.end,
        passage.title,
    )
