from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from kit.pinned_http import PinnedTransport, UnsafeAddress
from knowledge_base.errors import SourceInvalid, SourceUnavailable
from knowledge_base.sources import CrawlLimits, EntryState, Loaded, Unchanged, WebsiteSource
from knowledge_base.sources.pages import PageReader, _wait_asked
from knowledge_base.sources.robots import Rules
from knowledge_base.sources.safe_http import Fetched, SafeClient
from tests.knowledge_base.sources.conftest import Answer, Site, docx, harvest, pdf

pytestmark = pytest.mark.anyio

FAST = CrawlLimits(delay=0)
WORDS = "There are enough words on this page to be taken for an article of a help centre. "


def website(site: Site, path: str = "/", limits: CrawlLimits = FAST) -> WebsiteSource:
    return WebsiteSource(site.url + path, allow_private=True, limits=limits)


def article(title: str, links: str = "") -> str:
    return f"<h1>{title}</h1><p>{WORDS}{links}</p>"


def sitemap(site: Site, *paths: str) -> str:
    entries = "".join(
        f"<url><loc>{site.url}{path}</loc><lastmod>2026-01-02</lastmod></url>" for path in paths
    )
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'


def keys(site: Site, found: dict[str, object]) -> set[str]:
    return {key.removeprefix(site.url) for key in found}


async def test_a_site_without_a_sitemap_is_crawled(site: Site) -> None:
    site.page(
        "/help/",
        article("Start", '<a href="a#x">a</a> <a href="/help/b?utm_source=y">b</a> <a href="/shop">s</a>'),
    )
    site.page("/help/a", article("A", '<a href="/help/">up</a> <a href="logo.png">p</a>'))
    site.page("/help/b", article("B", '<a href="https://elsewhere.example/">away</a>'))
    found = await harvest(website(site, "/help/"))
    assert keys(site, dict(found.loaded)) == {"/help/", "/help/a", "/help/b"}
    assert found.texts[f"{site.url}/help/b"].startswith("There are enough words")
    document = found.loaded[f"{site.url}/help/a"].documents[0]  # type: ignore[union-attr]  # it was loaded
    assert (document.title, document.url) == ("A", f"{site.url}/help/a")
    assert "/shop" not in site.asked


async def test_a_sitemap_says_which_pages_there_are(site: Site) -> None:
    site.page("/", article("Start", '<a href="/unlisted">x</a>'))
    site.page("/a", article("A"))
    site.page("/b", article("B"))
    site.pages["/robots.txt"] = Answer(f"Sitemap: {site.url}/index.xml", content_type="text/plain")
    site.pages["/index.xml"] = Answer(
        f"<sitemapindex><sitemap><loc>{site.url}/one.xml</loc></sitemap>"
        f"<sitemap><loc>{site.url}/index.xml</loc></sitemap></sitemapindex>",
        content_type="application/xml",
    )
    site.pages["/one.xml"] = Answer(sitemap(site, "/a", "/b", "/a"), content_type="text/xml")
    found = await harvest(website(site))
    assert keys(site, dict(found.loaded)) == {"/a", "/b"}
    loaded = found.loaded[f"{site.url}/a"]
    assert isinstance(loaded, Loaded)
    assert loaded.documents[0].updated_at == datetime(2026, 1, 2, tzinfo=UTC)


async def test_the_location_may_be_a_sitemap(site: Site) -> None:
    site.page("/deep/a", article("A"))
    site.pages["/maps/help.xml"] = Answer(sitemap(site, "/deep/a"), content_type="application/xml")
    found = await harvest(website(site, "/maps/help.xml"))
    assert keys(site, dict(found.loaded)) == {"/deep/a"}
    site.pages["/maps/help.xml"] = Answer(sitemap(site), content_type="application/xml")
    with pytest.raises(SourceInvalid, match="lists no page"):
        await harvest(website(site, "/maps/help.xml"))


async def test_pages_that_did_not_change_are_not_sent_again(site: Site) -> None:
    def conditional(headers: dict[str, str]) -> Answer:
        if headers.get("if-none-match") == '"1"' or headers.get("if-modified-since"):
            return Answer(status=304)
        body = f"<main>{article('Start', '<a href=/a>a</a>')}</main>"
        return Answer(body, headers={"ETag": '"1"', "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT"})

    site.pages["/"] = conditional
    site.page("/a", article("A"))
    first = await harvest(website(site))
    start = first.loaded[f"{site.url}/"]
    assert isinstance(start, Loaded)
    assert start.documents[0].updated_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert list(first.states) == [f"{site.url}/"]
    second = await harvest(website(site), first.states)
    assert isinstance(second.loaded[f"{site.url}/"], Unchanged)
    assert isinstance(second.loaded[f"{site.url}/a"], Loaded)  # found through the links that were kept
    older: dict[str, EntryState] = {key: {**state, "reader": 0} for key, state in first.states.items()}
    assert isinstance((await harvest(website(site), older)).loaded[f"{site.url}/"], Loaded)


async def test_robots_txt_is_obeyed(site: Site) -> None:
    site.pages["/robots.txt"] = Answer("User-agent: *\nDisallow: /private\n", content_type="text/plain")
    site.page("/", article("Start", '<a href="/private/a">p</a>'))
    site.page("/private/a", article("Private"))
    found = await harvest(website(site))
    assert found.skipped == {f"{site.url}/private/a": "not allowed by robots.txt"}
    assert "/private/a" not in site.asked
    with pytest.raises(SourceUnavailable, match=r"robots\.txt of the site does not allow"):
        await harvest(website(site, "/private/a"))


@pytest.mark.parametrize("status", [500, 429])
async def test_a_site_that_cannot_give_its_robots_txt_is_left_alone(site: Site, status: int) -> None:
    site.pages["/robots.txt"] = Answer("", status)
    site.page("/", article("Start"))
    with pytest.raises(SourceUnavailable, match=f"status {status}"):
        await harvest(website(site))
    assert site.asked == ["/robots.txt"]


async def test_the_delay_that_a_site_asks_for_is_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("knowledge_base.sources.website.asyncio.sleep", sleep)
    site.pages["/robots.txt"] = Answer("User-agent: Careloop\nCrawl-delay: 7\n", content_type="text/plain")
    site.page("/", article("Start"))
    await harvest(website(site, limits=CrawlLimits(delay=0.5)))
    await harvest(website(site, limits=CrawlLimits(delay=0.5, longest_delay=3)))
    assert [seconds for seconds in waited if seconds] == [7.0, 3.0]
    assert Rules("").delay == 0


async def test_redirects_stay_within_the_site(site: Site) -> None:
    site.page(
        "/",
        article("Start", " ".join(f'<a href="/{name}">{name}</a>' for name in ("in", "out", "file", "loop"))),
    )
    site.pages["/in"] = Answer(status=301, headers={"Location": "/landed"})
    site.page("/landed", article("Landed"))
    site.pages["/out"] = Answer(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})
    site.pages["/file"] = Answer(status=302, headers={"Location": "file:///etc/passwd"})
    site.pages["/loop"] = Answer(status=302, headers={"Location": "/loop"})
    found = await harvest(website(site))
    assert keys(site, dict(found.loaded)) == {"/", "/landed"}
    assert {key.removeprefix(site.url): reason for key, reason in found.skipped.items()} == {
        "/in": "redirects to another page",
        "/out": "redirects out of the site",
        "/file": "redirects to something that is not the web",
        "/loop": "redirects to another page",
    }


async def test_a_site_on_a_private_address_is_refused_unless_allowed(site: Site) -> None:
    site.page("/", article("Start"))
    with pytest.raises(UnsafeAddress):
        await harvest(WebsiteSource(f"{site.url}/", limits=FAST))
    assert site.requests == []


async def test_a_start_page_that_redirects_to_a_private_address_is_refused(site: Site) -> None:
    async def resolve(host: str, _port: int) -> list[str]:
        return ["127.0.0.1"] if host == "help.example" else ["10.0.0.1"]

    class OnlyHelp(PinnedTransport):
        async def _vetted(self, host: str, port: int) -> str:
            self._allow_private = host == "help.example"
            return await super()._vetted(host, port)

    for target in ("http://10.0.0.1/", "http://localhost/admin", "file:///etc/passwd"):
        site.pages["/"] = Answer(status=302, headers={"Location": target})
        source = WebsiteSource(
            f"http://help.example:{site.port}/", limits=FAST, transport=OnlyHelp(resolve=resolve)
        )
        with pytest.raises(UnsafeAddress):
            await harvest(source)


async def test_a_site_that_moved_is_read_where_it_is_now(site: Site) -> None:
    moved = f"http://localhost:{site.port}"
    site.pages["/old"] = Answer(status=301, headers={"Location": f"{moved}/help/"})
    site.page("/help/", article("Start", '<a href="/help/a">a</a>'))
    site.page("/help/a", article("A"))
    found = await harvest(website(site, "/old"))
    assert set(found.loaded) == {f"{moved}/help/", f"{moved}/help/a"}


async def test_pages_that_cannot_be_read_say_why(site: Site) -> None:
    names = (
        "missing",
        "gone",
        "secret",
        "broken",
        "empty",
        "image",
        "large",
        "hidden",
        "header",
        "terms.pdf",
        "odd.pdf",
    )
    site.page("/", article("Start", " ".join(f'<a href="/{name}">{name}</a>' for name in names)))
    site.pages["/gone"] = Answer(status=410)
    site.pages["/secret"] = Answer(status=403)
    site.pages["/broken"] = Answer(status=500)
    site.pages["/empty"] = Answer("<html><body><div id=app></div></body></html>")
    site.pages["/image"] = Answer(b"x", content_type="image/png")
    site.pages["/large"] = Answer("x" * 2_000_000)
    site.pages["/hidden"] = Answer(
        '<html><head><meta name="robots" content="noindex"></head><body>x</body></html>'
    )
    site.page("/header", article("Header"), headers={"X-Robots-Tag": "NOINDEX"})
    site.pages["/terms.pdf"] = Answer(pdf("Terms of service."), content_type="application/pdf")
    site.pages["/odd.pdf"] = Answer(docx("Not a PDF"), content_type="application/pdf")
    found = await harvest(website(site, limits=CrawlLimits(delay=0, page_bytes=1_000_000)))
    reasons = {key.removeprefix(site.url): reason for key, reason in (found.skipped | found.failed).items()}
    assert reasons.pop("/odd.pdf").startswith("It is damaged")
    assert reasons == {
        "/missing": "not found",
        "/gone": "not found",
        "/secret": "It answers with status 403.",
        "/broken": "It answers with status 500.",
        "/empty": "There is no text in it; a script may be needed to show it.",
        "/image": "not a web page",
        "/large": "It is larger than 1,000,000 bytes.",
        "/hidden": "asks not to be indexed",
        "/header": "asks not to be indexed",
    }
    assert found.texts[f"{site.url}/terms.pdf"] == "Terms of service."


async def test_the_canonical_page_counts_and_a_missing_one_loses_nothing(site: Site) -> None:
    def naming(title: str, canonical: str) -> Answer:
        html = f'<head><link rel="canonical" href="{canonical}"></head><main>{article(title)}</main>'
        return Answer(f"<html>{html}</html>")

    site.page("/", article("Start", '<a href="/a?sort=1">a</a> <a href="/slash/">s</a> <a href="/far">f</a>'))
    site.pages["/a?sort=1"] = naming("A", "/a")
    site.page("/a", article("A"))
    site.pages["/slash/"] = naming("Slash", "/slash")
    site.pages["/slash"] = Answer(status=301, headers={"Location": "/slash/"})
    site.pages["/far"] = naming("Far", "https://elsewhere.example/far")
    found = await harvest(website(site))
    assert keys(site, dict(found.loaded)) == {"/", "/a", "/slash/", "/far"}


async def test_too_many_pages_or_sitemaps_remove_nothing(site: Site) -> None:
    site.page("/", article("Start", " ".join(f'<a href="/{number}">x</a>' for number in range(9))))
    found = await harvest(website(site, limits=CrawlLimits(delay=0, pages=3)))
    assert found.failed[""] == "It has more than 3 pages; the rest was left."
    index = "".join(f"<sitemap><loc>{site.url}/{number}.xml</loc></sitemap>" for number in range(9))
    site.pages["/sitemap.xml"] = Answer(f"<sitemapindex>{index}</sitemapindex>", content_type="text/xml")
    site.pages["/0.xml"] = Answer(sitemap(site, "/"), content_type="text/xml")
    with pytest.raises(SourceUnavailable, match="more than 3 sitemaps"):
        await harvest(website(site, limits=CrawlLimits(delay=0, sitemaps=3)))


async def test_a_sitemap_that_fails_hides_pages_but_removes_none(site: Site) -> None:
    site.page("/a", article("A"))
    site.page("/", article("Start"))
    site.pages["/sitemap.xml"] = Answer(status=503)
    with pytest.raises(SourceUnavailable, match="status 503"):
        await harvest(website(site))
    site.pages["/robots.txt"] = Answer(
        f"Sitemap: {site.url}/good.xml\nSitemap: file:///etc/passwd\n", content_type="text/plain"
    )
    site.pages["/good.xml"] = Answer(sitemap(site, "/a"), content_type="text/xml")
    found = await harvest(website(site))
    assert keys(site, dict(found.loaded)) == {"/a"}
    assert all(item.subtree for item in found.listed if item.key == "")  # type: ignore[union-attr]  # failures


async def test_a_site_that_stops_answering_ends_the_visit(site: Site) -> None:
    site.page("/", article("Start", " ".join(f'<a href="/{number}">x</a>' for number in range(20))))
    for number in range(20):
        site.pages[f"/{number}"] = Answer(status=502)
    with pytest.raises(SourceUnavailable, match="stopped answering"):
        await harvest(website(site))


@pytest.mark.parametrize("status", [404, 500])
async def test_a_start_page_that_fails_makes_the_site_unavailable(site: Site, status: int) -> None:
    site.pages["/"] = Answer(status=status)
    with pytest.raises(SourceUnavailable, match=f"status {status}"):
        await harvest(website(site))


async def test_a_site_that_is_down_is_unavailable(site: Site) -> None:
    with pytest.raises(SourceUnavailable, match=r"robots\.txt cannot be read"):
        await harvest(WebsiteSource("http://127.0.0.1:1/", allow_private=True))
    site.pages["/"] = Answer(status=302, headers={"Location": "http://127.0.0.1:1/"})
    with pytest.raises(SourceUnavailable, match="could not be fetched"):
        await harvest(website(site))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "not a url", "ftp://x.example/"])
def test_what_is_no_site_is_refused(url: str) -> None:
    with pytest.raises(SourceInvalid):
        WebsiteSource(url)


async def test_a_busy_site_is_asked_again_when_it_says(site: Site) -> None:
    busy = [Answer(status=503, headers={"Retry-After": "5"}), Answer(status=429), Answer("fine")]
    site.pages["/"] = lambda _headers: busy.pop(0)
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async with SafeClient(PinnedTransport(allow_private=True), user_agent="x") as client:
        reader = PageReader(client, None, 1000, sleep=sleep)  # type: ignore[arg-type]  # nothing is converted
        fetched = await reader._fetch(f"{site.url}/", {})
        assert fetched.body == b"fine"
    assert waited == [5.0, 1.0]
    assert _wait_asked(Fetched("", 503, httpx.Headers({"retry-after": "9999"}), b"")) == 60.0


async def test_a_visit_can_be_cancelled(site: Site) -> None:
    site.page("/", article("Start"))
    task = asyncio.create_task(harvest(website(site, limits=CrawlLimits(delay=30))))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
