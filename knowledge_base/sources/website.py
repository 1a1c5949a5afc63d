"""A web site as a source: the pages its sitemap lists, or else those its links lead to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from functools import partial

import httpx

from kit.pinned_http import PinnedTransport, UnsafeAddress
from knowledge_base.errors import CannotLoad, SourceInvalid, SourceUnavailable
from knowledge_base.sources.converter import Converter
from knowledge_base.sources.limits import MEBIBYTE, FileLimits
from knowledge_base.sources.pages import Page, PageReader, Redirect
from knowledge_base.sources.robots import PRODUCT, Rules, fetch_rules
from knowledge_base.sources.safe_http import Fetched, SafeClient
from knowledge_base.sources.sitemap import read_sitemap
from knowledge_base.sources.source import (
    Entry,
    EntryState,
    Failure,
    Listed,
    Loaded,
    Skipped,
    SourceKind,
    Unchanged,
)
from knowledge_base.sources.urls import Scope, canonical_url, is_page, origin

_GIVE_UP_AFTER = 8  # pages in a row that could not be fetched: the site is down, not they


@dataclass(frozen=True, slots=True)
class CrawlLimits:
    """How much of a site is fetched, and how gently.

    ``delay`` is the time between two requests in seconds; a longer one asked for by robots.txt is kept, up
    to ``longest_delay``.
    """

    pages: int = 5000
    page_bytes: int = 16 * MEBIBYTE
    sitemaps: int = 100
    sitemap_bytes: int = 50 * MEBIBYTE  # the protocol's own limit
    delay: float = 0.25
    longest_delay: float = 30.0
    response_seconds: float = 30.0


class WebsiteSource:
    """The pages of a site below a start page, or those that a sitemap lists.

    A page is known by its canonical URL. robots.txt, noindex, nofollow and canonical links are honoured;
    pages that say when they changed are fetched only when they did. ``allow_private`` lets it reach
    addresses inside the operator's own network.
    """

    kind = SourceKind.WEBSITE

    def __init__(
        self,
        url: str,
        *,
        allow_private: bool = False,
        limits: CrawlLimits | None = None,
        file_limits: FileLimits | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        user_agent: str = f"{PRODUCT}/1.0 (help centre import)",
    ) -> None:
        location = canonical_url(url)
        if location is None:
            raise SourceInvalid(
                f"{url[:200]!r} is not a URL of a web site: it must begin with http:// or https://."
            )
        self.location = location
        self._allow_private = allow_private
        self._limits = limits or CrawlLimits()
        self._file_limits = file_limits or FileLimits()
        self._transport = transport
        self._user_agent = user_agent

    async def entries(self, known: Mapping[str, EntryState]) -> AsyncGenerator[Listed, None]:
        """Its pages as they are found; ``known`` has the ETag, date and links of each page."""
        transport = self._transport or PinnedTransport(allow_private=self._allow_private)
        client = SafeClient(transport, user_agent=self._user_agent, seconds=self._limits.response_seconds)
        async with client, Converter(self._file_limits) as converter:
            crawl = _Crawl(client, self._limits, PageReader(client, converter, self._limits.page_bytes))
            await crawl.open(self.location)
            async for item in crawl.pages(known):
                yield item


class _Crawl:
    """One visit to a site."""

    def __init__(self, client: SafeClient, limits: CrawlLimits, reader: PageReader) -> None:
        self._client = client
        self._limits = limits
        self._reader = reader
        self._rules = Rules("")
        self._scope = Scope("", "/")
        self._follow_links = True
        self._frontier: deque[str] = deque()
        self._seen: set[str] = set()
        self._dates: dict[str, str | None] = {}
        self._failures: list[Failure] = []
        self._failed_in_a_row = 0
        self._loaded: set[str] = set()
        # Pages that name another as the one to know: they count if that one turns out not to be there.
        self._deferred: dict[str, tuple[str, Loaded]] = {}

    async def open(self, start: str) -> None:
        """Learn the site's rules and where to begin."""
        self._rules = await fetch_rules(self._client, origin(start))
        if not self._rules.allow(start):
            raise SourceUnavailable(f"The robots.txt of the site does not allow {start} to be fetched.")
        try:
            first = await self._client.follow(start, most_bytes=self._limits.sitemap_bytes)
        except CannotLoad as error:
            raise SourceUnavailable(f"{start}: {error.detail}") from None
        if first.status >= 400:
            raise SourceUnavailable(f"{start} answers with status {first.status}.")
        arrived = canonical_url(first.url) or start
        if origin(arrived) != origin(start):
            self._rules = await fetch_rules(self._client, origin(arrived))
        if _is_sitemap(first):
            self._scope = Scope(origin(arrived), "/")
            await self._read_sitemaps([arrived])
            if not self._frontier and not self._failures:
                raise SourceInvalid(f"{start} lists no page of {origin(arrived)}.")
        else:
            self._scope = Scope.of(arrived)
            await self._read_sitemaps([*self._rules.sitemaps, f"{origin(arrived)}/sitemap.xml"])
        if not self._frontier:
            if self._failures:
                raise SourceUnavailable(self._failures[0].reason)
            self._enqueue(arrived)
        else:
            self._follow_links = False

    async def pages(self, known: Mapping[str, EntryState]) -> AsyncGenerator[Listed, None]:
        """Every page in scope, fetched when its turn comes."""
        for failure in self._failures:
            yield failure
        fetched = 0
        while self._frontier:
            if fetched >= self._limits.pages:
                yield Failure(
                    "", f"It has more than {self._limits.pages:,} pages; the rest was left.", subtree=True
                )
                return
            url = self._frontier.popleft()
            item = await self._visit(url, known.get(url))
            if item is not None:
                yield item
            fetched += 1
        for canonical, (url, loaded) in self._deferred.items():
            if canonical not in self._loaded:
                yield Entry(url, partial(_ready, loaded))

    async def _visit(self, url: str, known: EntryState | None) -> Listed | None:
        if not self._rules.allow(url):
            return Skipped(url, "not allowed by robots.txt")
        await asyncio.sleep(min(max(self._limits.delay, self._rules.delay), self._limits.longest_delay))
        try:
            outcome = await self._reader.read(url, known, listed_date=self._dates.get(url))
        except CannotLoad as error:
            return self._fail(url, error)
        self._failed_in_a_row = 0
        match outcome:
            case Skipped():
                return outcome
            case Redirect(target):
                return self._redirect(url, target)
            case Unchanged(state):
                self._discover(state.get("links", ()))
                self._loaded.add(url)
                return Entry(url, partial(_ready, outcome))
            case Page():
                return self._take(url, outcome)

    def _take(self, url: str, page: Page) -> Listed | None:
        self._discover(page.links)
        if page.loaded is None:
            return Skipped(url, "asks not to be indexed")
        if page.canonical != url and page.canonical in self._scope and is_page(page.canonical):
            self._deferred.setdefault(page.canonical, (url, page.loaded))
            self._enqueue(page.canonical)
            return None
        self._loaded.add(url)
        return Entry(url, partial(_ready, page.loaded))

    def _redirect(self, url: str, target: str | None) -> Skipped:
        if target is None:
            return Skipped(url, "redirects to something that is not the web")
        if target not in self._scope:
            return Skipped(url, "redirects out of the site")
        self._enqueue(target)
        return Skipped(url, "redirects to another page")

    def _fail(self, url: str, error: CannotLoad) -> Failure:
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= _GIVE_UP_AFTER:
            raise SourceUnavailable(f"The site stopped answering; last at {url}: {error.detail}") from None
        return Failure(url, error.detail)

    def _discover(self, links: tuple[str, ...] | list[str]) -> None:
        if self._follow_links:
            for link in links:
                self._enqueue(link)

    def _enqueue(self, url: str) -> None:
        if url not in self._seen and url in self._scope and is_page(url):
            self._seen.add(url)
            self._frontier.append(url)

    async def _read_sitemaps(self, urls: list[str]) -> None:
        waiting = deque(dict.fromkeys(urls))
        seen = set(waiting)
        while waiting:
            url = waiting.popleft()
            if len(seen) > self._limits.sitemaps:
                self._failures.append(
                    Failure("", f"It has more than {self._limits.sitemaps} sitemaps.", subtree=True)
                )
                return
            try:
                fetched = await self._client.follow(url, most_bytes=self._limits.sitemap_bytes)
                if fetched.status >= 500 or fetched.status == 429:
                    raise CannotLoad(f"it answers with status {fetched.status}.")  # noqa: TRY301 (told as the rest is)
                if fetched.status >= 400 or "html" in fetched.content_type:
                    continue  # there is none
                sitemap = read_sitemap(fetched.body, most_bytes=self._limits.sitemap_bytes)
            except (CannotLoad, UnsafeAddress) as error:
                # What it lists is unknown: nothing may be taken for removed.
                self._failures.append(
                    Failure("", f"The sitemap {url} cannot be read: {error.detail}", subtree=True)
                )
                continue
            for further in sitemap.sitemaps:
                if further not in seen:
                    seen.add(further)
                    waiting.append(further)
            for page, date in sitemap.pages:
                canonical = canonical_url(page)
                if canonical is not None:
                    self._dates.setdefault(canonical, date)
                    self._enqueue(canonical)


def _is_sitemap(fetched: Fetched) -> bool:
    is_xml = fetched.content_type.endswith("xml") and fetched.content_type != "application/xhtml+xml"
    return is_xml or fetched.url.endswith((".xml", ".xml.gz"))


async def _ready(outcome: Loaded | Unchanged) -> Loaded | Unchanged:
    return outcome
