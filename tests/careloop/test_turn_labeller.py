"""The assistant's triage with all its parts: the encoder and the models that ship, search, a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.learning import adopt
from api.triagers import KIND, TriageParts
from bot.assistant import Assistant
from bot.conversation import Author
from bot.labels import Labels
from careloop.build import build
from careloop.build_assistant import build_assistant
from careloop.build_triage import build_triage
from careloop.settings import EncoderSettings, Settings
from careloop.turn_labeller import TurnLabeller
from inference.embeddings import EncoderEmbeddings, Matrix, SpanEmbeddings, TokenEmbeddings
from inference.encoder import OpenVinoEncoder
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE, ConversationId
from retrieval import HybridRetriever, MemoryIndex
from store.encryption import Cipher
from store.engine import Database
from tests.api.tiny_triage import shop_triage
from tests.conftest import ROOT
from tests.triage.tiny_models import ENCODER
from triage.labels import Certainty
from triage.message import Message

pytestmark = pytest.mark.anyio

CIPHER = Cipher(bytes(32))
DOWN = "My broadband has been down since this morning, I work from home!"


class CountingEncoder:
    """The encoder that ships, and how often it was given each text."""

    def __init__(self, encoder: OpenVinoEncoder) -> None:
        self._encoder = encoder
        self.identity, self.dimensions = encoder.identity, encoder.dimensions
        self.passes: Counter[str] = Counter()

    def encode(self, texts: Sequence[str]) -> Matrix:
        self.passes.update(texts)
        return self._encoder.encode(texts)

    def encode_with_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> SpanEmbeddings:
        self.passes.update(texts)
        return self._encoder.encode_with_spans(texts, spans)

    def encode_with_tokens(self, texts: Sequence[str]) -> TokenEmbeddings:
        self.passes.update(texts)
        return self._encoder.encode_with_tokens(texts)


@dataclass
class Desk:
    """An assistant over an empty help centre, and the encoder that all of it shares."""

    assistant: Assistant
    encoder: CountingEncoder

    async def say(self, conversation: ConversationId, text: str) -> Labels:
        await self.assistant.send(DEFAULT_WORKSPACE, conversation, text)
        await self.assistant.stop()
        said = await self.assistant.messages(DEFAULT_WORKSPACE, conversation)
        labels = [message.labels for message in said if message.author is Author.CUSTOMER][-1]
        assert labels is not None
        return labels


def _settings(folder: Path) -> Settings:
    return Settings(
        _env_file=None, data_dir=folder, encoder=EncoderSettings(cache_dir=ROOT / "var" / "models")
    )


@pytest.fixture
async def desk(
    database: Database, clock: ManualClock, real_encoder: OpenVinoEncoder, tmp_path: Path
) -> AsyncIterator[Desk]:
    encoder = CountingEncoder(real_encoder)
    embeddings = EncoderEmbeddings(encoder)
    settings = _settings(tmp_path)
    triage = await build_triage(settings, database, encoder, cipher=CIPHER, key=bytes(32), clock=clock)
    assert triage is not None
    assistant = build_assistant(
        settings,
        database,
        cipher=CIPHER,
        clock=clock,
        retriever=HybridRetriever(database, embeddings, MemoryIndex()),
        labeller=TurnLabeller(triage, embeddings, clock=clock),
        chat_model=None,
    )
    encoder.passes.clear()  # where the cache was empty, models were trained
    yield Desk(assistant, encoder)
    await assistant.stop()


async def test_a_turn_costs_one_encoder_pass_of_its_words(desk: Desk) -> None:
    first, second = [(await desk.assistant.open(DEFAULT_WORKSPACE)).id for _ in range(2)]
    labels = await desk.say(first, DOWN)
    assert desk.encoder.passes == {DOWN: 1}
    assert labels.triage.queue.name == "technical_support"
    assert labels.triage.intent.evidence
    again = await desk.say(second, DOWN)
    assert desk.encoder.passes == {DOWN: 1}
    assert again.triage == labels.triage


async def test_words_that_lean_on_others_cost_no_further_pass_of_those(desk: Desk) -> None:
    conversation = (await desk.assistant.open(DEFAULT_WORKSPACE)).id
    await desk.say(conversation, "ok great")
    await desk.assistant.ask(DEFAULT_WORKSPACE, DOWN)
    await desk.assistant.stop()
    await desk.say(conversation, DOWN)
    assert desk.encoder.passes[DOWN] == 1
    assert max(desk.encoder.passes.values()) == 1


async def test_no_model_is_shown_personal_data_and_labels_quote_what_was_written(desk: Desk) -> None:
    conversation = (await desk.assistant.open(DEFAULT_WORKSPACE)).id
    text = "I am Anna Schmidt, write to anna@example.org about order 48291733: refund me the 12.50 EUR!"
    labels = await desk.say(conversation, text)
    (shown,) = desk.encoder.passes
    assert desk.encoder.passes[shown] == 1
    assert not any(secret in shown for secret in ("Anna", "anna@", "48291733"))
    named = {entity.kind: entity.text for entity in labels.triage.entities}
    assert named["order"] == "48291733"
    for words in (*labels.triage.intent.evidence, *labels.triage.sentiment.evidence):
        assert text[words.start : words.end] == words.text
    assert all(text[entity.start : entity.end] == entity.text for entity in labels.triage.entities)


async def test_names_of_brands_are_another_text_and_cost_a_pass(desk: Desk) -> None:
    conversation = (await desk.assistant.open(DEFAULT_WORKSPACE)).id
    text = "I am leaving Brightwater for Vexa, your prices are outrageous"
    labels = await desk.say(conversation, text)
    assert desk.encoder.passes == {
        text: 1,
        "I am leaving our company for a competitor, your prices are outrageous": 1,
    }
    assert "churn_risk" in {label.name for label in labels.triage.signals}


async def test_what_is_handed_over_waits_where_the_rules_send_a_ticket(desk: Desk) -> None:
    opened = await desk.assistant.open(DEFAULT_WORKSPACE)
    labels = await desk.say(opened.id, DOWN)  # an empty help centre answers nothing
    waiting = await desk.assistant.get(DEFAULT_WORKSPACE, opened.id)
    assert labels.triage.certainty is Certainty.SURE
    assert (waiting.queue, waiting.priority) == (labels.route.queue, labels.route.priority)
    assert waiting.queue == "technical_support"
    assert any(line.startswith("triage: queue technical_support") for line in labels.route.why)


async def test_the_workspace_s_live_model_answers(
    database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    parts: TriageParts = shop_triage(database, CIPHER, clock, tmp_path)
    await adopt(parts.registry, DEFAULT_WORKSPACE, parts.triagers.shipped)
    labeller = TurnLabeller(parts, EncoderEmbeddings(ENCODER), clock=clock)
    labels = await labeller.label(DEFAULT_WORKSPACE, Message("refund me"), placeholders={}, channel="api")
    live = await parts.registry.live(DEFAULT_WORKSPACE, KIND)
    assert live is not None
    assert labels.intent_model == live.version


@pytest.mark.parametrize("routed", [True, False])
async def test_without_rules_a_queue_is_named_by_what_triage_is_sure_of(
    database: Database, clock: ManualClock, tmp_path: Path, *, routed: bool
) -> None:
    parts = shop_triage(database, CIPHER, clock, tmp_path, routed=routed)
    labeller = TurnLabeller(parts, EncoderEmbeddings(ENCODER), clock=clock)
    labels = await labeller.label(
        DEFAULT_WORKSPACE, Message("I want my money back, refund me"), placeholders={}, channel="letter"
    )
    sure = labels.triage.certainty is Certainty.SURE
    by_triage = labels.triage.queue.name if sure else None
    assert labels.route.queue == ("accounts" if routed else by_triage)


async def test_the_application_is_built_with_it(tmp_path: Path) -> None:
    async with build(_settings(tmp_path)) as parts:
        opened = await parts.assistant.open(DEFAULT_WORKSPACE)
        await parts.assistant.send(DEFAULT_WORKSPACE, opened.id, DOWN)
        await parts.assistant.stop()
        asked, _ = await parts.assistant.messages(DEFAULT_WORKSPACE, opened.id)
    assert asked.labels is not None
    assert asked.labels.triage.model
