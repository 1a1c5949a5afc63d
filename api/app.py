"""The HTTP application: its routes, its middleware, its errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from api import (
    chat_completions,
    conversations,
    desk,
    errors,
    health,
    keys,
    knowledge,
    page,
    tickets,
    triage,
    visitors,
)
from api.auth import Authenticator, VisitorTokens
from api.idempotency import REPLAYED, IdempotencyStore
from api.learning import LearningRuns
from api.middleware import BodyGuard, Cors, HostCheck, HttpMetrics, RequestContext, SecurityHeaders
from api.openapi import document_of
from api.rate_limit import MemoryRateLimiter
from api.state import ApiConfig, Services
from api.syncs import Syncs


def create_app(services: Services, config: ApiConfig) -> FastAPI:
    """The application over ``services``.

    It closes nothing that it was given: whoever made the parts does. Raises ``Misconfigured`` for a secret
    that is too short.
    """
    app = FastAPI(
        title="Careloop",
        version=config.version,
        docs_url=None,  # page.py has one that loads nothing from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        middleware=_middleware(services, config),
    )
    _fill_state(app, services, config)
    errors.install(app)
    for resource in (
        conversations,
        desk,
        chat_completions,
        knowledge,
        triage,
        tickets,
        visitors,
        keys,
        health,
    ):
        app.include_router(resource.router)
    if config.public_chat:
        app.include_router(page.router)
    app.include_router(page.docs)
    app.mount("/page", StaticFiles(directory=page.FILES))
    app.openapi = document_of(app)  # type: ignore[method-assign]  # the documented way to extend it
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await app.state.syncs.stop()
    if app.state.learning is not None:
        await app.state.learning.stop()


def _fill_state(app: FastAPI, services: Services, config: ApiConfig) -> None:
    state = app.state
    state.services = services
    state.config = config
    state.tokens = VisitorTokens(
        config.visitor_secret, lifetime=config.visitor_token_lifetime, clock=services.clock
    )
    state.authenticator = Authenticator(
        config,
        access=services.access,
        tokens=state.tokens,
        limiter=services.limiter or MemoryRateLimiter(services.clock),
    )
    state.idempotency = IdempotencyStore(services.database, services.cipher, services.clock)
    state.syncs = Syncs(services.synchroniser)
    state.learning = LearningRuns(services.triage, services.clock) if services.triage else None


def _middleware(services: Services, config: ApiConfig) -> list[Middleware]:
    """Outermost first."""
    return [
        Middleware(RequestContext, metrics=HttpMetrics(services.registry)),
        Middleware(SecurityHeaders, pages=("/", "/docs")),
        Middleware(HostCheck, allowed=config.allowed_hosts),
        Middleware(
            Cors,
            allow_origins=config.allowed_origins,
            allow_methods=("GET", "POST", "PUT", "DELETE"),
            allow_headers=(
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "Last-Event-ID",
                "X-Request-Id",
            ),
            expose_headers=("Retry-After", "X-Request-Id", REPLAYED),
            max_age=600,
        ),
        Middleware(BodyGuard, limit=config.max_body_bytes),
    ]
