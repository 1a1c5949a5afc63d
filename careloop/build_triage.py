"""The parts of triage, made from the settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from api.triagers import KIND, TriageParts, Triagers, load_intents
from careloop.settings import Settings
from inference.embeddings import Encoder
from kit.clock import Clock
from kit.errors import Misconfigured
from kit.log import get_logger
from store.encryption import Cipher
from store.engine import Database
from triage.brands import Brands
from triage.entities import EntityFinder
from triage.known_labels import KnownLabels
from triage.language import LanguageIdentifier
from triage.learning import Learner
from triage.learning_ledger import LearningLedger
from triage.live_model import LiveModels
from triage.models import TriageModels, prepare_models
from triage.opinion_report import Prices
from triage.opinion_store import OpinionStore
from triage.registry import ModelRegistry
from triage.routing import Router
from triage.rules import RoutingSettings, read_routing
from triage.second_opinion import Candidate, OpinionPolicy, SecondOpinions
from triage.taxonomy import Taxonomy, read_taxonomy, shipped
from triage.text_hash import TextHash
from triage.tickets import TicketReader, TicketStore
from triage.triager import Triager

_SHORTEST_NAME = 4  # letters: "The" of The Phone Company is nobody's name
_log = get_logger("careloop.triage")


async def build_triage(
    settings: Settings,
    database: Database,
    encoder: Encoder,
    *,
    cipher: Cipher,
    key: bytes,
    clock: Clock,
    chat_model: BaseChatModel | None = None,
    reader: TicketReader | None = None,
) -> TriageParts | None:
    """The parts, with models from the cache or trained now; none where triage is off.

    ``key`` is the one that encrypts at rest; ``chat_model`` gives second opinions, where they are on;
    ``reader`` is told what models say of tickets. Raises
    ``Misconfigured`` or ``InvalidInput`` for a taxonomy or rules that cannot be used.
    """
    if not settings.triage.enabled:
        return None
    taxonomy = read_taxonomy(taxonomy_file(settings))
    routing = routing_rules(settings, taxonomy)
    second_opinion = _second_opinion(settings, taxonomy, chat_model, clock=clock)
    models = await asyncio.to_thread(triage_models, settings, taxonomy, encoder, told=_log.info)
    make = triager_maker(settings, taxonomy, encoder)
    registry = model_registry(settings, database, clock=clock)
    await registry.clean()
    tickets = TicketStore(cipher, TextHash(key), reader=reader)
    return TriageParts(
        taxonomy=taxonomy,
        triagers=Triagers(models, make, LiveModels(registry, load_intents, kind=KIND, clock=clock)),
        router=None if routing is None else Router.of(routing),
        labels=KnownLabels(taxonomy, routing, tickets.corrections),
        tickets=tickets,
        registry=registry,
        learner=Learner(database, tickets.corrections, registry, encoder, intents=taxonomy.leaves),
        ledger=LearningLedger(database, clock=clock),
        opinions=OpinionStore(cipher),
        encoder=encoder,
        second_opinion=second_opinion,
        prices=prices(settings),
        learn_at=settings.triage.learning_time,
    )


def model_registry(settings: Settings, database: Database, *, clock: Clock) -> ModelRegistry:
    """The versions of the models that learned, in the data folder."""
    return ModelRegistry(database, settings.data_dir / "triage", clock=clock)


def prices(settings: Settings) -> Prices | None:
    """What the language model's tokens cost; none where the settings do not say."""
    asked = settings.triage.second_opinion
    if asked.input_price is None and asked.output_price is None:
        return None
    return Prices(asked.input_price or 0.0, asked.output_price or 0.0)


def triage_models(
    settings: Settings, taxonomy: Taxonomy, encoder: Encoder, *, told: Callable[[str], None]
) -> TriageModels:
    """The models of ``taxonomy``; ``told`` hears when they have to be trained."""
    cache = settings.encoder.cache_dir.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    return prepare_models(taxonomy, encoder, cache, told=told)


def taxonomy_file(settings: Settings) -> Path:
    """The file of the taxonomy that is configured. Raises ``Misconfigured`` when there is none."""
    chosen = settings.triage.taxonomy
    file = shipped().get(chosen, Path(chosen))
    if not file.is_file():
        raise Misconfigured(
            f"CARELOOP_TRIAGE__TAXONOMY is {chosen}, which is no file and none of {', '.join(shipped())}."
        )
    return file


def own_names(settings: Settings) -> Sequence[str]:
    """What customers may call the company."""
    if settings.triage.brands:
        return settings.triage.brands
    company = settings.bot.company.strip()
    first = company.partition(" ")[0]
    return (company, first) if len(first) >= _SHORTEST_NAME else (company,)


def _second_opinion(
    settings: Settings, taxonomy: Taxonomy, chat_model: BaseChatModel | None, *, clock: Clock
) -> SecondOpinions | None:
    asked = settings.triage.second_opinion
    if asked.enabled and settings.llm.model is None:
        raise Misconfigured(
            "CARELOOP_TRIAGE__SECOND_OPINION__ENABLED asks a language model, but there is none: "
            "set CARELOOP_LLM__MODEL."
        )
    if not asked.enabled or chat_model is None:
        return None
    return SecondOpinions(
        chat_model,
        {name: Candidate(intent.title, intent.description) for name, intent in taxonomy.leaves.items()},
        policy=OpinionPolicy(
            low=asked.low, high=asked.high, calls_per_minute=asked.calls_per_minute, share=asked.share
        ),
        model_name=settings.llm.model or "",
        clock=clock,
    )


def routing_rules(settings: Settings, taxonomy: Taxonomy) -> RoutingSettings | None:
    """The rules that are configured, else those beside the taxonomy, if there are any.

    Raises ``RoutingInvalid``.
    """
    file = settings.triage.routing
    if file is None:
        beside = taxonomy_file(settings).with_suffix(".routing.yaml")
        file = beside if beside.is_file() else None
    if file is None:
        return None
    return read_routing(file, intents=taxonomy.intent_names)


def triager_maker(
    settings: Settings, taxonomy: Taxonomy, encoder: Encoder
) -> Callable[[TriageModels], Triager]:
    """What makes a triager of models, with the names, products and risk of the settings."""
    return partial(
        Triager,
        encoder=encoder,
        intents=taxonomy.leaves,
        brands=Brands(
            [*own_names(settings), *taxonomy.brands], [*settings.triage.competitors, *taxonomy.rivals]
        ),
        entities=EntityFinder(products=taxonomy.products),
        languages=LanguageIdentifier(),
        risk=settings.triage.risk,
    )
