"""The chat page at ``/`` and the API's description at ``/docs``: this server's own files only."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import BaseModel

from api.deps import ConfigDep

FILES = Path(__file__).parent / "page"
router = APIRouter(include_in_schema=False)
docs = APIRouter(include_in_schema=False)


class PageSettings(BaseModel):
    """What the page says in the company's name."""

    company: str
    starters: list[str]


@router.get("/")
async def page() -> FileResponse:
    """The chat page."""
    return FileResponse(FILES / "index.html", media_type="text/html")


@docs.get("/docs")
async def description() -> FileResponse:
    """The API's description. FastAPI's own pages load their scripts from elsewhere."""
    return FileResponse(FILES / "docs.html", media_type="text/html")


@router.get("/page/settings.json")
async def settings(config: ConfigDep) -> PageSettings:
    """What the page says in the company's name."""
    return PageSettings(company=config.company, starters=list(config.starters))
