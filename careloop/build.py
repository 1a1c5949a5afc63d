"""The composition root: makes every part from the settings, top to bottom. Nothing else builds anything."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from langchain_core.language_models import BaseChatModel

from api.app import create_app
from api.learning import renew
from api.rate_limit import Limit
from api.state import ApiConfig, Limits, Services
from api.triagers import TriageParts
from bot.assistant import Assistant
from bot.claim_review import ClaimReview
from bot.standalone import StandaloneRewriter
from careloop.build_assistant import build_assistant
from careloop.build_claims import build_brands
from careloop.build_delivery import build_delivery, build_nurture_outbox, build_targets, deliver
from careloop.build_inbound import build_receiver
from careloop.build_insights import build_insights
from careloop.build_outlook import build_outlook
from careloop.build_signals import build_signals, ticket_signals, turn_signals
from careloop.build_triage import build_triage
from careloop.folder_lock import FolderLock
from careloop.settings import Mode, Settings
from careloop.turn_labeller import TurnLabeller
from customers import CustomerBook
from customers.health import HealthWeights
from customers.journey import Journey
from inference.chat import ChatModelConfig, build_chat_model
from inference.embeddings import Encoder, EncoderEmbeddings
from inference.encoder import bundled_model, load_encoder
from inference.openai_embeddings import EmbeddingsConfig, OpenAiEncoder
from insights.parts import InsightParts
from kit.clock import Clock, SystemClock
from kit.errors import Misconfigured
from kit.ids import DEFAULT_WORKSPACE
from knowledge_base.catalogue import Catalogue
from knowledge_base.sources import FolderSource, Source, SourceKind, WebsiteSource
from knowledge_base.splitter import split
from knowledge_base.sync import Synchroniser
from retrieval.follower import IndexFollower
from retrieval.index import ChromaIndex, MemoryIndex, VectorIndex
from retrieval.retriever import HybridRetriever, Retriever
from signals.delivery.parts import DeliveryParts
from signals.inbound.receiver import Receiver
from signals.parts import SignalParts
from signals.predictions.outlook import Outlook
from store.access import Access
from store.encryption import Cipher, load_or_create_key
from store.engine import Database, sqlite_url
from store.errors import DatabaseUnwritable
from store.migrate import upgrade

_FOLLOW_SECONDS = 1.0
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything the application is made of, ready to use.

    ``owns_index`` is false when another process of this machine has the embedded index open; this one
    then searches an exact copy in memory, and what it ingests reaches the other's index through the
    database.
    """

    settings: Settings
    clock: Clock
    database: Database
    cipher: Cipher
    access: Access
    embeddings: EncoderEmbeddings
    index: VectorIndex
    follower: IndexFollower
    owns_index: bool
    retriever: Retriever
    catalogue: Catalogue
    synchroniser: Synchroniser
    assistant: Assistant
    chat_model: BaseChatModel | None
    triage: TriageParts | None
    signals: SignalParts | None
    customers: CustomerBook
    delivery: DeliveryParts
    inbound: Receiver | None
    claims: ClaimReview
    insights: InsightParts
    outlook: Outlook


@asynccontextmanager
async def build(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Parts]:
    """Every part; closed again when the block ends.

    Raises ``Misconfigured`` (unusable data folder, key or model) or ``Unavailable`` (database or index
    server does not answer).
    """
    clock = clock or SystemClock()
    prepare_data_folder(settings.data_dir)
    async with AsyncExitStack() as stack:
        database = await open_database(settings)
        stack.push_async_callback(database.close)
        access = Access(database, clock)
        await access.ensure_workspace(DEFAULT_WORKSPACE, name=settings.bot.company)
        cipher = Cipher(encryption_key(settings))
        embeddings = EncoderEmbeddings(
            stack.enter_context(open_encoder(settings)), cache_size=settings.encoder.cache_size
        )
        index, owns_index = _open_index(settings, embeddings.identity, stack)
        follower = IndexFollower(database, index, encoder=embeddings.identity)
        chat_model = _chat_model(settings, stack)
        rewriter = StandaloneRewriter(chat_model) if chat_model and settings.llm.rewrite_questions else None
        retriever = HybridRetriever(database, embeddings, index, rewriter=rewriter)
        customers = build_customers(settings, cipher)
        targets = build_targets(settings, clock)
        stack.push_async_callback(targets.close)
        delivery = build_delivery(targets, cipher, clock)
        brands = build_brands(settings)
        claims = ClaimReview(brands, clock)
        signals = build_signals(
            settings,
            customers,
            cipher,
            clock=clock,
            outbox=delivery.outbox,
            nurture_outbox=build_nurture_outbox(settings, cipher, clock),
            brands=brands,
            embeddings=embeddings,
        )
        outlook = build_outlook(
            settings, database, customers, signals, encoder=embeddings.encoder, clock=clock
        )
        triage = await build_triage(
            settings,
            database,
            embeddings.encoder,
            cipher=cipher,
            key=encryption_key(settings),
            clock=clock,
            chat_model=chat_model,
            reader=None if signals is None else ticket_signals(settings, signals),
        )
        assistant = build_assistant(
            settings,
            database,
            cipher=cipher,
            clock=clock,
            retriever=retriever,
            labeller=None if triage is None else TurnLabeller(triage, embeddings, clock=clock),
            reader=None if signals is None else turn_signals(settings, signals),
            chat_model=chat_model,
            claims=claims,
        )
        stack.push_async_callback(assistant.stop)
        await follower.reconcile()
        yield Parts(
            settings=settings,
            clock=clock,
            database=database,
            cipher=cipher,
            access=access,
            embeddings=embeddings,
            index=index,
            follower=follower,
            owns_index=owns_index,
            retriever=retriever,
            catalogue=Catalogue(database),
            synchroniser=Synchroniser(database, embeddings, clock=clock, split=split),
            assistant=assistant,
            chat_model=chat_model,
            triage=triage,
            signals=signals,
            customers=customers,
            delivery=delivery,
            inbound=None
            if signals is None
            else build_receiver(
                database, signals, customers, cipher=cipher, key=encryption_key(settings), clock=clock
            ),
            claims=claims,
            insights=build_insights(
                settings,
                database,
                cipher=cipher,
                book=customers,
                clock=clock,
                retriever=retriever,
                encoder=embeddings.encoder,
                triage=triage,
            ),
            outlook=outlook,
        )


@asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[None]:
    """Background work of a server while the block runs: follow the database, answer what was left open."""
    if parts.triage is not None:
        workspaces = [workspace.id for workspace in await parts.access.workspaces()]
        await renew(parts.triage.registry, workspaces, parts.triage.triagers.shipped)
    following = (
        asyncio.create_task(parts.follower.follow(interval=_FOLLOW_SECONDS)) if parts.owns_index else None
    )
    recovering = asyncio.create_task(parts.assistant.recover())
    stopping = asyncio.Event()
    delivering = asyncio.create_task(_deliver(parts, stopping))
    try:
        yield
    finally:
        stopping.set()
        await delivering
        for task in (following, recovering):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


async def _deliver(parts: Parts, stopping: asyncio.Event) -> None:
    if not (parts.settings.delivery.in_process and parts.settings.connectors):
        return
    await deliver(
        parts.settings,
        parts.database,
        parts.delivery,
        book=parts.customers,
        cipher=parts.cipher,
        access=parts.access,
        clock=parts.clock,
        stopping=stopping,
        signals=parts.signals,
        receiver=parts.inbound,
    )


def build_app(parts: Parts, *, stopping: asyncio.Event | None = None) -> FastAPI:
    """The HTTP application over ``parts``; setting ``stopping`` ends its streams."""

    async def index_answers() -> None:
        vector = await parts.embeddings.encode_queries(["ready"])
        await parts.index.query(DEFAULT_WORKSPACE, vector, limit=1)

    async def encoder_answers() -> None:
        await parts.embeddings.encode_queries(["ready"])

    services = Services(
        database=parts.database,
        cipher=parts.cipher,
        access=parts.access,
        chat=parts.assistant,
        retriever=parts.retriever,
        catalogue=parts.catalogue,
        synchroniser=parts.synchroniser,
        open_source=open_source,
        customers=parts.customers,
        triage=parts.triage,
        signals=parts.signals,
        delivery=parts.delivery,
        inbound=parts.inbound,
        claims=parts.claims,
        insights=parts.insights,
        outlook=parts.outlook,
        checks={"database": parts.database.ping, "index": index_answers, "encoder": encoder_answers},
        clock=parts.clock,
        stopping=stopping or asyncio.Event(),
    )
    return create_app(services, api_config(parts.settings))


def open_source(kind: SourceKind, location: str) -> Source:
    """The source of ``kind`` at ``location``. Raises ``SourceInvalid`` or ``UnsafeAddress``."""
    match kind:
        case SourceKind.FOLDER:
            return FolderSource(Path(location))
        case SourceKind.WEBSITE:
            return WebsiteSource(location)


def api_config(settings: Settings) -> ApiConfig:
    """What the API needs of the settings."""
    server = settings.server
    return ApiConfig(
        visitor_secret=_derived(encryption_key(settings), "visitor tokens"),
        version=version("careloop"),
        open_access=settings.mode is Mode.DEVELOPMENT,
        allowed_hosts=server.allowed_hosts,
        allowed_origins=server.allowed_origins,
        company=settings.bot.company,
        visitor_token_lifetime=timedelta(minutes=server.visitor_token_minutes),
        limits=Limits(
            key=Limit.per_minute(server.requests_per_minute),
            visitor=Limit.per_minute(server.visitor_requests_per_minute),
            address=Limit.per_minute(server.address_requests_per_minute),
        ),
        knowledge_roots=settings.knowledge_roots,
    )


def build_customers(settings: Settings, cipher: Cipher) -> CustomerBook:
    """Customers by the rules that are configured. Raises ``RulesUnreadable``."""
    chosen = settings.customers
    return CustomerBook(
        cipher,
        encryption_key(settings),
        journey=None if chosen.journey is None else Journey.load(chosen.journey),
        weights=None if chosen.health is None else HealthWeights.load(chosen.health),
        country_code=chosen.country_code,
    )


def encryption_key(settings: Settings) -> bytes:
    """The 32 bytes that encrypt at rest, from the settings or the data folder. Raises ``Misconfigured``."""
    if settings.encryption_key is None:
        return load_or_create_key(settings.data_dir / "encryption.key")
    try:
        key = base64.urlsafe_b64decode(settings.encryption_key.get_secret_value())
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise Misconfigured("CARELOOP_ENCRYPTION_KEY must be 32 bytes in base64url.")
    return key


def prepare_data_folder(folder: Path) -> None:
    """Make the data folder. Raises ``DatabaseUnwritable`` when it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise DatabaseUnwritable(
            f"The data folder {folder} cannot be written: {error.strerror}. CARELOOP_DATA_DIR names it."
        ) from error


async def open_database(settings: Settings) -> Database:
    """The configured database, brought to the newest schema. Raises ``DatabaseUnavailable``."""
    url = database_url(settings)
    database = Database(url)
    if database.dialect != "sqlite":
        await database.ping()  # says in one line that the server does not answer; a migration would not
    await asyncio.to_thread(upgrade, url)
    return database


def database_url(settings: Settings) -> str:
    """The database's URL with the driver we use."""
    if settings.database_url is None:
        return sqlite_url(settings.data_dir.resolve() / "careloop.db")
    scheme, separator, rest = settings.database_url.partition("://")
    if not separator or scheme.split("+")[0] not in {"postgresql", "postgres"}:
        raise Misconfigured("CARELOOP_DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    return f"postgresql+psycopg://{rest}"


@contextmanager
def open_encoder(settings: Settings) -> Iterator[Encoder]:
    """The encoder that is configured. Raises ``ModelMissing`` when it cannot be loaded."""
    choice = settings.encoder
    if choice.base_url is None:
        model = choice.model or bundled_model()
        yield load_encoder(model, cache=choice.cache_dir.resolve(), threads=choice.threads)
        return
    config = EmbeddingsConfig(model=choice.model_name, base_url=choice.base_url, api_key=choice.api_key)
    with closing(OpenAiEncoder(config)) as encoder:
        yield encoder


def _open_index(settings: Settings, encoder: str, stack: AsyncExitStack) -> tuple[VectorIndex, bool]:
    if settings.index.url is not None:
        return ChromaIndex.server(settings.index.url, encoder=encoder), True
    folder = settings.data_dir / "index"
    lock = FolderLock(folder)
    stack.callback(lock.release)
    if lock.acquire():
        index = ChromaIndex.embedded(folder, encoder=encoder)
        stack.callback(index.close)
        return index, True
    return MemoryIndex(), False


def _chat_model(settings: Settings, stack: AsyncExitStack) -> BaseChatModel | None:
    llm = settings.llm
    if llm.model is None:
        return None
    config = ChatModelConfig(
        model=llm.model, base_url=llm.base_url, api_key=llm.api_key, timeout_seconds=llm.timeout_seconds
    )
    model = build_chat_model(config)
    stack.push_async_callback(model.aclose)
    return model


def _derived(key: bytes, purpose: str) -> bytes:
    """A key for ``purpose`` that says nothing about ``key`` (keyed BLAKE2b)."""
    return hashlib.blake2b(purpose.encode(), key=key, digest_size=_KEY_BYTES).digest()
