"""One page of a web site: fetched if it changed, turned into a document."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urlsplit

from knowledge_base.errors import CannotLoad
from knowledge_base.sources.articles import article
from knowledge_base.sources.canonical import moment, title_of_name
from knowledge_base.sources.converter import Converted, Converter, Format
from knowledge_base.sources.safe_http import Fetched, SafeClient
from knowledge_base.sources.source import EntryState, Loaded, Skipped, Unchanged
from knowledge_base.sources.urls import canonical_url

_READER_VERSION = (
    1  # bumped when pages are read differently, so that pages which did not change are read again
)
_FORMATS = {
    "text/html": Format.HTML,
    "application/xhtml+xml": Format.HTML,
    "application/pdf": Format.PDF,
    "": Format.HTML,
}
_RETRIES = 2
_LONGEST_WAIT = 60.0  # seconds; who asks for more is asked again at the next sync

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Redirect:
    """The page is elsewhere: at a canonical URL, or at none when it is not one of the web."""

    target: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was read; ``loaded`` is none when it asks not to be indexed. All URLs are canonical."""

    loaded: Loaded | None
    canonical: str
    links: tuple[str, ...]


class PageReader:
    """Fetches pages through ``client`` and reads them with ``converter``."""

    def __init__(
        self, client: SafeClient, converter: Converter, most_bytes: int, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._client = client
        self._converter = converter
        self._most_bytes = most_bytes
        self._sleep = sleep

    async def read(
        self, url: str, known: EntryState | None, *, listed_date: str | None = None
    ) -> Page | Redirect | Skipped | Unchanged:
        """Fetch ``url`` unless it is as ``known`` says. Raises ``CannotLoad`` with the reason.

        ``listed_date`` is when it last changed according to a sitemap.
        """
        known = known if known and known.get("reader") == _READER_VERSION else None
        fetched = await self._fetch(url, known or {})
        if fetched.status == 304 and known is not None:
            return Unchanged(known)
        if fetched.location is not None:
            return Redirect(canonical_url(fetched.location))
        if fetched.status in {404, 410}:
            return Skipped(url, "not found")
        if fetched.status != 200:
            raise CannotLoad(f"It answers with status {fetched.status}.")
        kind = _FORMATS.get(fetched.content_type)
        if kind is None:
            return Skipped(url, "not a web page")
        converted = await self._converter.convert(fetched.body, kind=kind, url=url, encoding=fetched.charset)
        return _page(url, fetched, converted, listed_date)

    async def _fetch(self, url: str, known: EntryState) -> Fetched:
        headers = {}
        if known.get("etag"):
            headers["If-None-Match"] = str(known["etag"])
        if known.get("last_modified"):
            headers["If-Modified-Since"] = str(known["last_modified"])
        for _ in range(_RETRIES):
            fetched = await self._client.get(url, most_bytes=self._most_bytes, headers=headers)
            if fetched.status not in {429, 503}:
                return fetched
            await self._sleep(_wait_asked(fetched))
        return await self._client.get(url, most_bytes=self._most_bytes, headers=headers)


def _page(url: str, fetched: Fetched, converted: Converted, listed_date: str | None) -> Page:
    links = tuple(dict.fromkeys(filter(None, map(canonical_url, converted.links))))
    canonical = canonical_url(converted.canonical_url or url) or url
    noindex = "noindex" in str(fetched.headers.get("x-robots-tag", "")).lower()
    if not converted.indexable or noindex:
        return Page(None, canonical, links)
    if not converted.text.strip():
        raise CannotLoad("There is no text in it; a script may be needed to show it.")
    changed = moment(converted.updated) or moment(listed_date) or _last_modified(fetched)
    name = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]).partition(".")[0]
    fields: dict[str, object] = {"title": converted.title, "updated": changed}
    document = article(
        url, name or title_of_name(urlsplit(url).netloc), converted.text, fields=fields, url=url
    )
    return Page(Loaded((document,), _state(fetched, links)), canonical, links)


def _state(fetched: Fetched, links: tuple[str, ...]) -> EntryState | None:
    """What a conditional request needs next time; none if the site gives nothing to ask with."""
    validators = {"etag": fetched.headers.get("etag"), "last_modified": fetched.headers.get("last-modified")}
    if not any(validators.values()):
        return None
    return {**validators, "links": list(links), "reader": _READER_VERSION}


def _last_modified(fetched: Fetched) -> object:
    try:
        return moment(parsedate_to_datetime(str(fetched.headers.get("last-modified", ""))))
    except ValueError:
        return None


def _wait_asked(fetched: Fetched) -> float:
    asked = str(fetched.headers.get("retry-after", ""))
    return min(float(asked), _LONGEST_WAIT) if asked.isdigit() else 1.0
