"""The HTTP application: its routes, its middleware, its errors."""

from __future__ import annotations

from fastapi import FastAPI

from api.state import ApiConfig, Services


def create_app(services: Services, config: ApiConfig) -> FastAPI:
    """The application over ``services``. Starts nothing and closes nothing: whoever made the parts does."""
    app = FastAPI(title="Careloop", version=config.version, docs_url=None, redoc_url=None)
    app.state.services = services
    app.state.config = config
    return app
