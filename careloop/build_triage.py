"""The parts of triage, made from the settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

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
from triage.language import LanguageIdentifier
from triage.learning import Learner
from triage.live_model import LiveModels
from triage.models import TriageModels, prepare_models
from triage.registry import ModelRegistry
from triage.routing import Router
from triage.rules import read_routing
from triage.taxonomy import Taxonomy, read_taxonomy, shipped
from triage.text_hash import TextHash
from triage.tickets import TicketStore
from triage.triager import Triager

_SHORTEST_NAME = 4  # letters: "The" of The Phone Company is nobody's name
_log = get_logger("careloop.triage")


async def build_triage(
    settings: Settings, database: Database, encoder: Encoder, *, cipher: Cipher, key: bytes, clock: Clock
) -> TriageParts | None:
    """The parts, with models from the cache or trained now; none where triage is off.

    ``key`` is the one that encrypts at rest. Raises ``Misconfigured`` or ``InvalidInput`` for a taxonomy or
    rules that cannot be used.
    """
    if not settings.triage.enabled:
        return None
    taxonomy = read_taxonomy(taxonomy_file(settings))
    router = _router(settings, taxonomy)
    models = await asyncio.to_thread(triage_models, settings, taxonomy, encoder, told=_log.info)
    make = triager_maker(settings, taxonomy, encoder)
    registry = ModelRegistry(database, settings.data_dir / "triage", clock=clock)
    await registry.clean()
    tickets = TicketStore(cipher, TextHash(key))
    return TriageParts(
        taxonomy=taxonomy,
        triagers=Triagers(models, make, LiveModels(registry, load_intents, kind=KIND, clock=clock)),
        router=router,
        tickets=tickets,
        registry=registry,
        learner=Learner(database, tickets.corrections, registry, encoder),
    )


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


def _router(settings: Settings, taxonomy: Taxonomy) -> Router | None:
    file = settings.triage.routing
    if file is None:
        beside = taxonomy_file(settings).with_suffix(".routing.yaml")
        file = beside if beside.is_file() else None
    if file is None:
        return None
    groups = [group.name for group in taxonomy.intents]
    return Router.of(read_routing(file, intents=[*taxonomy.leaves, *groups]))


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
