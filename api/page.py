"""The chat page at ``/``: static files of this server, nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import BaseModel

from api.deps import ConfigDep

FILES = Path(__file__).parent / "page"
router = APIRouter(include_in_schema=False)


class PageSettings(BaseModel):
    """What the page says in the company's name."""

    company: str
    starters: list[str]


@router.get("/")
async def page() -> FileResponse:
    """The chat page."""
    return FileResponse(FILES / "index.html", media_type="text/html")


@router.get("/page/settings.json")
async def settings(config: ConfigDep) -> PageSettings:
    """What the page says in the company's name."""
    return PageSettings(company=config.company, starters=list(config.starters))
