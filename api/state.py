"""What the application is made of: the parts it calls and the settings it follows, given from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry

from api.ports import Chat, Check, OpenSource, Synchroniser
from api.rate_limit import Limit, RateLimiter
from api.triagers import TriageParts
from bot.claim_review import ClaimReview
from customers import CustomerBook
from insights.parts import InsightParts
from kit.clock import Clock, SystemClock
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from knowledge_base.catalogue import Catalogue
from retrieval import Retriever
from signals.delivery.parts import DeliveryParts
from signals.inbound.receiver import Receiver
from signals.parts import SignalParts
from signals.predictions.outlook import Outlook
from store.access import Access
from store.encryption import Cipher
from store.engine import Database


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one caller may ask for. Open access in development is not limited."""

    key: Limit = field(default_factory=lambda: Limit.per_minute(600))
    visitor: Limit = field(default_factory=lambda: Limit.per_minute(60))
    address: Limit = field(default_factory=lambda: Limit.per_minute(1200))


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that the routes call.

    ``checks`` are what ``/readyz`` asks, by name (``database``, ``index``, ``encoder``). ``registry``
    collects metrics of every part. ``limiter`` counts requests in this process unless another is given.
    The routes of ``triage`` and ``signals`` say that they are off where there are none. Whoever stops the
    server sets ``stopping`` first: streams without end would keep it from stopping.
    """

    database: Database
    cipher: Cipher
    access: Access
    chat: Chat
    retriever: Retriever
    catalogue: Catalogue
    synchroniser: Synchroniser
    open_source: OpenSource
    customers: CustomerBook
    triage: TriageParts | None = None
    signals: SignalParts | None = None
    delivery: DeliveryParts | None = None
    inbound: Receiver | None = None
    claims: ClaimReview | None = None
    insights: InsightParts | None = None
    outlook: Outlook | None = None
    checks: Mapping[str, Check] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    limiter: RateLimiter | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """How the API behaves; the composition root makes it from the settings.

    ``visitor_secret`` (32 bytes or more) signs visitor tokens. ``open_access`` lets callers on loopback in
    without a key: for development. ``allowed_hosts`` are the names under which the server is reached,
    besides loopback; ``allowed_origins`` the web pages elsewhere that may call it from a browser.
    ``workspace`` is whom open access, the chat page and visitors without a key talk to; with
    ``public_chat`` off there is no page and every visitor token is made by a key. ``knowledge_roots`` are
    the folders that the API may load documents from.
    """

    visitor_secret: bytes
    version: str = "0.1.0"
    open_access: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    workspace: WorkspaceId = DEFAULT_WORKSPACE
    public_chat: bool = True
    company: str = "Brightwater Broadband"
    starters: tuple[str, ...] = (
        "How do I change my Wi-Fi password?",
        "How do I set up the Hub 3?",
        "What happens if I pay late?",
        "How do I cancel?",
    )
    visitor_token_lifetime: timedelta = timedelta(hours=1)
    limits: Limits = field(default_factory=Limits)
    knowledge_roots: tuple[Path, ...] = ()
    max_body_bytes: int = 1024 * 1024  # a mail with its quotes may have hundreds of kB
    heartbeat: timedelta = timedelta(seconds=15)
